//! Patches of objects.

use http::StatusCode;
use serde_json::Value;

use super::answer::Response;
use super::options::WriteOptions;
use super::update::Tracking;
use super::{Api, Call, On, admission, media};
use crate::registry::{Model, events};
use crate::status::{ApiError, Cause};

const JSON_PATCH: &str = "application/json-patch+json";
const MERGE_PATCH: &str = "application/merge-patch+json";

impl Api {
    pub(super) async fn patch(&self, call: &Call, on: &On) -> Result<Response, ApiError> {
        let options = WriteOptions::parse(&call.query, true)?;
        media::view(call)?;
        let kind = media::content_type(call);
        if options.force.is_some() {
            let cause = Cause::forbidden("force", "may not be specified for non-apply patch");
            return Err(ApiError::invalid(
                crate::status::About::new("meta.k8s.io", "PatchOptions", ""),
                vec![cause],
            ));
        }
        let offered = [JSON_PATCH, MERGE_PATCH];
        if !offered.contains(&kind.as_str()) {
            return Err(ApiError::unsupported_media(&kind, &offered));
        }
        let (patch, duplicates) = media::json(&call.body)?;
        let manager = options
            .manager
            .clone()
            .unwrap_or_else(|| call.default_manager());
        let compute = |old: &Value| {
            let shown = in_version(on, old.clone());
            let patched = patched(&kind, &shown, &patch)?;
            admission::decode(on, patched)
        };
        self.change(
            call,
            on,
            &options,
            &duplicates,
            compute,
            Tracking::Update(&manager),
        )
        .await
    }
}

/// The stored object as the resource's version shows it: what a patch is about.
fn in_version(on: &On, mut stored: Value) -> Value {
    if on.resource.model == Model::Event {
        return events::from_core(stored);
    }
    if let Some(map) = stored.as_object_mut() {
        map.insert("apiVersion".into(), on.resource.api_version().into());
    }
    stored
}

fn patched(kind: &str, object: &Value, patch: &Value) -> Result<Value, ApiError> {
    let mut patched = object.clone();
    match kind {
        JSON_PATCH => {
            let operations: json_patch::Patch =
                serde_json::from_value(patch.clone()).map_err(|error| {
                    ApiError::bad_request(format!("the body is not a JSON patch: {error}"))
                })?;
            json_patch::patch(&mut patched, &operations).map_err(|error| {
                let message = format!("the patch cannot be applied: {error}");
                ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message)
            })?;
        }
        _ if patch.is_object() => json_patch::merge(&mut patched, patch),
        _ => return Err(ApiError::bad_request("a merge patch must be an object")),
    }
    if patched.is_object() {
        Ok(patched)
    } else {
        Err(ApiError::bad_request("the patched object is not an object"))
    }
}

/// A patch of something that is not stored as it is shown (a Scale).
pub(super) fn plain(call: &Call, shown: &Value) -> Result<Value, ApiError> {
    let kind = media::content_type(call);
    let offered = [JSON_PATCH, MERGE_PATCH];
    if !offered.contains(&kind.as_str()) {
        return Err(ApiError::unsupported_media(&kind, &offered));
    }
    patched(&kind, shown, &media::json(&call.body)?.0)
}
