//! Patches: JSON patch, merge patch, strategic merge patch and server-side apply.

use http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;

use super::admission::{self, Part};
use super::answer::Response;
use super::options::{WriteOptions, Writing};
use super::update::Tracking;
use super::{Api, Call, On, media};
use crate::apply::{self, ApplyError};
use crate::object_meta;
use crate::registry::{Model, events, gvk};
use crate::status::{ApiError, Cause};
use crate::store::Key;

const JSON_PATCH: &str = "application/json-patch+json";
const MERGE_PATCH: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

impl Api {
    pub(super) async fn patch(&self, call: &Call, on: &On) -> Result<Response, ApiError> {
        let options = WriteOptions {
            patched: media::content_type(call) != APPLY,
            ..WriteOptions::parse(&call.query, Writing::Patch)?
        };
        media::view(call)?;
        let kind = media::content_type(call);
        if kind == APPLY {
            let options = WriteOptions {
                applied: true,
                ..options
            };
            return self.apply(call, on, &options).await;
        }
        if options.force.is_some() {
            let cause = Cause::forbidden("force", "may not be specified for non-apply patch");
            return Err(ApiError::invalid(
                crate::status::About::new("meta.k8s.io", "PatchOptions", ""),
                vec![cause],
            ));
        }
        let custom = on.resource.model == Model::Custom;
        let offered: &[&str] = if custom {
            &[JSON_PATCH, MERGE_PATCH, APPLY]
        } else {
            &[JSON_PATCH, MERGE_PATCH, STRATEGIC, APPLY]
        };
        if !offered.contains(&kind.as_str()) {
            return Err(ApiError::unsupported_media(&kind, offered));
        }
        let (patch, duplicates) = media::json(&call.body)?;
        let manager = options
            .manager
            .clone()
            .unwrap_or_else(|| call.default_manager());
        let compute = |old: &Value| {
            let shown = in_version(on, old.clone());
            let patched = patched(on, &kind, &shown, &patch)?;
            same_kind(on, &patched)?;
            admission::decode(on, patched)
        };
        self.change(
            call,
            on,
            &options,
            &duplicates,
            compute,
            Tracking::Patch(&manager),
        )
        .await
    }

    async fn apply(
        &self,
        call: &Call,
        on: &On,
        options: &WriteOptions,
    ) -> Result<Response, ApiError> {
        let Some(manager) = &options.manager else {
            let cause = Cause::required("fieldManager", "is required for apply patch");
            return Err(ApiError::invalid(
                crate::status::About::new("meta.k8s.io", "PatchOptions", ""),
                vec![cause],
            ));
        };
        let (body, duplicates) = match media::json(&call.body) {
            Ok(found) => found,
            Err(_) => (media::yaml(&call.body)?, Vec::new()),
        };
        if body["apiVersion"].is_null() || body["kind"].is_null() {
            return Err(ApiError::bad_request(
                "an apply patch must set apiVersion and kind",
            ));
        }
        if !body["metadata"]["managedFields"].is_null() {
            return Err(ApiError::bad_request("metadata.managedFields must be nil"));
        }
        let applied = own_part(on, admission::decode(on, body)?);
        let force = options.force.unwrap_or(false);
        let subresource = on.subresource.as_deref().unwrap_or_default();
        let merge = |live: Option<&Value>| {
            let now = object_meta::time(Timestamp::now());
            let version = &on.resource.storage_api_version;
            let topology = on.resource.topology();
            apply::server_side_apply(
                live,
                &applied,
                manager,
                version,
                subresource,
                force,
                topology,
                &now,
            )
            .map_err(refused)
        };
        loop {
            if self.store.get(&key_of(on)).is_some() {
                let compute = |old: &Value| merge(Some(old));
                return self
                    .change(call, on, options, &duplicates, compute, Tracking::Done)
                    .await;
            }
            if on.subresource.is_some() {
                return Err(ApiError::not_found(
                    on.resource.about(on.name.as_deref().unwrap_or_default()),
                ));
            }
            let uid = object_meta::uid(&applied);
            if !uid.is_empty() {
                // Meant for an object that is gone: never to be created anew.
                let why = format!(
                    "Precondition failed: UID in precondition: {uid}, UID in object meta: "
                );
                let name = on.name.as_deref().unwrap_or_default();
                return Err(ApiError::conflict(on.resource.about(name), &why));
            }
            let object = merge(None)?;
            match self
                .insert(call, on, object, options, &duplicates, |_, _| {})
                .await
            {
                // Somebody created it meanwhile: apply to that.
                Err(error) if error.reason == "AlreadyExists" && !options.dry_run => {}
                other => return other,
            }
        }
    }
}

fn key_of(on: &On) -> Key {
    on.resource
        .key(&on.namespace, on.name.as_deref().unwrap_or_default())
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

fn patched(on: &On, kind: &str, object: &Value, patch: &Value) -> Result<Value, ApiError> {
    let patched = match kind {
        JSON_PATCH if !patch.is_array() => {
            return Err(ApiError::bad_request(
                "a JSON patch must be a list of operations",
            ));
        }
        JSON_PATCH => apply::json_patch(object, patch).map_err(|error| unprocessable(&error))?,
        STRATEGIC => apply::strategic_merge_patch(object, patch, on.resource.topology())
            .map_err(|error| unprocessable(&error))?,
        _ if patch.is_object() => apply::merge_patch(object, patch),
        _ => return Err(ApiError::bad_request("a merge patch must be an object")),
    };
    if patched.is_object() {
        Ok(patched)
    } else {
        Err(ApiError::bad_request("the patched object is not an object"))
    }
}

/// A patch that makes an object of a CRD's kind something else is refused as a whole.
fn same_kind(on: &On, patched: &Value) -> Result<(), ApiError> {
    let (api_version, kind) = gvk(patched);
    let wanted = on.resource.api_version();
    if on.resource.model != Model::Custom || kind != on.resource.kind || api_version == wanted {
        return Ok(());
    }
    let cause = Cause::invalid(
        "apiVersion",
        &Value::from(api_version),
        &format!("must be {wanted}"),
    );
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let about = crate::status::About::new(group, kind, object_meta::name(patched));
    Err(ApiError::invalid(about, vec![cause]))
}

/// The part of an apply configuration that its endpoint is about.
fn own_part(on: &On, mut applied: Value) -> Value {
    let Some(map) = applied.as_object_mut() else {
        return applied;
    };
    match admission::part(on) {
        Part::Main if on.resource.status => drop(map.remove("status")),
        Part::Main | Part::Finalize => {}
        Part::Status => {
            map.retain(|field, _| {
                ["apiVersion", "kind", "metadata", "status"].contains(&field.as_str())
            });
            if let Some(metadata) = map.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.retain(|field, _| {
                    ["name", "namespace", "uid", "resourceVersion"].contains(&field.as_str())
                });
            }
        }
    }
    applied
}

/// A patch of something that is not stored as it is shown (a Scale): it has no lists, so that all
/// kinds of merges are one.
pub(super) fn plain(call: &Call, shown: &Value) -> Result<Value, ApiError> {
    let kind = media::content_type(call);
    match kind.as_str() {
        JSON_PATCH => apply::json_patch(shown, &media::json(&call.body)?.0)
            .map_err(|error| unprocessable(&error)),
        MERGE_PATCH | STRATEGIC => Ok(apply::merge_patch(shown, &media::json(&call.body)?.0)),
        APPLY => Ok(apply::merge_patch(shown, &media::yaml(&call.body)?)),
        _ => Err(ApiError::unsupported_media(
            &kind,
            &[JSON_PATCH, MERGE_PATCH, STRATEGIC, APPLY],
        )),
    }
}

fn unprocessable(error: &apply::PatchError) -> ApiError {
    let message = format!("the patch cannot be applied: {error}");
    let mut error = ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message);
    error.about = Some(Box::default());
    error
}

fn refused(error: ApplyError) -> ApiError {
    let message = error.to_string();
    match error {
        ApplyError::Conflicts(conflicts) => {
            let causes = conflicts
                .into_iter()
                .map(|conflict| Cause {
                    reason: "FieldManagerConflict",
                    message: conflict.message(),
                    field: conflict.field,
                })
                .collect();
            ApiError::new(StatusCode::CONFLICT, "Conflict", message).with_causes(causes)
        }
        ApplyError::BadRequest(_) => ApiError::bad_request(message),
        // As the real server answers, reason and all.
        ApplyError::Schema(_) => ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "", message),
    }
}
