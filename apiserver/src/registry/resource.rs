//! One served resource.

use serde_json::Value;

use super::Columns;
use super::typed::{self, Mismatch};
use crate::status::{About, Cause};
use crate::store::{Bucket, Key};

/// What makes a kind special to the server itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// Stored as it is.
    Plain,
    /// Deleting it empties it first.
    Namespace,
    /// Defines other resources.
    Definition,
    /// core/v1 Event: the stored form.
    CoreEvent,
    /// events.k8s.io/v1 Event: the same objects under other field names.
    Event,
    /// Defined by a CRD.
    Custom,
}

/// Where the scale subresource finds its numbers (`spec.versions[].subresources.scale`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScalePaths {
    pub spec_replicas: String,
    pub status_replicas: String,
    pub selector: Option<String>,
}

pub type Defaulter = fn(&mut Value);
/// (new, old on update) → broken rules.
pub type Rules = fn(&Value, Option<&Value>, &mut Vec<Cause>);

/// A resource in one version.
pub struct Resource {
    pub group: String,
    pub version: String,
    pub plural: String,
    pub singular: String,
    pub kind: String,
    pub list_kind: String,
    pub namespaced: bool,
    pub short_names: Vec<String>,
    pub categories: Vec<String>,
    pub bucket: Bucket,
    /// The apiVersion objects are stored with.
    pub storage_api_version: String,
    /// Has a `status` subresource: the main endpoint leaves status alone.
    pub status: bool,
    pub scale: Option<ScalePaths>,
    /// Keeps `metadata.generation`.
    pub generation: bool,
    pub deletecollection: bool,
    /// An update may leave out resourceVersion.
    pub unconditional_update: bool,
    /// The name must be a DNS label (not only a subdomain).
    pub name_rule: NameRule,
    pub columns: Columns,
    /// Field selectors besides metadata.name and metadata.namespace.
    pub selectable: Vec<String>,
    pub model: Model,
    pub defaults: Option<Defaulter>,
    pub rules: Option<Rules>,
    /// Its CRD is being deleted: nothing new is created.
    pub terminating: bool,
    /// The revision of the CRD this was derived from; older objects may lack its defaults.
    pub since: u64,
    /// The declaration of a built-in kind's stored form.
    pub definition: Option<&'static str>,
    /// The OpenAPI v3 schema of a custom resource, as its CRD gives it.
    pub openapi: Option<Value>,
}

/// What a name of this resource may look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameRule {
    /// RFC 1123 subdomain.
    Subdomain,
    /// RFC 1123 label.
    Label,
    /// RFC 1035 label (Services).
    Label1035,
    /// A path segment (RBAC).
    Segment,
}

impl Resource {
    /// `v1`, `runtime.wasmcloud.dev/v1alpha1`
    pub fn api_version(&self) -> String {
        group_version(&self.group, &self.version)
    }

    pub fn key(&self, namespace: &str, name: &str) -> Key {
        Key::new(&self.bucket, namespace, name)
    }

    /// Whether objects are stored in this version.
    pub fn is_storage_version(&self) -> bool {
        self.api_version() == self.storage_api_version
    }

    /// Brings an object stored under an earlier schema to this one.
    pub fn upgrade(&self, _object: &mut Value) {}

    /// Drops what the kind's declaration does not know and refuses values of the wrong type.
    pub fn conform(&self, object: &mut Value, unknown: &mut Vec<String>) -> Result<(), Mismatch> {
        if let Some(definition) = self.definition {
            return typed::conform(definition, object, "", unknown);
        }
        match object.get_mut("metadata") {
            Some(metadata) => typed::conform(typed::OBJECT_META, metadata, "metadata", unknown),
            None => Ok(()),
        }
    }

    /// Records in managedFields which fields this change set.
    pub fn track(
        &self,
        _old: Option<&Value>,
        _new: &mut Value,
        _manager: &str,
        _subresource: &str,
        _now: &str,
    ) {
    }

    /// For errors about the resource.
    pub fn about(&self, name: &str) -> About {
        About::new(&self.group, &self.plural, name)
    }

    /// For errors about the kind.
    pub fn about_kind(&self, name: &str) -> About {
        About::new(&self.group, &self.kind, name)
    }

    /// The verbs of discovery.
    pub fn verbs(&self) -> Vec<&'static str> {
        let mut verbs = vec![
            "create", "delete", "get", "list", "patch", "update", "watch",
        ];
        if self.deletecollection {
            verbs.insert(2, "deletecollection");
        }
        verbs
    }
}

pub fn group_version(group: &str, version: &str) -> String {
    if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    }
}

/// (apiVersion, kind) of an object.
pub fn gvk(object: &Value) -> (&str, &str) {
    (
        object["apiVersion"].as_str().unwrap_or_default(),
        object["kind"].as_str().unwrap_or_default(),
    )
}
