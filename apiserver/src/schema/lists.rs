//! Items that a set or map list may hold only once.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::error::{FieldError, FieldErrorKind};
use super::node::{ListType, Node};
use super::path::Path;

/// Reports duplicates, unless the stored object has duplicates already.
pub(crate) fn check(root: &Node, new: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    let mut found = Vec::new();
    walk(root, new, &Path::Root, &mut found);
    if found.is_empty() {
        return;
    }
    if let Some(old) = old {
        let mut before = Vec::new();
        walk(root, old, &Path::Root, &mut before);
        if !before.is_empty() {
            return;
        }
    }
    errors.append(&mut found);
}

fn walk(node: &Node, value: &Value, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                if let Some(child) = node.child(name) {
                    walk(child, value, &path.field(name), errors);
                }
            }
        }
        Value::Array(items) => {
            unique(node, items, path, errors);
            if let Some(node) = &node.items {
                for (index, item) in items.iter().enumerate() {
                    walk(node, item, &path.index(index), errors);
                }
            }
        }
        _ => {}
    }
}

fn unique(node: &Node, items: &[Value], path: &Path<'_>, errors: &mut Vec<FieldError>) {
    let mut seen: HashSet<String> = HashSet::new();
    let identity = |item: &Value| match &node.list {
        ListType::Atomic => None,
        ListType::Set => Some(item.clone()),
        ListType::Map(keys) => {
            let item = item.as_object()?;
            let keys = keys
                .iter()
                .filter_map(|key| item.get(key).map(|value| (key.clone(), value.clone())));
            Some(Value::Object(keys.collect::<Map<_, _>>()))
        }
    };
    for (index, item) in items.iter().enumerate() {
        if let Some(identity) = identity(item)
            && !seen.insert(identity.to_string())
        {
            errors.push(FieldError::new(
                FieldErrorKind::Duplicate,
                path.index(index).to_string(),
                Some(identity),
                "",
            ));
        }
    }
}
