//! What changed between two versions of an object, as sets of paths.

use std::collections::BTreeMap;

use serde_json::Value;

use super::field_set::{Entry, FieldSet, field_element};
use super::topology::{ListNode, Node, Topology};
use super::typed::{Walk, field_node, item_element, walk};

/// Paths that are only in the new, in both but different, only in the old.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    pub(crate) added: FieldSet,
    pub(crate) modified: FieldSet,
    pub(crate) removed: FieldSet,
}

pub(crate) fn compare(topo: &Topology, old: &Value, new: &Value) -> Comparison {
    let change = changes(topo, topo.node(topo.root()), Some(old), Some(new));
    Comparison {
        added: change.added.children,
        modified: change.modified.children,
        removed: change.removed.children,
    }
}

#[derive(Default)]
struct Change {
    added: Entry,
    modified: Entry,
    removed: Entry,
}

impl Change {
    fn put(&mut self, element: &str, below: Self) {
        self.added.children.insert(element.to_owned(), below.added);
        self.modified
            .children
            .insert(element.to_owned(), below.modified);
        self.removed
            .children
            .insert(element.to_owned(), below.removed);
    }

    fn of_leaf(old: Option<&Value>, new: Option<&Value>) -> Self {
        let mut change = Self::default();
        match (old, new) {
            (None, Some(_)) => change.added.member = true,
            (Some(_), None) => change.removed.member = true,
            (Some(old), Some(new)) => change.modified.member = old != new,
            (None, None) => {}
        }
        change
    }
}

fn changes(topo: &Topology, node: &Node, old: Option<&Value>, new: Option<&Value>) -> Change {
    if old == new {
        return Change::default();
    }
    let Some(shown) = new.or(old) else {
        return Change::default();
    };
    let walk_new = walk(node, shown);
    let walk_old = walk(node, old.unwrap_or(shown));
    if hollow(old) && hollow(new) {
        return Change::of_leaf(old, new);
    }
    match (walk_old, walk_new) {
        (Walk::Map(_), Walk::Map(_)) | (Walk::OpenMap, Walk::OpenMap) => {
            let mut change = map_changes(topo, walk_new, old, new);
            mark_whole(&mut change, old, new);
            change
        }
        (Walk::List(list), Walk::List(_)) => {
            let mut change = list_changes(topo, list, old, new);
            mark_whole(&mut change, old, new);
            change
        }
        (Walk::Leaf, Walk::Leaf) => Change::of_leaf(old, new),
        // A schemaless value changed between map and leaf: both forms count.
        (before, after) => {
            let mut change = Change::of_leaf(old, new);
            for (side, walk) in [((old, None), before), ((None, new), after)] {
                if matches!(walk, Walk::OpenMap) {
                    let below = map_changes(topo, walk, side.0, side.1);
                    change.added.children = change.added.children.union(&below.added.children);
                    change.removed.children =
                        change.removed.children.union(&below.removed.children);
                }
            }
            change
        }
    }
}

/// Absent, null or without content: nothing inside could carry the difference.
fn hollow(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(fields)) => fields.is_empty(),
        Some(_) => false,
    }
}

/// A map, list or item that came or went is itself a path that came or went.
fn mark_whole(change: &mut Change, old: Option<&Value>, new: Option<&Value>) {
    change.added.member |= old.is_none();
    change.removed.member |= new.is_none();
}

fn map_changes(
    topo: &Topology,
    walk: Walk<'_>,
    old: Option<&Value>,
    new: Option<&Value>,
) -> Change {
    let mut change = Change::default();
    let old = old.and_then(Value::as_object);
    let new = new.and_then(Value::as_object);
    for (name, before) in old.into_iter().flatten() {
        let after = new.and_then(|new| new.get(name));
        if after != Some(before) {
            change.put(
                &field_element(name),
                changes(topo, field_node(topo, walk, name), Some(before), after),
            );
        }
    }
    for (name, after) in new.into_iter().flatten() {
        if old.is_none_or(|old| !old.contains_key(name)) {
            change.put(
                &field_element(name),
                changes(topo, field_node(topo, walk, name), None, Some(after)),
            );
        }
    }
    change
}

fn list_changes(
    topo: &Topology,
    list: &ListNode,
    old: Option<&Value>,
    new: Option<&Value>,
) -> Change {
    let mut sides: BTreeMap<String, (Vec<&Value>, Vec<&Value>)> = BTreeMap::new();
    for (value, is_new) in [(old, false), (new, true)] {
        for (index, item) in value
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .enumerate()
        {
            // An item without identity is tracked by nobody; validation reports it.
            if let Ok(element) = item_element(list, index, item) {
                let side = sides.entry(element).or_default();
                if is_new {
                    side.1.push(item);
                } else {
                    side.0.push(item);
                }
            }
        }
    }
    let mut change = Change::default();
    for (element, (before, after)) in sides {
        let node = topo.node(list.element);
        let below = match (before.as_slice(), after.as_slice()) {
            ([] | [_], [] | [_]) => {
                changes(topo, node, before.first().copied(), after.first().copied())
            }
            // Duplicates (possible in stored objects only) are one unit.
            ([_, _, ..], [_, _, ..]) => {
                let mut whole = Change::default();
                whole.modified.member = before != after;
                whole
            }
            ([_, _, ..], after) => {
                let mut below = changes(topo, node, None, after.first().copied());
                below.removed.member = true;
                below
            }
            (before, _) => {
                let mut below = changes(topo, node, before.first().copied(), None);
                below.added.member = true;
                below
            }
        };
        change.put(&element, below);
    }
    change
}
