//! OpenAPI v3: an index, and one document per group and version with the schemas that
//! `kubectl explain` prints and the paths by which clients learn what an endpoint can do.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use http::header::{ACCEPT, CACHE_CONTROL, ETAG, HeaderValue, IF_NONE_MATCH};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::Call;
use super::answer::{self, JSON, Response};
use super::media::{Accepted, accepted};
use super::openapi_v2;
use crate::registry::{Model, REVIEWS, Resource, Served, typed};
use crate::status::ApiError;

/// `path` is `v2`, `v3` or `v3/<group version path>`.
pub fn answer(call: &Call, path: &str) -> Result<Response, ApiError> {
    if path == "v2" {
        return openapi_v2::answer(call);
    }
    if !accepted(call.header(ACCEPT)).iter().any(Accepted::is_json) {
        return Err(ApiError::not_acceptable(&[JSON]));
    }
    let Some(path) = path.strip_prefix("v3/") else {
        return Ok(index(call));
    };
    let (group, version) = match path.split('/').collect::<Vec<_>>().as_slice() {
        ["api", version] => (String::new(), (*version).to_owned()),
        ["apis", group, version] => ((*group).to_owned(), (*version).to_owned()),
        _ => return Err(ApiError::unknown_page()),
    };
    let Some(document) = document(&call.served, &group, &version) else {
        return Err(ApiError::unknown_page());
    };
    let text = document.to_string();
    let tag = format!("\"{}\"", hash(&text));
    if call.header(IF_NONE_MATCH) == tag {
        return Ok(answer::raw(StatusCode::NOT_MODIFIED, JSON, ""));
    }
    let mut response = answer::raw(StatusCode::OK, JSON, text);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    if call.query.get("hash").is_some() {
        response
            .headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static("public, immutable"));
    }
    Ok(response)
}

fn index(call: &Call) -> Response {
    let mut paths = Map::new();
    for (group, versions) in call.served.groups() {
        for version in versions {
            let Some(document) = document(&call.served, group, version) else {
                continue;
            };
            let path = match group {
                "" => format!("api/{version}"),
                group => format!("apis/{group}/{version}"),
            };
            let url = format!("/openapi/v3/{path}?hash={}", hash(&document.to_string()));
            paths.insert(path, json!({"serverRelativeURL": url}));
        }
    }
    answer::json(StatusCode::OK, &json!({"paths": paths}))
}

fn hash(text: &str) -> String {
    use std::fmt::Write as _;
    Sha256::digest(text)
        .iter()
        .fold(String::with_capacity(64), |mut out, byte| {
            // Writing to a String cannot fail.
            let _ = write!(out, "{byte:02X}");
            out
        })
}

/// The document of one group and version; `None` when nothing is served there.
fn document(served: &Served, group: &str, version: &str) -> Option<Value> {
    let mut builder = Builder::default();
    for resource in served
        .all()
        .iter()
        .filter(|r| r.group == group && r.version == version)
    {
        builder.resource(resource);
    }
    for review in REVIEWS
        .iter()
        .filter(|r| r.group == group && r.version == version)
    {
        let gvk = json!({"group": group, "version": version, "kind": review.kind});
        let namespace = if review.namespaced {
            "/namespaces/{namespace}"
        } else {
            ""
        };
        let path = format!("/apis/{group}/{version}{namespace}/{}", review.plural);
        builder.path(path, &[("post", "post")], &gvk);
        builder.definition(typed::definition_of(group, version, review.kind)?);
    }
    if builder.paths.is_empty() {
        return None;
    }
    Some(builder.finish())
}

#[derive(Default)]
struct Builder {
    paths: BTreeMap<String, Value>,
    schemas: BTreeMap<String, Value>,
    /// Definitions that are referred to and not taken in yet.
    wanted: BTreeSet<String>,
}

impl Builder {
    fn resource(&mut self, resource: &Resource) {
        let gvk =
            json!({"group": resource.group, "version": resource.version, "kind": resource.kind});
        let root = if resource.group.is_empty() {
            "/api".to_owned()
        } else {
            format!("/apis/{}", resource.group)
        };
        let namespace = if resource.namespaced {
            "/namespaces/{namespace}"
        } else {
            ""
        };
        let list = format!("{root}/{}{namespace}/{}", resource.version, resource.plural);
        let item = format!("{list}/{{name}}");
        const ITEM: &[(&str, &str)] = &[
            ("get", "get"),
            ("put", "put"),
            ("patch", "patch"),
            ("delete", "delete"),
        ];
        const PART: &[(&str, &str)] = &[("get", "get"), ("put", "put"), ("patch", "patch")];
        if resource.namespaced {
            let all = format!("{root}/{}/{}", resource.version, resource.plural);
            self.path(all, &[("get", "list")], &gvk);
        }
        self.path(
            list,
            &[
                ("get", "list"),
                ("post", "post"),
                ("delete", "deletecollection"),
            ],
            &gvk,
        );
        if resource.status {
            self.path(format!("{item}/status"), PART, &gvk);
        }
        if resource.scale.is_some() {
            let scale = json!({"group": "autoscaling", "version": "v1", "kind": "Scale"});
            self.path(format!("{item}/scale"), PART, &scale);
            self.wanted
                .extend(typed::definition_of("autoscaling", "v1", "Scale").map(str::to_owned));
        }
        self.path(item, ITEM, &gvk);
        let name = match (
            resource.model,
            typed::definition_of(&resource.group, &resource.version, &resource.kind),
        ) {
            (Model::Custom, _) | (_, None) => self.custom(resource, &gvk),
            (_, Some(name)) => {
                self.definition(name);
                name.to_owned()
            }
        };
        self.list(resource, &name);
    }

    fn path(&mut self, path: String, operations: &[(&str, &str)], gvk: &Value) {
        let mut object = Map::new();
        for (method, action) in operations {
            let mut operation = json!({
                "x-kubernetes-action": action,
                "x-kubernetes-group-version-kind": gvk,
                "responses": {"200": {"description": "OK"}},
            });
            let mut parameters: Vec<&str> = Vec::new();
            if ["post", "put", "patch"].contains(method) {
                // Clients look for fieldValidation here before they rely on the server to check fields.
                parameters.extend(["dryRun", "fieldManager", "fieldValidation"]);
            }
            if *method == "patch" {
                parameters.push("force");
            }
            let parameter = |name: &&str| {
                let kind = if *name == "force" {
                    "boolean"
                } else {
                    "string"
                };
                json!({"name": name, "in": "query", "schema": {"type": kind, "uniqueItems": true}})
            };
            operation["parameters"] = parameters.iter().map(parameter).collect();
            object.insert((*method).to_owned(), operation);
        }
        let variables: Vec<Value> = ["namespace", "name"]
            .iter()
            .filter(|name| path.contains(&format!("{{{name}}}")))
            .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
            .collect();
        object.insert("parameters".into(), variables.into());
        self.paths.insert(path, Value::Object(object));
    }

    /// The schema of a custom resource under the name the real server gives it.
    fn custom(&mut self, resource: &Resource, gvk: &Value) -> String {
        let reversed: Vec<&str> = resource.group.split('.').rev().collect();
        let name = format!(
            "{}.{}.{}",
            reversed.join("."),
            resource.version,
            resource.kind
        );
        let mut schema = resource
            .openapi
            .clone()
            .unwrap_or_else(|| json!({"type": "object"}));
        let reference = format!("{}{}", typed::REFERENCE, typed::OBJECT_META);
        if let Some(map) = schema.as_object_mut() {
            let properties = map.entry("properties").or_insert_with(|| json!({}));
            if let Some(properties) = properties.as_object_mut() {
                properties.insert("apiVersion".into(), json!({"type": "string", "description": "Group and version of this object's schema."}));
                properties.insert(
                    "kind".into(),
                    json!({"type": "string", "description": "The kind of this object."}),
                );
                let description = "Standard metadata of an object.";
                properties.insert(
                    "metadata".into(),
                    json!({"description": description, "allOf": [{"$ref": reference}]}),
                );
            }
            map.insert("x-kubernetes-group-version-kind".into(), json!([gvk]));
        }
        self.wanted.insert(typed::OBJECT_META.to_owned());
        self.schemas.insert(name.clone(), schema);
        name
    }

    fn list(&mut self, resource: &Resource, item: &str) {
        const LIST_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";
        let gvk = json!({"group": resource.group, "version": resource.version, "kind": resource.list_kind});
        let reference = |name: &str| json!({"$ref": format!("{}{name}", typed::REFERENCE)});
        let schema = json!({
            "type": "object", "required": ["items"],
            "properties": {
                "apiVersion": {"type": "string"}, "kind": {"type": "string"},
                "metadata": reference(LIST_META),
                "items": {"type": "array", "items": reference(item)},
            },
            "x-kubernetes-group-version-kind": [gvk],
        });
        self.wanted.insert(LIST_META.to_owned());
        self.schemas.insert(format!("{item}List"), schema);
    }

    fn definition(&mut self, name: &str) {
        self.wanted.insert(name.to_owned());
    }

    fn finish(mut self) -> Value {
        while let Some(name) = self.wanted.pop_first() {
            if self.schemas.contains_key(&name) {
                continue;
            }
            let Some(definition) = typed::DEFINITIONS.get(&name) else {
                continue;
            };
            references(definition, &mut self.wanted);
            self.schemas.insert(name, definition.clone());
        }
        json!({
            "openapi": "3.0.0",
            "info": {"title": "Kubernetes", "version": "1.36"},
            "paths": self.paths,
            "components": {"schemas": self.schemas},
        })
    }
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            if let Some(name) = map
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|r| r.strip_prefix(typed::REFERENCE))
            {
                found.insert(name.to_owned());
            }
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}
