//! `allOf`, `anyOf`, `oneOf` and `not`.

use serde_json::Value;

use super::error::FieldError;
use super::node::Node;
use super::path::Path;
use super::validate::check as check_value;

pub(crate) fn check(
    node: &Node,
    value: &Value,
    old: Option<&Value>,
    path: &Path<'_>,
    errors: &mut Vec<FieldError>,
) {
    let checks = &node.checks;
    let try_all = |branches: &[Node]| -> Vec<Vec<FieldError>> {
        branches
            .iter()
            .map(|branch| {
                let mut errors = Vec::new();
                check_value(branch, value, old, path, &mut errors);
                errors
            })
            .collect()
    };
    if !checks.any_of.is_empty() {
        let mut tried = try_all(&checks.any_of);
        if tried.iter().all(|errors| !errors.is_empty()) {
            errors.push(FieldError::pathless(format!(
                "{:?} must validate at least one schema (anyOf)",
                path.to_string()
            )));
            errors.append(&mut tried.swap_remove(0));
        }
    }
    if !checks.one_of.is_empty() {
        let mut tried = try_all(&checks.one_of);
        let valid = tried.iter().filter(|errors| errors.is_empty()).count();
        let rule = format!(
            "{:?} must validate one and only one schema (oneOf).",
            path.to_string()
        );
        if valid == 0 {
            errors.push(FieldError::pathless(format!("{rule} Found none valid")));
            errors.append(&mut tried.swap_remove(0));
        } else if valid > 1 {
            errors.push(FieldError::pathless(format!(
                "{rule} Found {valid} valid alternatives"
            )));
        }
    }
    if !checks.all_of.is_empty() {
        let tried = try_all(&checks.all_of);
        let valid = tried.iter().all(Vec::is_empty);
        errors.extend(tried.into_iter().flatten());
        if !valid {
            errors.push(FieldError::pathless(format!(
                "{:?} must validate all the schemas (allOf)",
                path.to_string()
            )));
        }
    }
    if let Some(branch) = &checks.not {
        let mut found = Vec::new();
        check_value(branch, value, None, path, &mut found);
        if found.is_empty() {
            errors.push(FieldError::pathless(format!(
                "{:?} must not validate the schema (not)",
                path.to_string()
            )));
        }
    }
}
