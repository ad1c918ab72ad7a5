//! The scale subresource: autoscaling/v1 Scale over the paths a CRD names.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::answer::{self, Response};
use super::options::{WriteOptions, Writing};
use super::update::Tracking;
use super::{Api, Call, On, media};
use crate::object_meta;
use crate::registry::{JsonPath, ScalePaths};
use crate::status::{ApiError, Cause};

impl Api {
    pub(super) async fn scale(&self, call: &Call, on: &On) -> Result<Response, ApiError> {
        media::require_json(call)?;
        let Some(paths) = &on.resource.scale else {
            return Err(ApiError::unknown_path());
        };
        let current = self.find(on)?;
        let before = scale_of(paths, &current.value());
        let wanted = match call.method {
            Method::GET | Method::HEAD => {
                return Ok(answer::json(StatusCode::OK, &before));
            }
            Method::PUT => media::object(call)?.0,
            Method::PATCH => super::patch::plain(call, &before)?,
            _ => return Err(ApiError::method_not_allowed()),
        };
        let writing = if call.method == Method::PATCH {
            Writing::Patch
        } else {
            Writing::Update
        };
        let options = WriteOptions::parse(&call.query, writing)?;
        let replicas = check(on, &wanted)?;
        let manager = options
            .manager
            .clone()
            .unwrap_or_else(|| call.default_manager());
        let path = parse(&paths.spec_replicas)?;
        let version = object_meta::text(&wanted, "resourceVersion").to_owned();
        let uid = object_meta::uid(&wanted).to_owned();
        let put = call.method == Method::PUT;
        let compute = |old: &Value| {
            let mut new = old.clone();
            path.set(&mut new, replicas.into());
            // A patch was made for whatever is there; a PUT for the revision it names.
            if put && !version.is_empty() {
                object_meta::set(&mut new, "resourceVersion", version.as_str().into());
            }
            if !uid.is_empty() {
                object_meta::set(&mut new, "uid", uid.as_str().into());
            }
            Ok(new)
        };
        let stored = self
            .change_object(
                on,
                &options,
                &[],
                compute,
                if put {
                    Tracking::Replace(&manager)
                } else {
                    Tracking::Patch(&manager)
                },
            )
            .await?;
        Ok(answer::json(
            StatusCode::OK,
            &scale_of(paths, &stored.object.value()),
        ))
    }
}

fn parse(path: &str) -> Result<JsonPath, ApiError> {
    JsonPath::parse(path)
        .map_err(|why| ApiError::internal(format!("the CRD's scale path is wrong: {why}")))
}

/// The replicas a Scale asks for.
fn check(on: &On, scale: &Value) -> Result<i64, ApiError> {
    let name = on.name.as_deref().unwrap_or_default();
    let about = on.resource.about_kind(name);
    let given = object_meta::name(scale);
    if !given.is_empty() && given != name {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({given}) does not match the name on the URL ({name})"
        )));
    }
    let replicas = &scale["spec"]["replicas"];
    match replicas.as_i64() {
        Some(count) if (0..=i64::from(i32::MAX)).contains(&count) => Ok(count),
        None if replicas.is_null() => Ok(0),
        _ => {
            let field = on
                .resource
                .scale
                .as_ref()
                .map_or("spec.replicas", |paths| &paths.spec_replicas);
            let why = "should be a non-negative integer";
            Err(ApiError::invalid(
                about,
                vec![Cause::invalid(field, replicas, why)],
            ))
        }
    }
}

fn scale_of(paths: &ScalePaths, object: &Value) -> Value {
    let number = |path: &str| {
        let path = JsonPath::parse(path).ok();
        path.and_then(|path| path.first(object).and_then(Value::as_i64))
            .unwrap_or(0)
    };
    let metadata = &object["metadata"];
    let mut scale = json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": metadata["name"], "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
            "creationTimestamp": metadata["creationTimestamp"],
        },
        "spec": {"replicas": number(&paths.spec_replicas)},
        "status": {"replicas": number(&paths.status_replicas)},
    });
    if !metadata["namespace"].is_null() {
        scale["metadata"]["namespace"] = metadata["namespace"].clone();
    }
    let selector = paths
        .selector
        .as_deref()
        .and_then(|path| JsonPath::parse(path).ok());
    if let Some(selector) = selector.and_then(|path| path.first(object).cloned()) {
        scale["status"]["selector"] = selector;
    }
    scale
}
