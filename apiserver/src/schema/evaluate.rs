//! Running the rules of a schema on an object.

use std::sync::Arc;

use kube_cel::cel::objects::OptionalValue;
use kube_cel::cel::{Context, ExecutionError, Value as Cel};
use serde_json::Value;

use super::bind::{bind, with_functions};
use super::error::{FieldError, FieldErrorKind};
use super::node::Node;
use super::path::Path;
use super::ratchet;
use super::rules::Rule;
use super::validate::type_name;

/// Adds what the rules find. `old` is the stored object: transition rules compare with it, and a rule
/// that fails on a value that did not change is not held against it.
pub(crate) fn evaluate(
    root: &Node,
    new: &Value,
    old: Option<&Value>,
    errors: &mut Vec<FieldError>,
) {
    with_functions(|functions| walk(functions, root, new, old, &Path::Root, errors));
}

fn walk(
    functions: &Context<'_>,
    node: &Node,
    new: &Value,
    old: Option<&Value>,
    path: &Path<'_>,
    errors: &mut Vec<FieldError>,
) {
    if !node.any_rules || new.is_null() {
        return;
    }
    if !node.rules.is_empty() {
        run(
            functions,
            node,
            new,
            old.filter(|old| !old.is_null()),
            path,
            errors,
        );
    }
    match new {
        Value::Object(fields) => {
            for (name, value) in fields {
                if let Some(child) = node.child(name) {
                    let old = if node.atomic_map {
                        None
                    } else {
                        ratchet::field(old, name)
                    };
                    walk(functions, child, value, old, &path.field(name), errors);
                }
            }
        }
        Value::Array(items) => {
            if let Some(child) = &node.items {
                for (index, item) in items.iter().enumerate() {
                    walk(
                        functions,
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

fn run(
    functions: &Context<'_>,
    node: &Node,
    new: &Value,
    old: Option<&Value>,
    path: &Path<'_>,
    errors: &mut Vec<FieldError>,
) {
    let unchanged = old == Some(new);
    let mut scope = functions.new_inner_scope();
    scope.add_variable_from_value("self", bind(node, new));
    let bound_old = old.map(|old| bind(node, old));
    for rule in &node.rules {
        if !rule.is_transition {
            if !unchanged {
                check(rule, &scope, new, path, errors);
            }
            continue;
        }
        let old_self = match (&bound_old, rule.optional_old_self) {
            (None, false) => continue,
            (Some(old), false) => old.clone(),
            (Some(old), true) => Cel::Opaque(Arc::new(OptionalValue::of(old.clone()))),
            (None, true) => Cel::Opaque(Arc::new(OptionalValue::none())),
        };
        let mut scope = scope.new_inner_scope();
        scope.add_variable_from_value("oldSelf", old_self);
        check(rule, &scope, new, path, errors);
    }
}

fn check(
    rule: &Rule,
    scope: &Context<'_>,
    value: &Value,
    path: &Path<'_>,
    errors: &mut Vec<FieldError>,
) {
    let static_message = || {
        rule.message
            .clone()
            .unwrap_or_else(|| format!("failed rule: {}", rule.source))
    };
    match Cel::resolve(&rule.program, scope) {
        Ok(Cel::Bool(true)) => {}
        Ok(Cel::Bool(false)) => {
            let message = rule
                .message_program
                .as_ref()
                .and_then(|program| dynamic_message(program, scope));
            let message = message.unwrap_or_else(static_message);
            errors.push(failure(rule, value, path, message));
        }
        Ok(_) => {
            let detail = format!("rule {:?} does not evaluate to a bool", rule.source);
            errors.push(FieldError::invalid(
                path.to_string(),
                type_name(value).into(),
                detail,
            ));
        }
        Err(error) => {
            let of = rule.message.as_deref().unwrap_or(&rule.source);
            let detail = format!("{} evaluating rule: {of}", reason(&error));
            errors.push(FieldError::invalid(
                path.to_string(),
                type_name(value).into(),
                detail,
            ));
        }
    }
}

/// One line that is not empty, or nothing: then the fixed message stands in.
fn dynamic_message(
    program: &kube_cel::cel::parser::Expression,
    scope: &Context<'_>,
) -> Option<String> {
    match Cel::resolve(program, scope) {
        Ok(Cel::String(text)) if !text.trim().is_empty() && !text.contains('\n') => {
            Some(text.trim().to_owned())
        }
        _ => None,
    }
}

fn failure(rule: &Rule, value: &Value, path: &Path<'_>, message: String) -> FieldError {
    let at = match (rule.field_path.as_str(), path) {
        ("", path) => path.to_string(),
        (suffix, Path::Root) => suffix.trim_start_matches('.').to_owned(),
        (suffix, path) => format!("{path}{suffix}"),
    };
    let scalar = !value.is_object() && !value.is_array();
    let shown = match rule.kind {
        FieldErrorKind::Invalid | FieldErrorKind::Duplicate if scalar => Some(value.clone()),
        _ => None,
    };
    // The API server shows a duplicate without the rule's message.
    let message = if rule.kind == FieldErrorKind::Duplicate {
        String::new()
    } else {
        message
    };
    FieldError::new(rule.kind, at, shown, message)
}

fn reason(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(key) => format!("no such key: {key}"),
        ExecutionError::IndexOutOfBounds(Cel::Int(index)) => {
            format!("index out of bounds: {index}")
        }
        ExecutionError::DivisionByZero(_) => "division by zero".to_owned(),
        ExecutionError::RemainderByZero(_) => "modulus by zero".to_owned(),
        ExecutionError::FunctionError { message, .. } => message.clone(),
        other => other.to_string(),
    }
}
