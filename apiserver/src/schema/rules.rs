//! Reading `x-kubernetes-validations`: rules in the Common Expression Language, compiled once.

use kube_cel::cel::parser::{Expression, Parser};
use serde_json::{Value, json};

use super::cel_types::Ty;
use super::error::{FieldError, FieldErrorKind};
use super::node::{Additional, Node};
use super::{scope, type_check};

/// One rule of one schema.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) source: String,
    pub(crate) program: Expression,
    pub(crate) message: Option<String>,
    pub(crate) message_program: Option<Expression>,
    /// What a failure is reported as.
    pub(crate) kind: FieldErrorKind,
    /// Appended to the path of the value (`.a.b`).
    pub(crate) field_path: String,
    /// Compares with the stored value.
    pub(crate) is_transition: bool,
    /// Runs without a stored value too; `oldSelf` is then an optional.
    pub(crate) optional_old_self: bool,
}

/// Reads all rules of the schema `node`; whatever is wrong goes to `errors`.
pub(super) fn read(
    list: &Value,
    node: &Node,
    is_root: bool,
    path: &str,
    correlated: bool,
    errors: &mut Vec<FieldError>,
) -> Vec<Rule> {
    let Value::Array(list) = list else {
        errors.push(FieldError::invalid(
            path,
            list.clone(),
            "must be an array of rules",
        ));
        return Vec::new();
    };
    let mut rules = Vec::new();
    for (index, rule) in list.iter().enumerate() {
        let at = format!("{path}[{index}]");
        let before = errors.len();
        let read = read_one(rule, node, is_root, &at, correlated, errors);
        if errors.len() == before {
            rules.extend(read);
        }
    }
    rules
}

fn read_one(
    rule: &Value,
    node: &Node,
    is_root: bool,
    path: &str,
    correlated: bool,
    errors: &mut Vec<FieldError>,
) -> Option<Rule> {
    let text = |name: &str| rule.get(name).and_then(Value::as_str).unwrap_or_default();
    let source = text("rule");
    if source.trim().is_empty() {
        errors.push(FieldError::required(
            format!("{path}.rule"),
            "rule is not specified",
        ));
        return None;
    }
    let shown = json!({
        "Rule": source, "Message": text("message"), "MessageExpression": text("messageExpression"),
        "Reason": rule.get("reason"), "FieldPath": text("fieldPath"), "OptionalOldSelf": rule.get("optionalOldSelf"),
    });
    let optional_old_self = rule.get("optionalOldSelf") == Some(&Value::Bool(true));
    let compile = |name: &str, source: &str, prefix: &str, errors: &mut Vec<FieldError>| {
        let program = match Parser::default().enable_optional_syntax(true).parse(source) {
            Ok(program) => program,
            Err(error) => {
                let detail = format!("{prefix}compilation failed: ERROR: {error}");
                errors.push(FieldError::invalid(
                    format!("{path}.{name}"),
                    shown.clone(),
                    detail,
                ));
                return None;
            }
        };
        let (outcome, mismatches) = type_check::check(&program, node, optional_old_self);
        let mut wrong = scope::mistakes(&program, node, is_root, optional_old_self);
        wrong.extend(mismatches);
        if wrong.is_empty() {
            wanted(&outcome, path, name, &shown, errors);
        }
        for wrong in wrong {
            let detail = format!("{prefix}compilation failed: ERROR: {wrong}");
            errors.push(FieldError::invalid(
                format!("{path}.{name}"),
                shown.clone(),
                detail,
            ));
        }
        Some(program)
    };
    let program = compile("rule", source, "", errors)?;
    let message_expression = text("messageExpression");
    let message_program = match message_expression {
        "" => None,
        expression => compile(
            "messageExpression",
            expression,
            "messageExpression ",
            errors,
        ),
    };
    let message = text("message");
    if message.contains('\n') {
        errors.push(FieldError::invalid(
            format!("{path}.message"),
            message.into(),
            "must not contain line breaks",
        ));
    }
    let is_transition = program.references().has_variable("oldSelf");
    if is_transition && !correlated {
        let why = "oldSelf cannot be used on the uncorrelatable portion of the schema";
        errors.push(FieldError::invalid(
            format!("{path}.rule"),
            source.into(),
            why,
        ));
    }
    if rule
        .get("optionalOldSelf")
        .is_some_and(|value| !value.is_null())
        && !is_transition
    {
        let why = "may not be set if oldSelf is not used in rule";
        errors.push(FieldError::invalid(
            format!("{path}.optionalOldSelf"),
            rule["optionalOldSelf"].clone(),
            why,
        ));
    }
    let kind = reason(rule, path, errors);
    let field_path = text("fieldPath");
    if !field_path.is_empty() && !exists(node, field_path) {
        errors.push(FieldError::invalid(
            format!("{path}.fieldPath"),
            field_path.into(),
            "must be a valid path",
        ));
    }
    Some(Rule {
        source: source.trim().to_owned(),
        program,
        message: Some(message.trim().to_owned()).filter(|message| !message.is_empty()),
        message_program,
        kind,
        field_path: field_path.to_owned(),
        is_transition,
        optional_old_self,
    })
}

/// A rule tells whether it holds, a message says something.
fn wanted(outcome: &Ty<'_>, path: &str, name: &str, shown: &Value, errors: &mut Vec<FieldError>) {
    let why = match name {
        "rule" if !outcome.may_be_bool() => "cel expression must evaluate to a bool",
        "messageExpression" if !matches!(outcome, Ty::Text | Ty::Dyn) => {
            "must evaluate to a string"
        }
        _ => return,
    };
    errors.push(FieldError::invalid(
        format!("{path}.{name}"),
        shown.clone(),
        why,
    ));
}

fn reason(rule: &Value, path: &str, errors: &mut Vec<FieldError>) -> FieldErrorKind {
    const REASONS: [FieldErrorKind; 4] = [
        FieldErrorKind::Duplicate,
        FieldErrorKind::Forbidden,
        FieldErrorKind::Invalid,
        FieldErrorKind::Required,
    ];
    let Some(name) = rule.get("reason").filter(|reason| !reason.is_null()) else {
        return FieldErrorKind::Invalid;
    };
    let found = REASONS
        .into_iter()
        .find(|kind| name.as_str() == Some(kind.reason()));
    found.unwrap_or_else(|| {
        let supported = REASONS
            .map(|kind| format!("{:?}", kind.reason()))
            .join(", ");
        let detail = format!("supported values: {supported}");
        errors.push(FieldError::new(
            FieldErrorKind::NotSupported,
            format!("{path}.reason"),
            Some(name.clone()),
            detail,
        ));
        FieldErrorKind::Invalid
    })
}

/// Whether `.a.b['c']` names a place below `node`.
fn exists(node: &Node, field_path: &str) -> bool {
    let mut node = node;
    let mut rest = field_path;
    while !rest.is_empty() {
        let (name, after) = if let Some(quoted) = rest.strip_prefix("['") {
            match quoted.split_once("']") {
                Some(split) => split,
                None => return false,
            }
        } else if let Some(plain) = rest.strip_prefix('.') {
            plain.split_at(plain.find(['.', '[']).unwrap_or(plain.len()))
        } else {
            return false;
        };
        match node.child(name) {
            Some(child) => node = child,
            None => return after.is_empty() && matches!(node.additional, Additional::Any),
        }
        rest = after;
    }
    true
}
