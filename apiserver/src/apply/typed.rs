//! Reading a value along its topology: which paths it holds, and whether it fits.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::field_set::{Entry, FieldSet, field_element};
use super::topology::{ListNode, MapNode, Node, Relation, Scalar, Topology};

/// How one value is walked, given its node.
#[derive(Clone, Copy)]
pub(crate) enum Walk<'t> {
    /// Owned and replaced as a whole.
    Leaf,
    Map(&'t MapNode),
    /// A map without schema: granular, every value again without schema.
    OpenMap,
    List(&'t ListNode),
}

/// The walk for `value`; a value that does not fit its node is a leaf.
pub(crate) fn walk<'t>(node: &'t Node, value: &Value) -> Walk<'t> {
    match (node, value) {
        (Node::Map(map), Value::Object(_) | Value::Null) if !map.atomic => Walk::Map(map),
        (Node::Any, Value::Object(_)) => Walk::OpenMap,
        (Node::List(list), Value::Array(_) | Value::Null) => match list.relation {
            Relation::Atomic => Walk::Leaf,
            Relation::Set | Relation::Map(_) => Walk::List(list),
        },
        _ => Walk::Leaf,
    }
}

/// The node under key `name`; undeclared fields count as schemaless.
pub(crate) fn field_node<'t>(topo: &'t Topology, walk: Walk<'t>, name: &str) -> &'t Node {
    match walk {
        Walk::Map(map) => topo.child(map, name).unwrap_or(&Node::Any),
        _ => &Node::Any,
    }
}

/// Whether `name` is a declared field, as opposed to a key of a map.
pub(crate) fn is_declared(walk: Walk<'_>, name: &str) -> bool {
    matches!(walk, Walk::Map(map) if map.fields.contains_key(name))
}

/// The path element that identifies `item` in an associative list.
pub(crate) fn item_element(list: &ListNode, index: usize, item: &Value) -> Result<String, String> {
    match &list.relation {
        Relation::Atomic => Ok(format!("i:{index}")),
        Relation::Set => match item {
            Value::Null => Err(
                "associative list without keys has an element that's an explicit null".to_owned(),
            ),
            Value::Array(_) | Value::Object(_) => {
                Err("associative list without keys has an element that's not a scalar".to_owned())
            }
            scalar => Ok(format!("v:{scalar}")),
        },
        Relation::Map(keys) => {
            let object = match item {
                Value::Object(object) => object,
                Value::Null => {
                    return Err("associative list with keys may not have a null element".to_owned());
                }
                _ => {
                    return Err(
                        "associative list with keys may not have non-map elements".to_owned()
                    );
                }
            };
            let mut element = Map::new();
            for key in keys {
                if let Some(value) = object.get(&key.name).or(key.default.as_ref()) {
                    element.insert(key.name.clone(), value.clone());
                }
            }
            if element.is_empty() {
                let names: Vec<String> = keys.iter().map(|key| format!("{:?}", key.name)).collect();
                return Err(format!(
                    "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any key fields)",
                    names.join(" ")
                ));
            }
            Ok(format!("k:{}", Value::Object(element)))
        }
    }
}

/// Every path `value` holds (an applied object's own field set).
pub(crate) fn field_set(topo: &Topology, value: &Value) -> FieldSet {
    entry_of(topo, topo.node(topo.root()), value).children
}

fn entry_of(topo: &Topology, node: &Node, value: &Value) -> Entry {
    let walk = walk(node, value);
    match walk {
        Walk::Leaf => Entry::leaf(),
        Walk::Map(_) | Walk::OpenMap => {
            let mut entry = Entry::default();
            for (name, child) in value.as_object().into_iter().flatten() {
                let mut below = entry_of(topo, field_node(topo, walk, name), child);
                let hollow = child.is_null() || child.as_object().is_some_and(Map::is_empty);
                below.member |= hollow || !is_declared(walk, name);
                entry.children.insert(field_element(name), below);
            }
            entry
        }
        Walk::List(list) => {
            let mut entry = Entry::default();
            for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                if let Ok(element) = item_element(list, index, item) {
                    // Duplicates (possible in stored objects only) are owned as one unit.
                    let below = if entry.children.get(&element).is_some() {
                        entry.children.remove(&element);
                        FieldSet::default()
                    } else {
                        entry_of(topo, topo.node(list.element), item).children
                    };
                    entry.children.insert(
                        element,
                        Entry {
                            member: true,
                            children: below,
                        },
                    );
                }
            }
            entry
        }
    }
}

/// Adds the declared fields on the way to every path of `set` as members, so that a struct goes when the
/// last field in it goes. Keys of maps and items of lists are owned only when named.
pub(crate) fn with_named_parents(topo: &Topology, set: &FieldSet) -> FieldSet {
    with_parents_below(topo, topo.node(topo.root()), set)
}

fn with_parents_below(topo: &Topology, node: &Node, set: &FieldSet) -> FieldSet {
    let mut out = FieldSet::default();
    for (element, entry) in set.iter() {
        let (child, declared) = match (node, element.strip_prefix("f:")) {
            (Node::Map(map), Some(name)) => (
                topo.child(map, name).unwrap_or(&Node::Any),
                map.fields.contains_key(name),
            ),
            (Node::List(list), None) => (topo.node(list.element), false),
            _ => (&Node::Any, false),
        };
        let children = with_parents_below(topo, child, &entry.children);
        let member = entry.member || (declared && !children.is_empty());
        out.insert(element.clone(), Entry { member, children });
    }
    out
}

/// What does not fit the topology, each as `path: reason` in the API server's words.
pub(crate) fn mismatches(topo: &Topology, value: &Value) -> Vec<String> {
    let mut errors = Vec::new();
    check(
        topo,
        topo.node(topo.root()),
        value,
        &mut String::new(),
        &mut errors,
    );
    errors
}

fn check(topo: &Topology, node: &Node, value: &Value, path: &mut String, errors: &mut Vec<String>) {
    match (node, value) {
        (Node::Any, _) | (_, Value::Null) => {}
        (Node::Scalar(scalar), value) => {
            if let Some(expected) = scalar_mismatch(*scalar, value) {
                errors.push(format!("{path}: {expected}"));
            }
        }
        (Node::Map(map), Value::Object(object)) => {
            for (name, child) in object {
                let length = path.len();
                path.push('.');
                path.push_str(name);
                match topo.child(map, name) {
                    Some(node) => check(topo, node, child, path, errors),
                    None => errors.push(format!("{path}: field not declared in schema")),
                }
                path.truncate(length);
            }
        }
        (Node::Map(_), other) => errors.push(format!(
            "{path}: expected map, got &{{{}}}",
            go_value(other)
        )),
        (Node::List(list), Value::Array(items)) => check_list(topo, list, items, path, errors),
        (Node::List(_), other) => errors.push(format!(
            "{path}: expected list, got &{{{}}}",
            go_value(other)
        )),
    }
}

fn check_list(
    topo: &Topology,
    list: &ListNode,
    items: &[Value],
    path: &mut String,
    errors: &mut Vec<String>,
) {
    let mut seen = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let element = match item_element(list, index, item) {
            Ok(element) => element,
            Err(reason) => {
                errors.push(format!("{path}: element {index}: {reason}"));
                return;
            }
        };
        let mut single = FieldSet::default();
        single.insert(element.clone(), Entry::leaf());
        let printed = single.paths().concat();
        if !seen.insert(element) {
            errors.push(format!("{path}: duplicate entries for key {printed}"));
        }
        let length = path.len();
        path.push_str(&printed);
        check(topo, topo.node(list.element), item, path, errors);
        path.truncate(length);
    }
}

fn scalar_mismatch(scalar: Scalar, value: &Value) -> Option<String> {
    let fits = match scalar {
        Scalar::String => value.is_string(),
        Scalar::Number => value.is_number(),
        Scalar::Boolean => value.is_boolean(),
        Scalar::Untyped => !value.is_array() && !value.is_object(),
    };
    if fits {
        return None;
    }
    Some(match scalar {
        Scalar::String => format!(
            "expected string, got &value.valueUnstructured{{Value:{}}}",
            go_syntax(value)
        ),
        Scalar::Number => format!("expected numeric (int or float), got {}", go_type(value)),
        Scalar::Boolean => format!("expected boolean, got &{{{}}}", go_value(value)),
        Scalar::Untyped => format!("expected any scalar, got &{{{}}}", go_value(value)),
    })
}

fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

fn go_syntax(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        Value::Array(items) => {
            format!(
                "[]interface {{}}{{{}}}",
                items.iter().map(go_syntax).collect::<Vec<_>>().join(", ")
            )
        }
        Value::Object(map) => {
            let fields: Vec<_> = map
                .iter()
                .map(|(name, value)| format!("{name:?}:{}", go_syntax(value)))
                .collect();
            format!("map[string]interface {{}}{{{}}}", fields.join(", "))
        }
        other => other.to_string(),
    }
}

/// A value as the API server's messages show it.
fn go_value(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!(
            "[{}]",
            items.iter().map(go_value).collect::<Vec<_>>().join(" ")
        ),
        Value::Object(map) => {
            let fields: Vec<_> = map
                .iter()
                .map(|(name, value)| format!("{name}:{}", go_value(value)))
                .collect();
            format!("map[{}]", fields.join(" "))
        }
        other => other.to_string(),
    }
}
