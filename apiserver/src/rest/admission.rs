//! What every object goes through before it is stored, whatever its kind.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::options::{FieldValidation, WriteOptions};
use super::{Api, On};
use super::{metadata, names};
use crate::object_meta;
use crate::registry::{Model, Resource, crd, events, gvk};
use crate::status::{About, ApiError, Cause};
use crate::store::{Bucket, Key};

/// A write on its way: the object and what the client will be told besides it.
pub struct Admitted {
    pub object: Value,
    pub warnings: Vec<String>,
}

/// Which part of the object a write may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Main,
    Status,
    /// `namespaces/finalize`: spec.finalizers.
    Finalize,
}

pub fn part(on: &On) -> Part {
    match on.subresource.as_deref() {
        Some("status") => Part::Status,
        Some("finalize") => Part::Finalize,
        _ => Part::Main,
    }
}

/// Checks that a body is of the resource it was sent to, and turns it into its stored form.
pub fn decode(on: &On, mut object: Value) -> Result<Value, ApiError> {
    let resource = &on.resource;
    let (api_version, kind) = gvk(&object);
    // A built-in kind is known by its path; any other says itself what it is.
    if resource.model == Model::Custom {
        if api_version.is_empty() || kind.is_empty() {
            let what = if kind.is_empty() {
                "Kind"
            } else {
                "apiVersion"
            };
            return Err(ApiError::bad_request(format!(
                "Object '{what}' is missing in the body of the request"
            )));
        }
        if api_version == resource.api_version() && kind != resource.kind {
            let why = format!("must be {}", resource.kind);
            let cause = Cause::invalid("kind", &json!(kind), &why);
            let about = About::new(&resource.group, kind, object_meta::name(&object));
            return Err(ApiError::invalid(about, vec![cause]));
        }
    }
    if !kind.is_empty() && kind != resource.kind
        || !api_version.is_empty() && api_version != resource.api_version()
    {
        return Err(ApiError::bad_request(format!(
            "the object provided is {api_version} {kind}, this path takes {} {}",
            resource.api_version(),
            resource.kind,
        )));
    }
    if !object["metadata"].is_null() && !object["metadata"].is_object() {
        return Err(ApiError::bad_request("metadata is not an object"));
    }
    if let Some(map) = object.as_object_mut() {
        map.insert("kind".into(), resource.kind.clone().into());
        map.insert(
            "apiVersion".into(),
            resource.storage_api_version.clone().into(),
        );
    }
    object_meta::map(&mut object);
    if resource.model == Model::Event {
        object = events::to_core(object);
    }
    let namespace = object_meta::namespace(&object);
    if resource.namespaced && !namespace.is_empty() && namespace != on.namespace {
        return Err(ApiError::bad_request(format!(
            "the namespace of the object ({namespace}) does not match the namespace on the URL ({})",
            on.namespace
        )));
    }
    let scope = if resource.namespaced {
        Value::from(on.namespace.as_str())
    } else {
        Value::Null
    };
    object_meta::set(&mut object, "namespace", scope);
    let name = object_meta::name(&object);
    if let Some(expected) = on.name.as_deref()
        && !name.is_empty()
        && name != expected
    {
        return Err(ApiError::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({expected})"
        )));
    }
    if let Some(expected) = on.name.clone() {
        object_meta::set(&mut object, "name", expected.into());
    }
    Ok(object)
}

/// Metadata of a new object.
pub fn begin(resource: &Resource, object: &mut Value, now: Timestamp) -> Result<(), ApiError> {
    let version = object_meta::text(object, "resourceVersion");
    if !version.is_empty() && version != "0" {
        return Err(ApiError::bad_request(
            "resourceVersion should not be set on objects to be created",
        ));
    }
    if object_meta::name(object).is_empty() {
        let base = object_meta::text(object, "generateName").to_owned();
        if base.is_empty() {
            let cause = Cause::required("metadata.name", "name or generateName is required");
            return Err(ApiError::invalid(resource.about_kind(""), vec![cause]));
        }
        object_meta::set(object, "name", names::generated(&base).into());
    }
    for field in [
        "resourceVersion",
        "selfLink",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
    ] {
        object_meta::set(object, field, Value::Null);
    }
    object_meta::set(object, "uid", Uuid::new_v4().to_string().into());
    object_meta::set(object, "creationTimestamp", object_meta::time(now).into());
    if resource.generation {
        object_meta::set(object, "generation", 1.into());
    }
    // Status belongs to the controller, except where there is none that would write it.
    if resource.status
        && resource.plural != "nodes"
        && let Some(map) = object.as_object_mut()
    {
        map.remove("status");
    }
    Ok(())
}

/// Metadata of a changed object: what the server owns stays as it was.
pub fn carry_over(on: &On, old: &Value, new: &mut Value, patch: bool) -> Result<(), ApiError> {
    let resource = &on.resource;
    let uid = object_meta::uid(new);
    if !uid.is_empty() && uid != object_meta::uid(old) {
        return Err(other_uid(on, old, uid, patch));
    }
    unmoved_times(on, old, new)?;
    match part(on) {
        Part::Main => {
            if resource.status {
                copy(old, new, "status");
            }
            if resource.model == Model::Namespace {
                copy(old, new, "spec");
            }
        }
        Part::Status => {
            let status = new["status"].take();
            let metadata = new["metadata"].take();
            let mut kept = old.clone();
            if let Some(map) = kept.as_object_mut() {
                if status.is_null() {
                    map.remove("status")
                } else {
                    map.insert("status".into(), status)
                };
            }
            if resource.model != Model::Custom {
                // Built-in kinds take labels and annotations with a status; owners stay.
                for field in ["labels", "annotations", "finalizers"] {
                    object_meta::set(&mut kept, field, metadata[field].clone());
                }
            }
            object_meta::set(
                &mut kept,
                "managedFields",
                metadata["managedFields"].clone(),
            );
            *new = kept;
        }
        Part::Finalize => {
            let finalizers = new["spec"]["finalizers"].take();
            *new = old.clone();
            if let Some(spec) = new.get_mut("spec").and_then(Value::as_object_mut) {
                spec.insert("finalizers".into(), finalizers);
            }
        }
    }
    for field in [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "generateName",
        "resourceVersion",
    ] {
        object_meta::set(new, field, old["metadata"][field].clone());
    }
    object_meta::set(new, "selfLink", Value::Null);
    Ok(())
}

/// The times that the server sets may be left out of a change, but not be moved.
fn unmoved_times(on: &On, old: &Value, new: &Value) -> Result<(), ApiError> {
    let mut causes = Vec::new();
    for field in ["creationTimestamp", "deletionTimestamp"] {
        let (was, is) = (&old["metadata"][field], &new["metadata"][field]);
        if !is.is_null() && is != was {
            let field = format!("metadata.{field}");
            causes.push(Cause::invalid(field, is, "field is immutable"));
        }
    }
    if causes.is_empty() {
        return Ok(());
    }
    let about = on.resource.about_kind(object_meta::name(old));
    Err(ApiError::invalid(about, causes))
}

/// A write that was meant for another object of this name. The real server tells the two apart.
fn other_uid(on: &On, old: &Value, uid: &str, patch: bool) -> ApiError {
    let name = object_meta::name(old);
    if patch {
        let cause = Cause::invalid("metadata.uid", &json!(uid), "field is immutable");
        return ApiError::invalid(on.resource.about_kind(name), vec![cause]);
    }
    let why = format!(
        "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
        object_meta::uid(old)
    );
    ApiError::conflict(on.resource.about(name), &why)
}

fn copy(from: &Value, to: &mut Value, field: &str) {
    if let Some(map) = to.as_object_mut() {
        match from.get(field) {
            Some(value) => map.insert(field.to_owned(), value.clone()),
            None => map.remove(field),
        };
    }
}

/// A change of anything the generation counts.
pub fn changes_generation(resource: &Resource, old: &Value, new: &Value) -> bool {
    let ignored: &[&str] = if resource.status {
        &["metadata", "status"]
    } else {
        &["metadata"]
    };
    !same_except(old, new, ignored)
}

/// Equal but for the times in managedFields: nothing to store.
pub fn is_unchanged(old: &Value, new: &Value) -> bool {
    if !same_except(old, new, &["metadata"]) {
        return false;
    }
    let (Some(a), Some(b)) = (old["metadata"].as_object(), new["metadata"].as_object()) else {
        return false;
    };
    let rest = |map: &serde_json::Map<String, Value>| {
        let mut map = map.clone();
        map.remove("resourceVersion");
        for entry in map
            .get_mut("managedFields")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            if let Some(entry) = entry.as_object_mut() {
                entry.remove("time");
            }
        }
        map
    };
    rest(a) == rest(b)
}

fn same_except(old: &Value, new: &Value, ignored: &[&str]) -> bool {
    let (Some(a), Some(b)) = (old.as_object(), new.as_object()) else {
        return old == new;
    };
    let counts = |key: &String| !ignored.contains(&key.as_str());
    a.iter()
        .filter(|(key, _)| counts(key))
        .eq(b.iter().filter(|(key, _)| counts(key)))
}

impl Api {
    /// The namespace a new object goes to, which must be there and not ending.
    pub(super) fn guard(&self, on: &On, name: &str) -> Result<Option<(Key, u64)>, ApiError> {
        if !on.resource.namespaced {
            return Ok(None);
        }
        let key = Key::new(&Bucket::new("", "namespaces"), "", &on.namespace);
        let Some(namespace) = self.store.get(&key) else {
            return Err(ApiError::not_found(About::new(
                "",
                "namespaces",
                &on.namespace,
            )));
        };
        if object_meta::is_deleting(&namespace.value()) {
            let why = format!(
                "unable to create new content in namespace {} because it is being terminated",
                on.namespace
            );
            let cause = Cause {
                reason: "NamespaceTerminating",
                message: format!("namespace {} is being terminated", on.namespace),
                field: "metadata.namespace".into(),
            };
            return Err(ApiError::forbidden(on.resource.about(name), &why).with_causes(vec![cause]));
        }
        Ok(Some((key, namespace.revision)))
    }

    /// Schema, defaults and rules: the object is ready to be stored after this.
    pub(super) fn admit(
        &self,
        on: &On,
        mut object: Value,
        old: Option<&Value>,
        options: &WriteOptions,
        duplicates: &[String],
    ) -> Result<Admitted, ApiError> {
        let resource = &on.resource;
        let mut unknown: Vec<String> = Vec::new();
        let mut causes = Vec::new();
        resource
            .conform(&mut object, options.applied, &mut unknown)
            .map_err(|mismatch| {
                ApiError::bad_request(format!(
                    "{} in version \"{}\" cannot be handled as a {}: {mismatch}",
                    resource.kind, resource.version, resource.kind
                ))
            })?;
        let findings: Vec<String> = duplicates
            .iter()
            .map(|field| format!("duplicate field \"{field}\""))
            .chain(unknown)
            .collect();
        let warnings = match options.validation {
            FieldValidation::Strict if !findings.is_empty() && options.patched => {
                let shown = Value::from(object.to_string());
                let why = format!("strict decoding error: {}", findings.join(", "));
                let cause = Cause::invalid("patch", &shown, &why);
                return Err(ApiError::invalid(About::default(), vec![cause]));
            }
            FieldValidation::Strict if !findings.is_empty() => {
                let message = format!(
                    "{} in version \"{}\" cannot be handled as a {}: strict decoding error: {}",
                    resource.kind,
                    resource.version,
                    resource.kind,
                    findings.join(", ")
                );
                return Err(ApiError::bad_request(message));
            }
            FieldValidation::Warn => findings,
            _ => Vec::new(),
        };
        if let Some(defaults) = resource.defaults {
            defaults(&mut object);
        }
        metadata::rules(resource, &object, old, &mut causes);
        resource.validate(&object, old, &mut causes);
        if !causes.is_empty() {
            return Err(ApiError::invalid(
                resource.about_kind(object_meta::name(&object)),
                causes,
            ));
        }
        if resource.model == Model::Definition {
            let now = object_meta::time(Timestamp::now());
            crd::set_status(&mut object, &self.registry, &now);
        }
        Ok(Admitted { object, warnings })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_managers_are_no_change() {
        let a = json!({"metadata": {"managedFields": [{"manager": "m", "time": "1"}]}, "spec": 1});
        let b = json!({"metadata": {"managedFields": [{"manager": "m", "time": "2"}]}, "spec": 1});
        assert!(is_unchanged(&a, &b));
        let c = json!({"metadata": {"managedFields": [{"manager": "n", "time": "2"}]}, "spec": 1});
        assert!(!is_unchanged(&a, &c));
    }
}
