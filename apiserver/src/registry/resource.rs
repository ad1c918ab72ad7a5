//! One served resource.

use serde_json::Value;

use super::Columns;
use super::typed::{self, Mismatch};
use crate::apply::{self, Topology};
use crate::object_meta;
use crate::schema::StructuralSchema;
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
    /// What the server adds that nobody owns in managedFields.
    pub additions: Option<Defaulter>,
    pub rules: Option<Rules>,
    /// Its CRD is being deleted: nothing new is created.
    pub terminating: bool,
    /// The revision of the CRD this was derived from; older objects may lack its defaults.
    pub since: u64,
    /// The declaration of a built-in kind's stored form.
    pub definition: Option<&'static str>,
    /// The compiled schema of a custom resource.
    pub schema: Option<StructuralSchema>,
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
    pub fn upgrade(&self, object: &mut Value) {
        if let Some(schema) = &self.schema {
            schema.prune(object);
            schema.default(object);
        }
    }

    /// Drops what the kind's declaration does not know, naming it, refuses values of the wrong type
    /// and fills in the schema's defaults. `applied`: the object came out of an apply.
    pub fn conform(
        &self,
        object: &mut Value,
        applied: bool,
        unknown: &mut Vec<String>,
    ) -> Result<(), Mismatch> {
        drop_empty_metadata(object);
        if let Some(definition) = self.definition {
            return typed::conform(definition, object, "", unknown);
        }
        if let Some(metadata) = object.get_mut("metadata") {
            typed::conform(typed::OBJECT_META, metadata, "metadata", unknown)?;
        }
        if let Some(schema) = &self.schema {
            unknown.extend(schema.prune(object));
            if applied {
                schema.default_applied(object);
            } else {
                schema.default(object);
            }
        }
        Ok(())
    }

    /// The schema's rules; what did not change since `old` is not held against an object.
    pub fn validate(&self, object: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
        if let Some(schema) = &self.schema {
            causes.extend(schema.validate(object, old).into_iter().map(Cause::from));
        }
        if let Some(rules) = self.rules {
            rules(object, old, causes);
        }
    }

    /// The shape that ownership and patches of the stored form go by.
    pub fn topology(&self) -> &Topology {
        if let Some(schema) = &self.schema {
            return schema.topology();
        }
        let (group, _) = self.bucket.parts();
        apply::builtin::topology_for(group, &self.kind)
    }

    /// Records in managedFields which fields this change set.
    pub fn track(
        &self,
        old: Option<&Value>,
        new: &mut Value,
        manager: &str,
        subresource: &str,
        now: &str,
    ) {
        let version = &self.storage_api_version;
        // An empty record in an object of a CRD says nothing; in a built-in kind it forgets every owner.
        if self.model == Model::Custom
            && new["metadata"]["managedFields"]
                .as_array()
                .is_some_and(Vec::is_empty)
        {
            object_meta::set(new, "managedFields", Value::Null);
        }
        apply::track_update(
            old,
            new,
            manager,
            version,
            subresource,
            self.topology(),
            now,
        );
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

/// Empty collections of metadata mean nothing, and Go's encoder does not write them either.
fn drop_empty_metadata(object: &mut Value) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
        return;
    };
    for field in ["annotations", "finalizers", "labels", "ownerReferences"] {
        let empty = match metadata.get(field) {
            Some(Value::Array(list)) => list.is_empty(),
            Some(Value::Object(map)) => map.is_empty(),
            _ => false,
        };
        if empty {
            metadata.remove(field);
        }
    }
}

/// `v1`, `runtime.wasmcloud.dev/v1alpha1`
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
