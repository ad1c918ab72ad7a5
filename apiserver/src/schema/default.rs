//! Filling in what is left out.

use serde_json::Value;

use super::node::Node;

/// Sets every absent field that has a default, also inside defaults; a null counts as absent where the
/// schema takes none.
pub(crate) fn fill(node: &Node, value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, child) in &node.properties {
                let Some(default) = &child.default else {
                    continue;
                };
                let absent = match map.get(name) {
                    None => true,
                    Some(present) => present.is_null() && !child.nullable,
                };
                if absent {
                    map.insert(name.clone(), default.clone());
                }
            }
            for (name, value) in map {
                if let Some(child) = node.child(name) {
                    fill(child, value);
                }
            }
        }
        Value::Array(items) => {
            if let Some(node) = &node.items {
                for item in items {
                    fill(node, item);
                }
            }
        }
        _ => {}
    }
}

/// Takes away nulls where the schema takes none and has no default.
pub(crate) fn drop_nulls(node: &Node, value: &mut Value) {
    match value {
        Value::Object(map) => map.retain(|name, value| match node.child(name) {
            Some(child) if value.is_null() => child.nullable || child.default.is_some(),
            Some(child) => {
                drop_nulls(child, value);
                true
            }
            None => true,
        }),
        Value::Array(items) => {
            if let Some(node) = &node.items {
                for item in items {
                    drop_nulls(node, item);
                }
            }
        }
        _ => {}
    }
}
