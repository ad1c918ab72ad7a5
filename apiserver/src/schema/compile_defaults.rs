//! Defaults that the schema itself would refuse.

use super::compile::below;
use super::error::FieldError;
use super::node::{Additional, Node};
use super::{default, lists, prune, validate};

/// A default must be what the schema itself would store.
pub(super) fn check(node: &Node, path: &str, errors: &mut Vec<FieldError>) {
    if let Some(value) = node
        .default
        .as_ref()
        .filter(|value| !(value.is_null() && node.nullable))
    {
        let at = below(path, "default");
        let mut filled = value.clone();
        if prune::prune_part(node, &mut filled) {
            errors.push(FieldError::invalid(
                &at,
                value.clone(),
                "must not have unknown fields",
            ));
        }
        default::fill(node, &mut filled);
        let mut found = validate::validate(node, &filled, None);
        lists::check(node, &filled, None, &mut found);
        for mut error in found {
            error.path = match error.path.as_str() {
                "" => at.clone(),
                inner => below(&at, inner),
            };
            errors.push(error);
        }
    }
    for (name, child) in &node.properties {
        check(child, &below(path, &format!("properties[{name}]")), errors);
    }
    if let Additional::Schema(child) = &node.additional {
        check(child, &below(path, "additionalProperties"), errors);
    }
    if let Some(child) = &node.items {
        check(child, &below(path, "items"), errors);
    }
}
