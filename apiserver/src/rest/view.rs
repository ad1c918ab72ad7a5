//! An object as a client asked to see it: itself, its metadata, or a row of a table.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::registry::{Model, Resource, events};
use crate::status::ApiError;
use crate::store::Object;

/// The form of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum View {
    Object,
    Metadata,
    Table {
        include: Include,
        version: &'static str,
    },
}

/// What a table's rows carry besides their cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Include {
    None,
    Metadata,
    Object,
}

impl View {
    pub fn table(include: Option<&str>, version: &str) -> Result<Self, ApiError> {
        let include = match include {
            None | Some("" | "Metadata") => Include::Metadata,
            Some("None") => Include::None,
            Some("Object") => Include::Object,
            Some(other) => {
                return Err(ApiError::bad_request(format!(
                    "Unable to convert to Table as requested: includeObject: Invalid value: \"{other}\": \
                     must be 'Metadata', 'Object', 'None', or empty"
                )));
            }
        };
        let version = if version == "v1beta1" {
            "meta.k8s.io/v1beta1"
        } else {
            "meta.k8s.io/v1"
        };
        Ok(Self::Table { include, version })
    }

    /// Whether stored bytes may be passed on as they are.
    pub fn is_plain(&self) -> bool {
        *self == Self::Object
    }

    /// One object.
    pub fn one(&self, resource: &Resource, object: &Object) -> Bytes {
        match self {
            Self::Object => present(resource, object),
            Self::Metadata => metadata(&presented(resource, object)).to_string().into(),
            Self::Table { .. } => {
                let revision = object.revision.to_string();
                self.table_of(
                    resource,
                    std::iter::once(object),
                    &json!({"resourceVersion": revision}),
                    true,
                )
            }
        }
    }

    /// A list with this metadata.
    pub fn list<'a>(
        &self,
        resource: &Resource,
        objects: impl Iterator<Item = &'a Object>,
        list_metadata: &Value,
    ) -> Bytes {
        let (kind, version) = match self {
            Self::Table { .. } => return self.table_of(resource, objects, list_metadata, true),
            Self::Object => (resource.list_kind.as_str(), resource.api_version()),
            Self::Metadata => ("PartialObjectMetadataList", "meta.k8s.io/v1".to_owned()),
        };
        let mut out = format!(
            "{{\"kind\":{},\"apiVersion\":{},\"metadata\":{list_metadata},\"items\":[",
            Value::from(kind),
            Value::from(version),
        )
        .into_bytes();
        for (index, object) in objects.enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.extend_from_slice(&self.one(resource, object));
        }
        out.extend_from_slice(b"]}");
        out.into()
    }

    /// A table; a watch sends the column definitions with its first event only.
    pub fn table_of<'a>(
        &self,
        resource: &Resource,
        objects: impl Iterator<Item = &'a Object>,
        list_metadata: &Value,
        definitions: bool,
    ) -> Bytes {
        let (include, version) = match self {
            Self::Table { include, version } => (*include, *version),
            _ => (Include::None, "meta.k8s.io/v1"),
        };
        let now = Timestamp::now();
        let rows: Vec<Value> = objects
            .map(|object| {
                // Events are shown from their stored form, whichever API asked.
                let shown = if resource.model == Model::Event {
                    object.value()
                } else {
                    presented(resource, object)
                };
                let mut row = json!({"cells": resource.columns.cells(&shown, now)});
                match include {
                    Include::None => {}
                    Include::Metadata => row["object"] = metadata(&shown),
                    Include::Object => row["object"] = presented(resource, object),
                }
                row
            })
            .collect();
        let definitions = if definitions {
            Value::from(resource.columns.definitions())
        } else {
            Value::Null
        };
        json!({
            "kind": "Table", "apiVersion": version, "metadata": list_metadata,
            "columnDefinitions": definitions, "rows": rows,
        })
        .to_string()
        .into()
    }
}

fn metadata(object: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"],
    })
}

/// Whether the stored bytes are what this resource's version shows.
pub fn is_verbatim(resource: &Resource, object: &Object) -> bool {
    match resource.model {
        Model::Event => false,
        // A later change of the CRD may have brought defaults or another storage version.
        Model::Custom => object.revision > resource.since && resource.is_storage_version(),
        _ => true,
    }
}

/// The object's bytes in the resource's version.
pub fn present(resource: &Resource, object: &Object) -> Bytes {
    if is_verbatim(resource, object) {
        return object.json.clone();
    }
    presented(resource, object).to_string().into()
}

/// The object in its stored form, under the schema of now.
pub fn stored(resource: &Resource, object: &Object) -> Value {
    let mut value = object.value();
    if resource.model == Model::Custom && !is_verbatim(resource, object) {
        if let Some(map) = value.as_object_mut() {
            map.insert(
                "apiVersion".into(),
                resource.storage_api_version.clone().into(),
            );
        }
        resource.upgrade(&mut value);
    }
    value
}

/// The object in the resource's version.
pub fn presented(resource: &Resource, object: &Object) -> Value {
    let mut value = object.value();
    if is_verbatim(resource, object) {
        return value;
    }
    if resource.model == Model::Event {
        return events::from_core(value);
    }
    value["apiVersion"] = resource.api_version().into();
    resource.upgrade(&mut value);
    value
}
