//! What fields a schema declares, which of ours it lacks, and an object without those.
//!
//! The API server drops fields that a CRD does not declare, or refuses the write. Comparing what we want with
//! what is stored would then never end, so we drop them first.

use serde_json::Value;
use std::collections::BTreeMap;

/// Fields of one schema, as deep as it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A scalar, or something the schema says nothing about.
    Anything,
    /// An object with these fields and no others.
    Fields(BTreeMap<String, Shape>),
    /// A list, or a map with any keys: every value has this shape.
    Each(Box<Shape>),
}

impl Shape {
    /// Of an OpenAPI schema.
    pub fn of(schema: &Value) -> Self {
        if schema["x-kubernetes-preserve-unknown-fields"] == Value::Bool(true) {
            return Self::Anything;
        }
        if let Some(fields) = schema["properties"].as_object() {
            let fields = fields.iter().map(|(name, of)| (name.clone(), Self::of(of)));
            return Self::Fields(fields.collect());
        }
        if let Some(values) = schema.get("additionalProperties").filter(|v| v.is_object()) {
            return Self::Each(Box::new(Self::of(values)));
        }
        match schema["type"].as_str() {
            Some("array") => Self::Each(Box::new(Self::of(&schema["items"]))),
            Some("object") => Self::Fields(BTreeMap::new()),
            _ => Self::Anything,
        }
    }

    /// Paths of fields that `wanted` declares and this does not, the outermost only.
    pub fn lacks(&self, wanted: &Self) -> Vec<String> {
        let mut found = Vec::new();
        self.compare(wanted, "", &mut found);
        found
    }

    fn compare(&self, wanted: &Self, path: &str, found: &mut Vec<String>) {
        match (self, wanted) {
            (Self::Fields(held), Self::Fields(wanted)) => {
                for (name, wanted) in wanted {
                    let path = if path.is_empty() {
                        name.clone()
                    } else {
                        format!("{path}.{name}")
                    };
                    match held.get(name) {
                        Some(held) => held.compare(wanted, &path, found),
                        None => found.push(path),
                    }
                }
            }
            (Self::Each(held), Self::Each(wanted)) => {
                held.compare(wanted, &format!("{path}[]"), found);
            }
            _ => {}
        }
    }

    /// Removes what is not declared.
    pub fn prune(&self, value: &mut Value) {
        match (self, value) {
            (Self::Fields(fields), Value::Object(object)) => {
                object.retain(|name, value| {
                    let Some(shape) = fields.get(name) else {
                        return false;
                    };
                    shape.prune(value);
                    true
                });
            }
            (Self::Each(shape), Value::Object(object)) => {
                for value in object.values_mut() {
                    shape.prune(value);
                }
            }
            (Self::Each(shape), Value::Array(items)) => {
                for item in items {
                    shape.prune(item);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn schema() -> Shape {
        Shape::of(&json!({"type": "object", "properties": {
            "name": {"type": "string"},
            "size": {"x-kubernetes-int-or-string": true},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "empty": {"type": "object"},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "items": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "integer"}}}},
        }}))
    }

    #[test]
    fn what_is_not_declared_goes_and_all_else_stays() {
        let mut value = json!({
            "name": "n", "size": "10%", "labels": {"any": "thing"}, "empty": {"gone": 1}, "free": {"kept": {"x": 1}},
            "items": [{"a": 1}, {"a": 2, "b": 3}], "more": {"deep": []},
        });
        schema().prune(&mut value);
        assert_eq!(
            value,
            json!({
                "name": "n", "size": "10%", "labels": {"any": "thing"}, "empty": {}, "free": {"kept": {"x": 1}},
                "items": [{"a": 1}, {"a": 2}],
            })
        );
    }

    #[test]
    fn what_is_lacking_is_named_once_at_its_outermost() {
        let wanted = Shape::of(&json!({"type": "object", "properties": {
            "name": {"type": "string"},
            "items": {"type": "array", "items": {"type": "object", "properties": {
                "a": {"type": "integer"},
                "b": {"type": "object", "properties": {"c": {"type": "string"}}},
            }}},
        }}));
        assert_eq!(schema().lacks(&wanted), ["items[].b"]);
        assert!(wanted.lacks(&wanted).is_empty());
        assert!(Shape::Anything.lacks(&wanted).is_empty());
    }

    proptest! {
        #[test]
        fn pruning_twice_is_pruning_once(keys in proptest::collection::vec("[a-z]{1,6}", 0..12)) {
            let mut value = Value::Object(keys.iter().map(|k| (k.clone(), json!({k.clone(): [{"a": 1, "z": 2}]}))).collect());
            schema().prune(&mut value);
            let once = value.clone();
            schema().prune(&mut value);
            prop_assert_eq!(once, value);
        }
    }
}
