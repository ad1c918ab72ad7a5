//! Reading one object.

use std::sync::Arc;

use http::StatusCode;
use serde_json::Value;

use super::answer::{self, JSON, Response};
use super::{Api, Call, On, media, options};
use crate::status::ApiError;
use crate::store::Object;

impl Api {
    pub(super) fn get(&self, call: &Call, on: &On) -> Result<Response, ApiError> {
        let view = media::view(call)?;
        let object = self.find(on)?;
        if let Some(revision) =
            options::revision(call.query.get("resourceVersion").unwrap_or_default())?
            && revision > self.store.revision()
        {
            return Err(ApiError::future_revision(revision, self.store.revision()));
        }
        Ok(answer::raw(
            StatusCode::OK,
            JSON,
            view.one(&on.resource, &object),
        ))
    }

    /// The object a call names.
    pub(super) fn find(&self, on: &On) -> Result<Arc<Object>, ApiError> {
        let name = on.name.as_deref().unwrap_or_default();
        self.store
            .get(&on.resource.key(&on.namespace, name))
            .ok_or_else(|| ApiError::not_found(on.resource.about(name)))
    }
}

/// The answer to a write: the object in the form the client asked for.
pub(super) fn written(
    call: &Call,
    on: &On,
    code: StatusCode,
    object: &Object,
    warnings: &[String],
) -> Result<Response, ApiError> {
    let view = media::view(call)?;
    let mut response = answer::raw(code, JSON, view.one(&on.resource, object));
    answer::warn(&mut response, warnings);
    Ok(response)
}

/// An object that was not stored (dry run, or nothing changed), in the shape of a stored one.
pub(super) fn unstored(on: &On, revision: u64, value: Value) -> Result<Object, ApiError> {
    let name = crate::object_meta::name(&value).to_owned();
    Object::encode(on.resource.key(&on.namespace, &name), revision, value)
        .map_err(|error| ApiError::internal(format!("the object cannot be encoded: {error}")))
}
