//! Makes `src/apply/builtin_shapes.json` from the OpenAPI v3 documents of a kube-apiserver, read one after
//! the other from standard input:
//! `for d in api/v1 apis/events.k8s.io/v1 …; do kubectl get --raw /openapi/v3/$d; done | cargo run -p apiserver --example builtin_shapes`

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

/// Every kind the embedded API server stores.
const KINDS: [(&str, &str); 21] = [
    ("/Namespace", "io.k8s.api.core.v1.Namespace"),
    ("/ConfigMap", "io.k8s.api.core.v1.ConfigMap"),
    ("/Secret", "io.k8s.api.core.v1.Secret"),
    ("/Service", "io.k8s.api.core.v1.Service"),
    ("/ServiceAccount", "io.k8s.api.core.v1.ServiceAccount"),
    ("/Event", "io.k8s.api.core.v1.Event"),
    ("/Pod", "io.k8s.api.core.v1.Pod"),
    ("/Node", "io.k8s.api.core.v1.Node"),
    ("/Endpoints", "io.k8s.api.core.v1.Endpoints"),
    ("events.k8s.io/Event", "io.k8s.api.events.v1.Event"),
    (
        "discovery.k8s.io/EndpointSlice",
        "io.k8s.api.discovery.v1.EndpointSlice",
    ),
    (
        "coordination.k8s.io/Lease",
        "io.k8s.api.coordination.v1.Lease",
    ),
    ("rbac.authorization.k8s.io/Role", "io.k8s.api.rbac.v1.Role"),
    (
        "rbac.authorization.k8s.io/RoleBinding",
        "io.k8s.api.rbac.v1.RoleBinding",
    ),
    (
        "rbac.authorization.k8s.io/ClusterRole",
        "io.k8s.api.rbac.v1.ClusterRole",
    ),
    (
        "rbac.authorization.k8s.io/ClusterRoleBinding",
        "io.k8s.api.rbac.v1.ClusterRoleBinding",
    ),
    ("autoscaling/Scale", "io.k8s.api.autoscaling.v1.Scale"),
    (
        "autoscaling/HorizontalPodAutoscaler",
        "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
    ),
    ("apps/Deployment", "io.k8s.api.apps.v1.Deployment"),
    ("apps/ReplicaSet", "io.k8s.api.apps.v1.ReplicaSet"),
    (
        "apiextensions.k8s.io/CustomResourceDefinition",
        "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
    ),
];

fn main() -> Result<()> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .context("reading the OpenAPI document from standard input")?;
    let mut definitions = Map::new();
    for document in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
        let mut document =
            document.context("standard input holds something other than JSON documents")?;
        let schemas = document["components"]["schemas"].as_object_mut();
        definitions
            .append(schemas.context("a document has no `components.schemas`: is it OpenAPI v3?")?);
    }
    let definitions = &definitions;

    let mut types = BTreeMap::new();
    let mut wanted: BTreeSet<String> = KINDS.iter().map(|(_, name)| (*name).to_owned()).collect();
    while let Some(name) = wanted.pop_first() {
        let schema = definitions
            .get(&name)
            .with_context(|| format!("the document does not define {name}"))?;
        let shape =
            shape(schema, &mut wanted, definitions).with_context(|| format!("in {name}"))?;
        types.insert(name, shape);
        wanted.retain(|name| !types.contains_key(name));
    }
    let kinds: BTreeMap<_, _> = KINDS.into_iter().collect();
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &json!({"kinds": kinds, "types": types}))?;
    writeln!(out)?;
    Ok(())
}

/// The compact shape of a schema; every type it names is added to `wanted`.
fn shape(
    schema: &Value,
    wanted: &mut BTreeSet<String>,
    definitions: &Map<String, Value>,
) -> Result<Value> {
    if let Some(name) = reference(schema) {
        let target = definitions
            .get(name)
            .with_context(|| format!("{name} is not defined"))?;
        if let Some(scalar) = scalar(name, target) {
            return Ok(json!(scalar));
        }
        wanted.insert(name.to_owned());
        return Ok(json!(format!("#{name}")));
    }
    let atomic = schema["x-kubernetes-map-type"] == "atomic";
    let mut out = Map::new();
    if let Some(properties) = schema["properties"].as_object() {
        let mut fields = Map::new();
        for (name, property) in properties {
            let of = shape(property, wanted, definitions)?;
            fields.insert(name.clone(), with_strategy(of, property));
        }
        out.insert("fields".to_owned(), Value::Object(fields));
    } else if schema["additionalProperties"].is_object() {
        out.insert(
            "map".to_owned(),
            shape(&schema["additionalProperties"], wanted, definitions)?,
        );
    } else if schema["type"] == "array" {
        out.insert(
            "list".to_owned(),
            shape(&schema["items"], wanted, definitions)?,
        );
        match schema["x-kubernetes-list-type"].as_str() {
            Some("set") => {
                out.insert("set".to_owned(), json!(true));
            }
            Some("map") => {
                out.insert("keys".to_owned(), keys(schema, definitions));
            }
            _ => {}
        }
    } else {
        return Ok(json!(scalar("", schema).unwrap_or("any")));
    }
    if atomic {
        out.insert("atomic".to_owned(), json!(true));
    }
    Ok(Value::Object(out))
}

/// The type a schema refers to, directly or (to carry a default beside it) as its only `allOf`.
fn reference(schema: &Value) -> Option<&str> {
    let direct = schema["$ref"]
        .as_str()
        .or_else(|| schema["allOf"][0]["$ref"].as_str());
    Some(direct?.trim_start_matches("#/components/schemas/"))
}

fn scalar(name: &str, schema: &Value) -> Option<&'static str> {
    if name.ends_with(".Quantity")
        || schema["format"] == "int-or-string"
        || schema.get("oneOf").is_some()
    {
        return Some("scalar");
    }
    match schema["type"].as_str()? {
        "string" => Some("string"),
        "integer" | "number" => Some("number"),
        "boolean" => Some("boolean"),
        "object"
            if schema.get("properties").is_none()
                && schema.get("additionalProperties").is_none() =>
        {
            Some("any")
        }
        _ => None,
    }
}

fn keys(schema: &Value, definitions: &Map<String, Value>) -> Value {
    let item = reference(&schema["items"]).unwrap_or_default();
    let mut keys = Map::new();
    for name in schema["x-kubernetes-list-map-keys"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        let default = definitions
            .get(item)
            .and_then(|item| item["properties"][name].get("default"));
        keys.insert(name.to_owned(), default.cloned().unwrap_or(Value::Null));
    }
    Value::Object(keys)
}

fn with_strategy(of: Value, property: &Value) -> Value {
    let strategy = property["x-kubernetes-patch-strategy"]
        .as_str()
        .unwrap_or_default();
    if strategy.is_empty() {
        return of;
    }
    let mut field = Map::new();
    field.insert("of".to_owned(), of);
    for (word, name) in [("merge", "merge"), ("retainKeys", "retain")] {
        if strategy.split(',').any(|part| part == word) {
            field.insert(name.to_owned(), json!(true));
        }
    }
    if let Some(key) = property.get("x-kubernetes-patch-merge-key") {
        field.insert("key".to_owned(), key.clone());
    }
    Value::Object(field)
}
