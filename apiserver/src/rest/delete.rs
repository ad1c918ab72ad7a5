//! Deleting one object or a collection.

use std::sync::Arc;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;

use super::answer::{self, JSON, Response};
use super::create::failed;
use super::options::{DeleteOptions, ListOptions, Propagation};
use super::read::unstored;
use super::selector::Selector;
use super::{Api, Call, On, media};
use crate::gc::{FOREGROUND, ORPHAN};
use crate::object_meta;
use crate::registry::{Model, Resource, gvk};
use crate::status::{self, ApiError};
use crate::store::{Expect, Key, Object, Op, Write, WriteError};

impl Api {
    /// Deletes an object for the garbage collector, if it still is the one with this uid.
    pub(crate) async fn collect(
        &self,
        key: &Key,
        uid: &str,
        propagation: Option<Propagation>,
    ) -> Result<(), ApiError> {
        let served = self.registry.served();
        let Some(resource) = served.of_bucket(&key.bucket) else {
            return Ok(());
        };
        let uid = Some(uid.to_owned());
        let options = DeleteOptions {
            dry_run: false,
            propagation,
            uid,
            resource_version: None,
        };
        match self
            .delete_one(resource, &key.name.namespace, &key.name.name, &options)
            .await
        {
            // Gone already, or another object of that name by now.
            Err(error) if matches!(error.code, StatusCode::NOT_FOUND | StatusCode::CONFLICT) => {
                Ok(())
            }
            other => other.map(drop),
        }
    }
}

/// What became of an object.
enum Outcome {
    Gone(Arc<Object>),
    /// It waits for its finalizers.
    Waiting(Arc<Object>),
}

impl Api {
    pub(super) async fn delete(&self, call: &Call, on: &On) -> Result<Response, ApiError> {
        let view = media::view(call)?;
        let options = delete_options(call)?;
        match self
            .delete_one(
                &on.resource,
                &on.namespace,
                on.name.as_deref().unwrap_or_default(),
                &options,
            )
            .await?
        {
            Outcome::Waiting(object) => Ok(answer::raw(
                StatusCode::OK,
                JSON,
                view.one(&on.resource, &object),
            )),
            Outcome::Gone(object) => {
                let mut about = on.resource.about(&object.key.name.name);
                object_meta::uid(&object.value()).clone_into(&mut about.uid);
                Ok(answer::json(StatusCode::OK, &status::success(&about)))
            }
        }
    }

    pub(super) async fn delete_collection(
        &self,
        call: &Call,
        on: &On,
    ) -> Result<Response, ApiError> {
        if on.resource.namespaced && on.namespace.is_empty() {
            return Err(ApiError::method_not_allowed());
        }
        let view = media::view(call)?;
        let options = delete_options(call)?;
        let list = ListOptions::parse(&call.query)?;
        let selector = Selector::parse(&list.labels, &list.fields, &on.resource)?;
        let namespace = Some(on.namespace.as_str()).filter(|namespace| !namespace.is_empty());
        let snapshot = self.store.list(&on.resource.bucket, namespace, None);
        let mut deleted = Vec::new();
        for object in snapshot
            .objects
            .iter()
            .filter(|object| selector.matches(object))
        {
            let name = &object.key.name;
            match self
                .delete_one(&on.resource, &name.namespace, &name.name, &options)
                .await
            {
                Ok(Outcome::Gone(object) | Outcome::Waiting(object)) => deleted.push(object),
                // Somebody else was faster.
                Err(error) if error.code == StatusCode::NOT_FOUND => {}
                Err(error) => return Err(error),
            }
        }
        let metadata = serde_json::json!({"resourceVersion": self.store.revision().to_string()});
        let body = view.list(&on.resource, deleted.iter().map(AsRef::as_ref), &metadata);
        Ok(answer::raw(StatusCode::OK, JSON, body))
    }

    async fn delete_one(
        &self,
        resource: &Arc<Resource>,
        namespace: &str,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Outcome, ApiError> {
        let key = resource.key(namespace, name);
        loop {
            let Some(current) = self.store.get(&key) else {
                return Err(ApiError::not_found(resource.about(name)));
            };
            let old = current.value();
            preconditions(resource, &current, &old, options)?;
            let mut new = old.clone();
            let finalizers = finalizers(&old, options.propagation);
            object_meta::set_finalizers(&mut new, &finalizers);
            let held = !finalizers.is_empty() || holds(resource, &old);
            if held && !object_meta::is_deleting(&old) {
                mark(resource, &mut new);
            }
            if options.dry_run {
                let on = On {
                    resource: Arc::clone(resource),
                    namespace: namespace.to_owned(),
                    name: Some(name.to_owned()),
                    subresource: None,
                };
                let shown = Arc::new(unstored(&on, current.revision, new)?);
                return Ok(if held {
                    Outcome::Waiting(shown)
                } else {
                    Outcome::Gone(shown)
                });
            }
            if held && new == old {
                return Ok(Outcome::Waiting(current));
            }
            let op = if held { Op::Put(new) } else { Op::Remove(new) };
            let expect = Expect::Revision(current.revision);
            match self
                .store
                .write(Write {
                    key: key.clone(),
                    expect,
                    op,
                    guard: None,
                })
                .await
            {
                Ok(stored) if held => return Ok(Outcome::Waiting(stored)),
                Ok(stored) => return Ok(Outcome::Gone(stored)),
                Err(WriteError::Conflict { .. } | WriteError::Missing) => {}
                Err(error) => return Err(failed(&error)),
            }
        }
    }
}

fn delete_options(call: &Call) -> Result<DeleteOptions, ApiError> {
    let body = if call.body.is_empty() {
        Value::Null
    } else {
        media::object(call)?.0
    };
    if !matches!(body["kind"].as_str(), None | Some("" | "DeleteOptions")) {
        let (api_version, kind) = gvk(&body);
        return Err(ApiError::bad_request(format!(
            "the body of a deletion holds DeleteOptions, not {api_version} {kind}"
        )));
    }
    DeleteOptions::parse(&call.query, &body)
}

fn preconditions(
    resource: &Resource,
    current: &Object,
    old: &Value,
    options: &DeleteOptions,
) -> Result<(), ApiError> {
    // The real server names the kind here, not the resource.
    let about = || resource.about_kind(object_meta::name(old));
    if let Some(uid) = &options.uid
        && uid != object_meta::uid(old)
    {
        let found = object_meta::uid(old);
        let why = format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({found}). \
             The object might have been deleted and then recreated"
        );
        return Err(ApiError::conflict(about(), &why));
    }
    if let Some(version) = &options.resource_version
        && *version != current.revision.to_string()
    {
        let why = format!(
            "the ResourceVersion in the precondition ({version}) does not match the \
             ResourceVersion in record ({}). The object might have been modified",
            current.revision
        );
        return Err(ApiError::conflict(about(), &why));
    }
    Ok(())
}

/// The finalizers after a delete with this policy: the two of the garbage collector come and go
/// with it, all others stay.
fn finalizers(old: &Value, propagation: Option<Propagation>) -> Vec<String> {
    let mut finalizers: Vec<String> = object_meta::finalizers(old)
        .into_iter()
        .map(str::to_owned)
        .collect();
    if let Some(policy) = propagation {
        let wanted = match policy {
            Propagation::Foreground => Some(FOREGROUND),
            Propagation::Orphan => Some(ORPHAN),
            Propagation::Background => None,
        };
        finalizers
            .retain(|name| Some(name.as_str()) == wanted || (name != FOREGROUND && name != ORPHAN));
        if let Some(wanted) = wanted
            && !finalizers.iter().any(|name| name == wanted)
        {
            finalizers.push(wanted.to_owned());
        }
    }
    finalizers
}

/// Held by something other than metadata.finalizers.
fn holds(resource: &Resource, object: &Value) -> bool {
    resource.model == Model::Namespace
        && object["spec"]["finalizers"]
            .as_array()
            .is_some_and(|list| !list.is_empty())
}

/// Marks an object as being deleted.
fn mark(resource: &Resource, object: &mut Value) {
    object_meta::set(
        object,
        "deletionTimestamp",
        object_meta::time(Timestamp::now()).into(),
    );
    if resource.model != Model::Namespace {
        object_meta::set(object, "deletionGracePeriodSeconds", 0.into());
    }
    if let Some(generation) = object["metadata"]["generation"].as_i64().filter(|n| *n > 0) {
        object_meta::set(object, "generation", (generation + 1).into());
    }
    if resource.model == Model::Namespace
        && let Some(map) = object.as_object_mut()
    {
        map.insert("status".into(), serde_json::json!({"phase": "Terminating"}));
    }
}
