//! What a CRD version's schema does to an object: drop what it does not know, fill in defaults, validate
//! values, evaluate rules. Pure functions on JSON values.
//!
//! Rules follow the Kubernetes documentation of structural schemas; the wording of errors and what the
//! documents leave open are recorded from a real kube-apiserver in `tests/fixtures/schema.json`.

mod bind;
mod bounds;
mod cel_types;
mod compile;
mod compile_checks;
mod compile_defaults;
mod compile_list;
mod compositions;
mod default;
mod error;
mod evaluate;
mod format;
mod lists;
mod node;
mod path;
mod prune;
mod ratchet;
mod rules;
mod scope;
mod topology;
mod type_check;
mod types;
mod validate;

pub use error::{FieldError, FieldErrorKind};

use serde_json::Value;

use crate::apply::Topology;

/// One version of a CRD, ready to be used on objects. Compiled once; cheap to share.
#[derive(Debug)]
pub struct StructuralSchema {
    root: node::Node,
    topology: Topology,
    has_rules: bool,
}

impl StructuralSchema {
    /// Reads an `openAPIV3Schema`. Every error of the schema is reported, its path relative to the schema
    /// (`properties[spec].type`; empty at the root).
    pub fn compile(schema: &Value) -> Result<Self, Vec<FieldError>> {
        let root = compile::compile(schema)?;
        let topology = topology::topology(&root);
        let has_rules = root.any_rules;
        Ok(Self {
            root,
            topology,
            has_rules,
        })
    }

    /// Takes away every field that the schema does not know and returns their paths, as
    /// `unknown field "spec.foo"`, sorted.
    pub fn prune(&self, obj: &mut Value) -> Vec<String> {
        prune::prune(&self.root, obj)
    }

    /// Fills in defaults; a null where the schema takes none gives way to the default or goes.
    pub fn default(&self, obj: &mut Value) {
        default::drop_nulls(&self.root, obj);
        default::fill(&self.root, obj);
    }

    /// Fills in defaults and leaves nulls without a default where they are, so that validation reports
    /// them: what the API server does with the outcome of an apply.
    pub fn default_applied(&self, obj: &mut Value) {
        default::fill(&self.root, obj);
    }

    /// Everything wrong with `new`. With `old` (the stored object), what did not change is not held
    /// against it, and transition rules are evaluated.
    ///
    /// Rules are evaluated only when types, enums, lengths and required fields are right.
    pub fn validate(&self, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = validate::validate(&self.root, new, old);
        lists::check(&self.root, new, old, &mut errors);
        if self.has_rules {
            if errors.iter().any(FieldError::blocks_rules) {
                errors.push(FieldError::rules_not_checked());
            } else {
                evaluate::evaluate(&self.root, new, old, &mut errors);
            }
        }
        errors
    }

    /// Lists' keys, atomicity and declared fields, for apply.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::StructuralSchema;
    use crate::apply::arbitrary;

    fn schema() -> StructuralSchema {
        let a = json!({"type": "string", "default": "x"});
        StructuralSchema::compile(&json!({"type": "object", "properties": {
            "a": {"type": "object", "properties": {"a": a, "b": {"type": "integer", "nullable": true}}, "default": {}},
            "b": {"type": "array", "items": {"type": "object", "properties": {"c": a}}},
            "c": {"type": "object", "additionalProperties": {"type": "object", "properties": {"a": a}}},
        }}))
        .unwrap()
    }

    proptest! {
        #[test]
        fn pruning_twice_is_pruning_once(object in arbitrary::json()) {
            let schema = schema();
            let mut once = object;
            schema.prune(&mut once);
            let mut twice: Value = once.clone();
            prop_assert!(schema.prune(&mut twice).is_empty());
            prop_assert_eq!(twice, once);
        }

        #[test]
        fn defaulting_twice_is_defaulting_once(object in arbitrary::json()) {
            let schema = schema();
            let mut once = object;
            schema.default(&mut once);
            let mut twice = once.clone();
            schema.default(&mut twice);
            prop_assert_eq!(twice, once);
        }

        #[test]
        fn what_did_not_change_is_not_held_against_an_object(object in arbitrary::json()) {
            prop_assert_eq!(schema().validate(&object, Some(&object)), vec![]);
        }
    }
}
