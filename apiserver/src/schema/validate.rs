//! Holding a value against its schema.

use serde_json::Value;

use super::error::{FieldError, FieldErrorKind};
use super::node::{Node, Type};
use super::path::Path;
use super::{bounds, compositions, ratchet};

/// Everything wrong with `new` that `old` does not excuse; rules and duplicates aside.
pub(crate) fn validate(root: &Node, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut errors = Vec::new();
    check(root, new, old, &Path::Root, &mut errors);
    errors
}

pub(crate) fn check(
    node: &Node,
    new: &Value,
    old: Option<&Value>,
    path: &Path<'_>,
    errors: &mut Vec<FieldError>,
) {
    if old == Some(new) {
        return;
    }
    if new.is_null() {
        if !node.nullable && (node.types.is_some() || node.int_or_string) {
            errors.push(type_error(node, new, path));
        }
        return;
    }
    if !has_type(node, new) {
        errors.push(type_error(node, new, path));
    }
    compositions::check(node, new, old, path, errors);
    if let (Value::String(text), Some(format)) = (new, node.checks.format)
        && node.types == Some(Type::String)
        && !format.fits_text(text)
    {
        let detail = format!("{path} in body must be of type {}: {text:?}", format.name());
        errors.push(FieldError::new(
            FieldErrorKind::TypeInvalid,
            path.to_string(),
            Some(new.clone()),
            detail,
        ));
    }
    match new {
        Value::String(text) => bounds::text(node, text, path, errors),
        Value::Number(_) => bounds::number(node, new, path, errors),
        Value::Array(items) => bounds::count(node, items.len(), path, errors),
        _ => {}
    }
    bounds::options(node, new, path, errors);
    match new {
        Value::Object(map) => {
            bounds::properties(node, map, path, errors);
            for (name, value) in map {
                if let Some(child) = node.child(name) {
                    check(
                        child,
                        value,
                        ratchet::field(old, name),
                        &path.field(name),
                        errors,
                    );
                }
            }
        }
        Value::Array(items) => {
            if let Some(child) = &node.items {
                for (index, item) in items.iter().enumerate() {
                    check(
                        child,
                        item,
                        ratchet::item(node, old, item),
                        &path.index(index),
                        errors,
                    );
                }
            }
        }
        _ => {}
    }
}

fn has_type(node: &Node, value: &Value) -> bool {
    if node.int_or_string {
        return value.is_string() || is_integer(value);
    }
    match node.types {
        None => true,
        Some(Type::Object) => value.is_object(),
        Some(Type::Array) => value.is_array(),
        Some(Type::String) => value.is_string(),
        Some(Type::Boolean) => value.is_boolean(),
        Some(Type::Number) => value.is_number(),
        Some(Type::Integer) => is_integer(value),
    }
}

/// A number without fraction; `1.0` is one.
pub(crate) fn is_integer(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0)
}

/// The name of a value's type in messages.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) if is_integer(value) => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn type_error(node: &Node, value: &Value, path: &Path<'_>) -> FieldError {
    let expected = if node.int_or_string {
        "integer,string"
    } else {
        node.types.map_or("", Type::as_str)
    };
    let found = type_name(value);
    let detail = format!("{path} in body must be of type {expected}: {found:?}");
    FieldError::new(
        FieldErrorKind::TypeInvalid,
        path.to_string(),
        Some(Value::from(found)),
        detail,
    )
}
