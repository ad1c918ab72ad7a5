//! Writes, each with the uid or resourceVersion it was computed for, so that none hits an object that took the
//! place of another.

use super::Context;
use super::context::Written;
use crate::error::{Attempt, ReconcileError, code};
use crate::schemas::Schemas;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::fmt::Debug;
use std::sync::Arc;

/// An object of ours that can be written.
pub trait Object:
    Resource<DynamicType = ()> + Clone + DeserializeOwned + Serialize + Debug
{
}
impl<K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Serialize + Debug> Object for K {}

/// Writes a status against the resourceVersion of the object it was computed from, as far as the installed CRD
/// declares it. When nothing is left of the difference, nothing is written.
pub async fn status<K: Object>(
    schemas: &Schemas,
    api: &Api<K>,
    held: &K,
    wanted: K,
    manager: &str,
) -> Result<K, ReconcileError> {
    let wanted = schemas.fit(wanted);
    if schemas.is_outdated::<K>() && same(held, &wanted) {
        return Ok(wanted);
    }
    let params = PostParams {
        dry_run: false,
        field_manager: Some(manager.to_owned()),
    };
    api.replace_status(&wanted.name_any(), &params, &wanted)
        .await
        .attempt("writing status")
}

/// The same for a kind whose changes are known before the watch tells of them: whoever looks next does not decide on
/// what this write has made old, and does not meet its own conflict.
pub async fn known_status<K: Object + Written>(
    context: &Context,
    api: &Api<K>,
    held: &K,
    wanted: K,
    manager: &str,
) -> Result<K, ReconcileError> {
    let written = status(&context.schemas, api, held, wanted, manager).await?;
    let mut known = written.clone();
    known.meta_mut().managed_fields = None;
    let known = Arc::new(known);
    if let Some(old) = K::cache(context).advance(&known) {
        K::change(context)(context, Some(&old), Some(&known));
    }
    Ok(written)
}

fn same<K: Object>(held: &K, wanted: &K) -> bool {
    match (serde_json::to_value(held), serde_json::to_value(wanted)) {
        (Ok(held), Ok(wanted)) => held == wanted,
        _ => false,
    }
}

/// Deletes the object with this uid. One that is gone already, or replaced, is fine.
pub async fn delete<K: Object>(api: &Api<K>, name: &str, uid: &str) -> Result<(), ReconcileError> {
    let params = DeleteParams {
        preconditions: Some(Preconditions {
            uid: Some(uid.to_owned()),
            resource_version: None,
        }),
        ..DeleteParams::background()
    };
    match api.delete(name, &params).await {
        Ok(_) => Ok(()),
        Err(error) if matches!(code(&error), Some(404 | 409)) => Ok(()),
        Err(error) => Err(error).attempt("deleting"),
    }
}

/// Sets the finalizers of an object as it was read.
pub async fn finalizers<K: Object>(
    api: &Api<K>,
    object: &K,
    wanted: &[String],
    manager: &str,
) -> Result<(), ReconcileError> {
    patch(
        api,
        object,
        json!({"metadata": {
            "finalizers": wanted,
            "uid": object.uid(),
            "resourceVersion": object.resource_version(),
        }}),
        manager,
    )
    .await
    .map(drop)
}

/// A merge patch for the object with this uid; `body` may add a resourceVersion.
pub async fn patch<K: Object>(
    api: &Api<K>,
    object: &K,
    body: serde_json::Value,
    manager: &str,
) -> Result<K, ReconcileError> {
    let params = PatchParams {
        field_manager: Some(manager.to_owned()),
        ..PatchParams::default()
    };
    api.patch(&object.name_any(), &params, &Patch::Merge(body))
        .await
        .attempt("patching")
}

/// Creates an object; `None` when the name is taken.
pub async fn create<K: Object>(
    api: &Api<K>,
    object: &K,
    manager: &str,
) -> Result<Option<K>, ReconcileError> {
    let params = PostParams {
        dry_run: false,
        field_manager: Some(manager.to_owned()),
    };
    match api.create(&params, object).await {
        Ok(created) => Ok(Some(created)),
        Err(error) if code(&error) == Some(409) => Ok(None),
        Err(error) => Err(error).attempt("creating"),
    }
}
