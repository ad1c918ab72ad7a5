//! Dropping what the schema does not know.

use serde_json::{Map, Value};

use super::node::{Additional, Node};
use super::path::Path;
use crate::apply::builtin::unknown_metadata;

/// Prunes the root object: its `apiVersion`, `kind` and metadata are known without being declared.
pub(crate) fn prune(root: &Node, obj: &mut Value) -> Vec<String> {
    let mut unknown = Vec::new();
    if let Value::Object(map) = obj {
        object(root, map, &Path::Root, true, &mut unknown);
    }
    unknown.sort();
    unknown
        .into_iter()
        .map(|path| format!("unknown field {path:?}"))
        .collect()
}

/// Prunes a value that stands somewhere inside an object; returns whether anything went.
pub(crate) fn prune_part(node: &Node, part: &mut Value) -> bool {
    let mut unknown = Vec::new();
    value(node, part, &Path::Root, &mut unknown);
    !unknown.is_empty()
}

fn value(node: &Node, value: &mut Value, path: &Path<'_>, unknown: &mut Vec<String>) {
    match value {
        Value::Object(map) => object(node, map, path, node.embedded, unknown),
        Value::Array(items) => {
            if let Some(node) = &node.items {
                for (index, item) in items.iter_mut().enumerate() {
                    self::value(node, item, &path.index(index), unknown);
                }
            }
        }
        _ => {}
    }
}

fn object(
    node: &Node,
    map: &mut Map<String, Value>,
    path: &Path<'_>,
    is_resource: bool,
    unknown: &mut Vec<String>,
) {
    map.retain(|name, child| {
        let at = path.field(name);
        if is_resource && matches!(name.as_str(), "apiVersion" | "kind") {
            return true;
        }
        if is_resource && name == "metadata" {
            unknown.extend(
                unknown_metadata(child)
                    .into_iter()
                    .map(|below| format!("{at}{below}")),
            );
            return true;
        }
        if let Some(node) = node.child(name) {
            value(node, child, &at, unknown);
            return true;
        }
        let known = node.preserve_unknown || matches!(node.additional, Additional::Any);
        if !known {
            unknown.push(at.to_string());
        }
        known
    });
}
