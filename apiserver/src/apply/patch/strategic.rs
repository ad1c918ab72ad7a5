//! Strategic merge patch: a merge patch that knows which lists are keyed.

use serde_json::{Map, Value};

use super::directives::{Action, PATCH, action, is_directive, split};
use super::{PatchError, primitive};
use crate::apply::topology::{MapNode, Node, PatchStrategy, Topology};

/// `obj` after `patch`. Lists merge only where the kind says so (`x-kubernetes-patch-strategy: merge`);
/// everything the topology does not know merges like a merge patch.
pub fn strategic_merge_patch(
    obj: &Value,
    patch: &Value,
    topo: &Topology,
) -> Result<Value, PatchError> {
    let Value::Object(patch) = patch else {
        return Err(PatchError::Malformed(format!(
            "a strategic merge patch is an object, got {patch}"
        )));
    };
    let live = obj.as_object().cloned().unwrap_or_default();
    merge_map(topo, topo.node(topo.root()), live, patch).map(Value::Object)
}

fn map_node(node: &Node) -> Option<&MapNode> {
    match node {
        Node::Map(map) => Some(map),
        _ => None,
    }
}

fn strategy<'t>(node: &'t Node, name: &str) -> Option<&'t PatchStrategy> {
    map_node(node)?.fields.get(name)?.patch.as_ref()
}

fn child<'t>(topo: &'t Topology, node: &'t Node, name: &str) -> &'t Node {
    map_node(node)
        .and_then(|map| topo.child(map, name))
        .unwrap_or(&Node::Any)
}

fn merge_map(
    topo: &Topology,
    node: &Node,
    mut live: Map<String, Value>,
    patch: &Map<String, Value>,
) -> Result<Map<String, Value>, PatchError> {
    match action(patch)? {
        Action::Delete => return Ok(Map::new()),
        Action::Replace => {
            return Ok(match without_directives(&Value::Object(patch.clone())) {
                Value::Object(replaced) => replaced,
                _ => Map::new(),
            });
        }
        Action::Merge => {}
    }
    let split = split(patch)?;
    if let Some(retained) = &split.retained {
        live.retain(|name, _| retained.contains(&name.as_str()));
    }
    let before: Vec<Vec<Value>> = split
        .orders
        .iter()
        .map(|(name, _)| {
            live.get(*name)
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default()
        })
        .collect();
    for (name, values) in &split.deletions {
        if let Some(Value::Array(items)) = live.get_mut(*name) {
            items.retain(|item| !values.contains(item));
        }
    }
    for (name, value) in &split.fields {
        let deleted = value.is_null()
            || matches!(value, Value::Object(map) if action(map)? == Action::Delete);
        if deleted {
            live.remove(*name);
            continue;
        }
        let merged = merge_field(topo, node, name, live.get(*name), value)?;
        live.insert((*name).to_owned(), merged);
    }
    for ((name, order), before) in split.orders.iter().zip(&before) {
        let Some(Value::Array(items)) = live.remove(*name) else {
            continue;
        };
        let merge_key = strategy(node, name).and_then(|strategy| strategy.merge_key.as_deref());
        let ordered = primitive::reorder(items, before, order, |item| identity(merge_key, item));
        live.insert((*name).to_owned(), Value::Array(ordered));
    }
    Ok(live)
}

/// What tells an item of a merged list from the others.
fn identity(merge_key: Option<&str>, item: &Value) -> Option<Value> {
    match merge_key {
        Some(key) => item.get(key).cloned(),
        None => Some(item.clone()),
    }
}

fn merge_field(
    topo: &Topology,
    parent: &Node,
    name: &str,
    live: Option<&Value>,
    patch: &Value,
) -> Result<Value, PatchError> {
    let node = child(topo, parent, name);
    match patch {
        Value::Object(fields) => {
            let live = live.and_then(Value::as_object).cloned().unwrap_or_default();
            let replaces = strategy(parent, name)
                .is_some_and(|strategy| !strategy.merge && !strategy.retain_keys);
            let live = if replaces { Map::new() } else { live };
            merge_map(topo, node, live, fields).map(Value::Object)
        }
        Value::Array(items) => {
            let live = live.and_then(Value::as_array).map(Vec::as_slice);
            match strategy(parent, name) {
                Some(strategy) if strategy.merge => {
                    merge_list(topo, node, name, strategy, live.unwrap_or_default(), items)
                        .map(Value::Array)
                }
                _ => Ok(without_directives(patch)),
            }
        }
        scalar => Ok(scalar.clone()),
    }
}

fn merge_list(
    topo: &Topology,
    node: &Node,
    name: &str,
    strategy: &PatchStrategy,
    live: &[Value],
    patch: &[Value],
) -> Result<Vec<Value>, PatchError> {
    let element = match node {
        Node::List(list) => topo.node(list.element),
        _ => &Node::Any,
    };
    let Some(key) = strategy.merge_key.as_deref() else {
        let merged = primitive::merge(live, patch);
        return Ok(primitive::reorder(merged, live, patch, |item| {
            identity(None, item)
        }));
    };
    let mut out = live.to_vec();
    let mut additions: Vec<&Map<String, Value>> = Vec::new();
    let mut replace = false;
    for item in patch {
        let Value::Object(item) = item else {
            return Err(PatchError::Malformed(format!(
                "{name}: an item of a list merged by {key:?} must be an object, got {item}"
            )));
        };
        match (action(item)?, item.get(key)) {
            (Action::Replace, None) => replace = true,
            (Action::Delete | Action::Merge, None) => {
                return Err(PatchError::Malformed(format!(
                    "map: {} does not contain declared merge key: {key}",
                    Value::Object(item.clone())
                )));
            }
            (Action::Delete, Some(id)) => out.retain(|live| live.get(key) != Some(id)),
            (Action::Merge | Action::Replace, Some(_)) => additions.push(item),
        }
    }
    if replace {
        return Ok(additions
            .into_iter()
            .map(|item| without_directives(&Value::Object(item.clone())))
            .collect());
    }
    for item in additions {
        let id = item.get(key);
        let present = out.iter_mut().find(|live| live.get(key) == id);
        match present {
            Some(slot) => {
                let live = slot.as_object().cloned().unwrap_or_default();
                *slot = Value::Object(merge_map(topo, element, live, item)?);
            }
            None => out.push(Value::Object(merge_map(topo, element, Map::new(), item)?)),
        }
    }
    let order: Vec<Value> = patch
        .iter()
        .filter(|item| item.get(PATCH).is_none())
        .cloned()
        .collect();
    Ok(primitive::reorder(out, live, &order, |item| {
        identity(Some(key), item)
    }))
}

/// A value that is taken as it is holds no directives.
fn without_directives(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let fields = map.iter().filter(|(name, _)| !is_directive(name));
            Value::Object(
                fields
                    .map(|(name, value)| (name.clone(), without_directives(value)))
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(without_directives).collect()),
        scalar => scalar.clone(),
    }
}
