//! Taking paths out of an object, and finding out which ones an apply gives up.

use serde_json::{Map, Value};

use super::field_set::{FieldSet, field_element};
use super::topology::{Node, Topology};
use super::typed::{Walk, field_node, field_set, item_element, walk, with_named_parents};

/// `merged` without what `last` (the applier's previous set) held and nobody in `managed` holds now.
pub(crate) fn drop_abandoned(
    topo: &Topology,
    merged: Value,
    last: &FieldSet,
    managed: &FieldSet,
) -> Value {
    if last.is_empty() {
        return merged;
    }
    let last = with_named_parents(topo, last);
    let managed = with_named_parents(topo, managed);
    let all = with_named_parents(topo, &field_set(topo, &merged));
    let held = |value: &Value| with_named_parents(topo, &field_set(topo, value));

    // Removing a parent takes children along: those somebody owns come back, and so do those that were
    // never this applier's.
    let without_last = remove(topo, &merged, &last);
    let unowned = all.difference(&held(&without_last).union(&managed));
    let without_unowned = remove(topo, &merged, &unowned);
    let abandoned = all.difference(&held(&without_unowned)).intersection(&last);
    remove(topo, &merged, &abandoned)
}

/// `value` without the member paths of `set`.
pub(crate) fn remove(topo: &Topology, value: &Value, set: &FieldSet) -> Value {
    remove_below(topo, topo.node(topo.root()), value, set)
}

fn remove_below(topo: &Topology, node: &Node, value: &Value, set: &FieldSet) -> Value {
    let walk = walk(node, value);
    match (walk, value) {
        (Walk::Map(_) | Walk::OpenMap, Value::Object(fields)) => {
            let mut out = Map::new();
            for (name, child) in fields {
                let kept = match set.get(&field_element(name)) {
                    Some(entry) if entry.member => continue,
                    Some(entry) => {
                        remove_below(topo, field_node(topo, walk, name), child, &entry.children)
                    }
                    None => child.clone(),
                };
                out.insert(name.clone(), kept);
            }
            emptied(Value::Object(out), fields.is_empty())
        }
        (Walk::List(list), Value::Array(items)) => {
            let mut out = Vec::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                let entry = item_element(list, index, item)
                    .ok()
                    .and_then(|element| set.get(&element));
                let kept = match entry {
                    Some(entry) if entry.member => continue,
                    Some(entry) => {
                        remove_below(topo, topo.node(list.element), item, &entry.children)
                    }
                    None => item.clone(),
                };
                out.push(kept);
            }
            emptied(Value::Array(out), items.is_empty())
        }
        _ => value.clone(),
    }
}

/// What removal emptied is null, as distinct from what was written empty.
fn emptied(value: Value, was_empty: bool) -> Value {
    let is_empty =
        value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty);
    if is_empty && !was_empty {
        Value::Null
    } else {
        value
    }
}
