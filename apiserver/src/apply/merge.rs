//! Merging an applied configuration into the live object.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::topology::{ListNode, Node, Topology};
use super::typed::{Walk, field_node, item_element, walk};

/// `live` with everything that `applied` says, item by item where the topology allows.
pub(crate) fn merge(topo: &Topology, live: &Value, applied: &Value) -> Value {
    merge_value(topo, topo.node(topo.root()), Some(live), applied)
}

fn merge_value(topo: &Topology, node: &Node, live: Option<&Value>, applied: &Value) -> Value {
    let walk = walk(node, applied);
    match (walk, applied) {
        (Walk::Map(_) | Walk::OpenMap, Value::Object(fields)) => {
            let mut out = match live {
                Some(Value::Object(live)) => live.clone(),
                _ => Map::new(),
            };
            for (name, value) in fields {
                let merged = merge_value(topo, field_node(topo, walk, name), out.get(name), value);
                out.insert(name.clone(), merged);
            }
            Value::Object(out)
        }
        (Walk::List(list), Value::Array(items)) => match live {
            Some(Value::Array(live)) => Value::Array(merge_lists(topo, list, live, items)),
            _ => Value::Array(items.clone()),
        },
        // Saying `null` about a granular map or list says nothing about what others put there.
        (Walk::Map(_) | Walk::List(_), Value::Null) => live.cloned().unwrap_or(Value::Null),
        _ => applied.clone(),
    }
}

/// Applied items keep their relative order; live items that are not applied keep their place before the
/// next item both share.
fn merge_lists(topo: &Topology, list: &ListNode, live: &[Value], applied: &[Value]) -> Vec<Value> {
    let element_node = topo.node(list.element);
    let live: Vec<(String, &Value)> = identified(list, live);
    let applied: Vec<(String, &Value)> = identified(list, applied);
    let mut live_by: BTreeMap<&str, Option<&Value>> = BTreeMap::new();
    for (element, item) in &live {
        // A duplicate in a stored object merges with nothing.
        live_by
            .entry(element)
            .and_modify(|seen| *seen = None)
            .or_insert(Some(item));
    }
    let wanted: BTreeSet<&str> = applied
        .iter()
        .map(|(element, _)| element.as_str())
        .collect();
    let mut shared = applied
        .iter()
        .map(|(element, _)| element.as_str())
        .filter(|element| live_by.contains_key(element))
        .peekable();

    let mut out = Vec::with_capacity(live.len().max(applied.len()));
    let mut done = BTreeSet::new();
    let (mut left, mut right) = (0, 0);
    while left < live.len() || right < applied.len() {
        if let (Some((mine, _)), Some((theirs, _))) = (live.get(left), applied.get(right))
            && mine != theirs
            && wanted.contains(mine.as_str())
            && shared.peek().is_some_and(|next| next != mine)
        {
            // Shared, but applied in another order: it comes when the applied list reaches it.
            left += 1;
            continue;
        }
        if let Some((mine, item)) = live.get(left) {
            if !wanted.contains(mine.as_str()) {
                out.push((*item).clone());
                left += 1;
                continue;
            }
            if done.contains(mine.as_str()) {
                left += 1;
                continue;
            }
        }
        let Some((theirs, item)) = applied.get(right) else {
            left += 1;
            continue;
        };
        let before = live_by.get(theirs.as_str()).copied().flatten();
        out.push(merge_value(topo, element_node, before, item));
        done.insert(theirs.as_str());
        if shared.peek() == Some(&theirs.as_str()) {
            shared.next();
        }
        if live.get(left).is_some_and(|(mine, _)| mine == theirs) {
            left += 1;
        }
        right += 1;
    }
    out
}

fn identified<'v>(list: &ListNode, items: &'v [Value]) -> Vec<(String, &'v Value)> {
    items
        .iter()
        .enumerate()
        .map(|(index, item)| {
            (
                item_element(list, index, item).unwrap_or_else(|_| format!("i:{index}")),
                item,
            )
        })
        .collect()
}
