//! Namespaces and CRDs: what is in them goes first.

use jiff::Timestamp;
use serde_json::Value;

use super::edit::{edit, release};
use super::{accounts, terminating};
use crate::object_meta;
use crate::registry::crd;
use crate::rest::{Api, Propagation};
use crate::status::ApiError;
use crate::store::{Bucket, Key, Object};

/// The finalizer in `spec.finalizers` of a namespace.
const KUBERNETES: &str = "kubernetes";

pub fn is_namespace(key: &Key) -> bool {
    key.bucket.as_str() == "/namespaces"
}

fn is_definition(key: &Key) -> bool {
    key.bucket == crd::bucket()
}

pub fn is_scope(key: &Key) -> bool {
    is_namespace(key) || is_definition(key)
}

/// The namespace and the CRD that an object is in.
pub fn of(key: &Key) -> Vec<Key> {
    let mut scopes = Vec::new();
    if !key.name.namespace.is_empty() {
        scopes.push(Key::new(
            &Bucket::new("", "namespaces"),
            "",
            &key.name.namespace,
        ));
    }
    let (group, plural) = key.bucket.parts();
    if !group.is_empty() {
        scopes.push(Key::new(&crd::bucket(), "", &format!("{plural}.{group}")));
    }
    scopes
}

/// Empties a scope that is being deleted, and lets it go once it is empty.
pub async fn look_at(api: &Api, key: &Key) -> Result<(), ApiError> {
    if !is_scope(key) {
        return Ok(());
    }
    let Some(scope) = api.store.get(key) else {
        return Ok(());
    };
    let value = scope.value();
    if !object_meta::is_deleting(&value) {
        if is_namespace(key) {
            accounts::ensure_default(api, key, scope.revision).await?;
        }
        return Ok(());
    }
    let left = empty(api, key).await?;
    if !left.is_empty() {
        if is_namespace(key) {
            let now = object_meta::time(Timestamp::now());
            let describe = |namespace: &mut Value| terminating::describe(namespace, &left, &now);
            edit(api, key, describe).await?;
        }
        return Ok(());
    }
    if is_definition(key) {
        return release(api, key, crd::FINALIZER).await;
    }
    edit(api, key, |namespace| {
        let list = namespace["spec"]["finalizers"].as_array();
        let kept: Vec<Value> = list
            .into_iter()
            .flatten()
            .filter(|name| *name != KUBERNETES)
            .cloned()
            .collect();
        let changed = list.is_some_and(|list| list.len() != kept.len());
        if let Some(spec) = namespace.get_mut("spec").and_then(Value::as_object_mut) {
            spec.insert("finalizers".into(), Value::Array(kept));
        }
        changed
    })
    .await
}

/// Deletes the contents; answers with the objects that are still there, held by their finalizers.
async fn empty(api: &Api, scope: &Key) -> Result<Vec<std::sync::Arc<Object>>, ApiError> {
    let contents = || -> Vec<std::sync::Arc<Object>> {
        if is_namespace(scope) {
            let all = api.store.all().objects;
            return all
                .into_iter()
                .filter(|object| object.key.name.namespace == scope.name.name)
                .collect();
        }
        let Some((plural, group)) = scope.name.name.split_once('.') else {
            return Vec::new();
        };
        api.store
            .list(&Bucket::new(group, plural), None, None)
            .objects
    };
    for object in contents() {
        let value = object.value();
        if !object_meta::is_deleting(&value) {
            api.collect(
                &object.key,
                object_meta::uid(&value),
                Some(Propagation::Background),
            )
            .await?;
        }
    }
    Ok(contents())
}
