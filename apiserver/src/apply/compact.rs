//! The compact document that holds shapes: `{"kinds": {"group/kind": TYPE}, "types": {TYPE: shape}}`.
//!
//! A shape is a string (`string`, `number`, `boolean`, `scalar`, `any`, `set`, or the name of a type after
//! `#`), or an object with one of: `fields` (each a shape, or `{of, merge, retain, key}` with its patch
//! strategy), `map` (shape of the values), `list` (shape of the items, with `set: true` or
//! `keys: {name: default or null}`); `atomic: true` beside `fields` or `map`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::topology::{
    Field, ListNode, MapKey, MapNode, Node, NodeId, PatchStrategy, Relation, Scalar, Topology,
    TopologyBuilder, TopologyError,
};

/// Reads every kind of a compact document.
pub(crate) fn read_shapes(document: &Value) -> Result<BTreeMap<String, Topology>, TopologyError> {
    let kinds = object(document.get("kinds"), "kinds", "an object")?;
    let types = object(document.get("types"), "types", "an object")?;
    let mut out = BTreeMap::new();
    for (kind, name) in kinds {
        let name = name
            .as_str()
            .ok_or_else(|| malformed(kind, "the name of a type", Some(name)))?;
        let mut reader = Reader {
            types,
            builder: TopologyBuilder::default(),
            named: BTreeMap::new(),
        };
        let root = reader.named_type(kind, name)?;
        out.insert(kind.clone(), reader.builder.build(root));
    }
    Ok(out)
}

struct Reader<'d> {
    types: &'d Map<String, Value>,
    builder: TopologyBuilder,
    named: BTreeMap<String, NodeId>,
}

impl Reader<'_> {
    fn named_type(&mut self, at: &str, name: &str) -> Result<NodeId, TopologyError> {
        if let Some(id) = self.named.get(name) {
            return Ok(*id);
        }
        let shape = self
            .types
            .get(name)
            .ok_or_else(|| TopologyError::UnknownType {
                at: at.to_owned(),
                name: name.to_owned(),
            })?;
        let id = self.builder.add(Node::Any);
        // Known before it is read: a type may hold itself.
        self.named.insert(name.to_owned(), id);
        let node = self.node(name, shape)?;
        self.builder.set(id, node);
        Ok(id)
    }

    fn shape(&mut self, at: &str, shape: &Value) -> Result<NodeId, TopologyError> {
        if let Some(name) = shape.as_str().and_then(|text| text.strip_prefix('#')) {
            return self.named_type(at, name);
        }
        let node = self.node(at, shape)?;
        Ok(self.builder.add(node))
    }

    fn node(&mut self, at: &str, shape: &Value) -> Result<Node, TopologyError> {
        match shape {
            Value::String(name) => match name.as_str() {
                "string" => Ok(Node::Scalar(Scalar::String)),
                "number" => Ok(Node::Scalar(Scalar::Number)),
                "boolean" => Ok(Node::Scalar(Scalar::Boolean)),
                "scalar" => Ok(Node::Scalar(Scalar::Untyped)),
                "any" => Ok(Node::Any),
                _ => Err(malformed(at, "a shape", Some(shape))),
            },
            Value::Object(map) => self.composite(at, map),
            other => Err(malformed(at, "a shape", Some(other))),
        }
    }

    fn composite(&mut self, at: &str, shape: &Map<String, Value>) -> Result<Node, TopologyError> {
        let atomic = shape.get("atomic") == Some(&Value::Bool(true));
        if let Some(items) = shape.get("list") {
            let element = self.shape(at, items)?;
            let relation = match shape.get("keys") {
                Some(keys) => Relation::Map(map_keys(object(
                    Some(keys),
                    at,
                    "keys with their defaults",
                )?)),
                None if shape.get("set") == Some(&Value::Bool(true)) => Relation::Set,
                None => Relation::Atomic,
            };
            return Ok(Node::List(ListNode { relation, element }));
        }
        let mut map = MapNode {
            atomic,
            ..MapNode::default()
        };
        if let Some(values) = shape.get("map") {
            map.element = Some(self.shape(at, values)?);
            return Ok(Node::Map(map));
        }
        for (name, field) in object(shape.get("fields"), at, "fields, map or list")? {
            let at = format!("{at}.{name}");
            let (shape, patch) = match field.get("of") {
                Some(shape) => (shape, Some(patch_strategy(field))),
                None => (field, None),
            };
            let node = self.shape(&at, shape)?;
            map.fields.insert(name.clone(), Field { node, patch });
        }
        Ok(Node::Map(map))
    }
}

fn map_keys(keys: &Map<String, Value>) -> Vec<MapKey> {
    let default = |value: &Value| {
        if value.is_null() {
            None
        } else {
            Some(value.clone())
        }
    };
    keys.iter()
        .map(|(name, value)| MapKey {
            name: name.clone(),
            default: default(value),
        })
        .collect()
}

fn patch_strategy(field: &Value) -> PatchStrategy {
    let flag = |name: &str| field.get(name) == Some(&Value::Bool(true));
    PatchStrategy {
        merge: flag("merge"),
        retain_keys: flag("retain"),
        merge_key: field.get("key").and_then(Value::as_str).map(str::to_owned),
    }
}

fn object<'v>(
    value: Option<&'v Value>,
    at: &str,
    expected: &'static str,
) -> Result<&'v Map<String, Value>, TopologyError> {
    value
        .and_then(Value::as_object)
        .ok_or_else(|| malformed(at, expected, value))
}

fn malformed(at: &str, expected: &'static str, found: Option<&Value>) -> TopologyError {
    let found = found.map_or_else(|| "nothing".to_owned(), Value::to_string);
    TopologyError::Malformed {
        at: at.to_owned(),
        expected,
        found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_type_may_hold_itself() {
        let shapes = read_shapes(
            &json!({"kinds": {"/T": "T"}, "types": {"T": {"fields": {"next": "#T", "names": {"list": "string", "set": true}}}}}),
        );
        assert_eq!(shapes.unwrap().len(), 1);
    }

    #[test]
    fn an_error_names_the_field() {
        let error = read_shapes(
            &json!({"kinds": {"/T": "T"}, "types": {"T": {"fields": {"a": "strnig"}}}}),
        )
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "shape of T.a: expected a shape, found \"strnig\""
        );
        let error =
            read_shapes(&json!({"kinds": {"/T": "T"}, "types": {"T": {"fields": {"a": "#U"}}}}))
                .unwrap_err();
        assert_eq!(error.to_string(), "shape of T.a: type \"U\" is not defined");
    }
}
