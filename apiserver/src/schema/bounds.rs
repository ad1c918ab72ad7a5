//! Limits on numbers, texts, lists and maps.

use serde_json::{Map, Number, Value};

use super::error::{FieldError, FieldErrorKind};
use super::node::{Node, Type};
use super::path::Path;
use super::validate::is_integer;

pub(crate) fn number(node: &Node, value: &Value, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    let Some(found) = value.as_f64() else { return };
    let checks = &node.checks;
    if node.types == Some(Type::Integer) {
        match checks.format {
            Some(format) if is_integer(value) && !format.fits_number(value) => {
                errors.push(FieldError::pathless(format!(
                    "Checked value must be of type integer with format {} in {path}",
                    format.name()
                )));
            }
            None if !is_integer(value) => errors.push(FieldError::pathless(format!(
                "Checked value must be of type integer (default format) in {path}"
            ))),
            _ => {}
        }
    }
    let mut wrong = |rule: String| {
        errors.push(FieldError::invalid(
            path.to_string(),
            value.clone(),
            format!("{path} in body {rule}"),
        ));
    };
    if let Some(factor) = checks.multiple_of.as_ref()
        && let Some(of) = factor.as_f64()
        && (found / of).fract() != 0.0
    {
        wrong(format!("should be a multiple of {factor}"));
    }
    if let Some(bound) = &checks.maximum
        && let Some(limit) = bound.limit.as_f64()
        && (found > limit || (bound.exclusive && found >= limit))
    {
        let than = if bound.exclusive {
            "less than"
        } else {
            "less than or equal to"
        };
        wrong(format!("should be {than} {}", shown(&bound.limit, value)));
    }
    if let Some(bound) = &checks.minimum
        && let Some(limit) = bound.limit.as_f64()
        && (found < limit || (bound.exclusive && found <= limit))
    {
        let than = if bound.exclusive {
            "greater than"
        } else {
            "greater than or equal to"
        };
        wrong(format!("should be {than} {}", shown(&bound.limit, value)));
    }
}

/// A limit as messages show it: held against an integer, it appears as one.
fn shown(limit: &Number, value: &Value) -> String {
    match limit.as_f64() {
        Some(limit) if value.is_i64() || value.is_u64() || limit.fract() == 0.0 => {
            format!("{}", limit.trunc())
        }
        _ => limit.to_string(),
    }
}

pub(crate) fn text(node: &Node, value: &str, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    let checks = &node.checks;
    if checks.max_length.is_some() || checks.min_length.is_some() {
        let length = value.chars().count() as u64;
        if let Some(most) = checks.max_length.filter(|most| length > *most) {
            let detail = format!("may not be more than {most} bytes");
            errors.push(FieldError::new(
                FieldErrorKind::TooLong,
                path.to_string(),
                None,
                detail,
            ));
        }
        if let Some(least) = checks.min_length.filter(|least| length < *least) {
            let detail = format!("{path} in body should be at least {least} chars long");
            errors.push(FieldError::invalid(path.to_string(), value.into(), detail));
        }
    }
    if let Some(pattern) = &checks.pattern
        && !pattern.regex.is_match(value)
    {
        let detail = format!("{path} in body should match '{}'", pattern.source);
        errors.push(FieldError::invalid(path.to_string(), value.into(), detail));
    }
}

pub(crate) fn count(node: &Node, found: usize, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    too_few(found, node.checks.min_items, "items", path, errors);
    too_many(found, node.checks.max_items, path, errors);
}

fn too_many(found: usize, most: Option<u64>, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    if let Some(most) = most.filter(|most| found as u64 > *most) {
        let items = if most == 1 { "item" } else { "items" };
        let detail = format!("must have at most {most} {items}");
        errors.push(FieldError::new(
            FieldErrorKind::TooMany,
            path.to_string(),
            Some(found.into()),
            detail,
        ));
    }
}

fn too_few(
    found: usize,
    least: Option<u64>,
    what: &str,
    path: &Path<'_>,
    errors: &mut Vec<FieldError>,
) {
    if let Some(least) = least.filter(|least| (found as u64) < *least) {
        let detail = format!("{path} in body should have at least {least} {what}");
        errors.push(FieldError::invalid(path.to_string(), found.into(), detail));
    }
}

pub(crate) fn options(node: &Node, value: &Value, path: &Path<'_>, errors: &mut Vec<FieldError>) {
    let options = &node.checks.options;
    if options.is_empty() || options.contains(value) {
        return;
    }
    let shown = |option: &Value| match option {
        Value::String(text) => format!("{text:?}"),
        other => format!("{:?}", other.to_string()),
    };
    let supported: Vec<String> = options.iter().map(shown).collect();
    let detail = format!("supported values: {}", supported.join(", "));
    errors.push(FieldError::new(
        FieldErrorKind::NotSupported,
        path.to_string(),
        Some(value.clone()),
        detail,
    ));
}

pub(crate) fn properties(
    node: &Node,
    map: &Map<String, Value>,
    path: &Path<'_>,
    errors: &mut Vec<FieldError>,
) {
    too_few(
        map.len(),
        node.checks.min_properties,
        "properties",
        path,
        errors,
    );
    too_many(map.len(), node.checks.max_properties, path, errors);
    for name in &node.checks.required {
        if !map.contains_key(name) {
            errors.push(FieldError::required(path.field(name).to_string(), ""));
        }
    }
    if node.embedded {
        for name in ["apiVersion", "kind"] {
            if map
                .get(name)
                .and_then(Value::as_str)
                .is_none_or(str::is_empty)
            {
                errors.push(FieldError::required(path.field(name).to_string(), ""));
            }
        }
    }
}
