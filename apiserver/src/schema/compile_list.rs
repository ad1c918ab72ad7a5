//! Reading `items` and the list types.

use serde_json::{Map, Value};

use super::compile::{Place, Reader, below};
use super::error::{FieldError, FieldErrorKind};
use super::node::{ListType, Node, Type};

pub(super) fn read(
    reader: &mut Reader,
    node: &mut Node,
    map: &Map<String, Value>,
    path: &str,
    place: Place,
    correlated: bool,
) {
    let list_type = map.get("x-kubernetes-list-type");
    let is_map = list_type == Some(&Value::from("map"));
    match map.get("items") {
        None => {
            if node.types == Some(Type::Array) && !matches!(place, Place::Junctor { .. }) {
                reader.errors.push(FieldError::required(
                    below(path, "items"),
                    "must be specified",
                ));
            }
        }
        Some(Value::Array(_)) => {
            let why = "items must be a schema object and not an array";
            reader
                .errors
                .push(FieldError::forbidden(below(path, "items"), why));
        }
        Some(schema) => {
            let place = if matches!(place, Place::Junctor { .. }) {
                place
            } else {
                Place::Items
            };
            node.items = Some(Box::new(reader.read(
                schema,
                &below(path, "items"),
                place,
                correlated && is_map,
            )));
        }
    }
    let Some(list_type) = list_type else { return };
    if node.types != Some(Type::Array) {
        let found = node
            .types
            .map_or(Value::Null, |found| found.as_str().into());
        let why = "must be array if x-kubernetes-list-type is specified";
        reader
            .errors
            .push(FieldError::invalid(below(path, "type"), found, why));
        return;
    }
    match list_type.as_str() {
        Some("atomic") => {}
        Some("set") => {
            node.list = ListType::Set;
            set_items(reader, node, path);
        }
        Some("map") => {
            let keys = keys(reader, node, map, path);
            node.list = ListType::Map(keys);
        }
        _ => {
            let detail = "supported values: \"atomic\", \"map\", \"set\"";
            let at = below(path, "x-kubernetes-list-type");
            reader.errors.push(FieldError::new(
                FieldErrorKind::NotSupported,
                at,
                Some(list_type.clone()),
                detail,
            ));
        }
    }
}

/// Items of a set are compared as a whole.
fn set_items(reader: &mut Reader, node: &Node, path: &str) {
    let Some(items) = &node.items else { return };
    let at = |word: &str| below(&below(path, "items"), word);
    if items.nullable {
        let why = "cannot be nullable when x-kubernetes-list-type is set";
        reader
            .errors
            .push(FieldError::forbidden(at("nullable"), why));
    }
    match items.types {
        Some(Type::Object) if !items.atomic_map => {
            let why = "must be atomic as item of a list with x-kubernetes-list-type=set";
            reader.errors.push(FieldError::invalid(
                at("x-kubernetes-map-type"),
                Value::Null,
                why,
            ));
        }
        Some(Type::Array) if items.list != ListType::Atomic => {
            let why = "must be atomic as item of a list with x-kubernetes-list-type=set";
            reader.errors.push(FieldError::invalid(
                at("x-kubernetes-list-type"),
                Value::Null,
                why,
            ));
        }
        _ => {}
    }
}

fn keys(reader: &mut Reader, node: &Node, map: &Map<String, Value>, path: &str) -> Vec<String> {
    let at = below(path, "x-kubernetes-list-map-keys");
    let listed = map.get("x-kubernetes-list-map-keys");
    let keys: Vec<String> = listed
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    if keys.is_empty() {
        reader.errors.push(FieldError::required(
            at,
            "must not be empty if x-kubernetes-list-type is map",
        ));
        return keys;
    }
    let Some(items) = &node.items else {
        return keys;
    };
    for key in &keys {
        let Some(property) = items.properties.get(key) else {
            let found = listed.cloned().unwrap_or_default();
            reader.errors.push(FieldError::invalid(
                &at,
                found,
                "entries must all be names of item properties",
            ));
            continue;
        };
        let of_key = below(&below(path, "items"), &format!("properties[{key}]"));
        if matches!(property.types, Some(Type::Object | Type::Array)) {
            let found = property
                .types
                .map_or(Value::Null, |found| found.as_str().into());
            reader.errors.push(FieldError::invalid(
                below(&of_key, "type"),
                found,
                "must be a scalar type if parent array's x-kubernetes-list-type is map",
            ));
        }
        if property.default.is_none() && !items.checks.required.contains(key) {
            let why = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
            reader
                .errors
                .push(FieldError::required(below(&of_key, "default"), why));
        }
        if property.nullable {
            let why = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
            reader
                .errors
                .push(FieldError::forbidden(below(&of_key, "nullable"), why));
        }
    }
    keys
}
