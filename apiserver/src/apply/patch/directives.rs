//! The `$` keys by which a strategic merge patch says more than values can.

use serde_json::{Map, Value};

use super::PatchError;

pub(super) const PATCH: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
const ELEMENT_ORDER: &str = "$setElementOrder/";

/// Whether a key of a patch is a directive and no field.
pub(super) fn is_directive(name: &str) -> bool {
    name == PATCH
        || name == RETAIN_KEYS
        || name.starts_with(DELETE_FROM)
        || name.starts_with(ELEMENT_ORDER)
}

/// What `$patch` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Merge,
    Replace,
    Delete,
}

pub(super) fn action(patch: &Map<String, Value>) -> Result<Action, PatchError> {
    match patch.get(PATCH) {
        None => Ok(Action::Merge),
        Some(Value::String(name)) => match name.as_str() {
            "merge" => Ok(Action::Merge),
            "replace" => Ok(Action::Replace),
            "delete" => Ok(Action::Delete),
            other => Err(PatchError::Malformed(format!(
                "unknown patch type: {other}"
            ))),
        },
        Some(other) => Err(PatchError::Malformed(format!(
            "$patch must be a string, got {other}"
        ))),
    }
}

/// A patch of one map, its directives told apart from its fields.
#[derive(Default)]
pub(super) struct Split<'p> {
    pub(super) fields: Vec<(&'p str, &'p Value)>,
    pub(super) deletions: Vec<(&'p str, &'p [Value])>,
    pub(super) orders: Vec<(&'p str, &'p [Value])>,
    pub(super) retained: Option<Vec<&'p str>>,
}

pub(super) fn split(patch: &Map<String, Value>) -> Result<Split<'_>, PatchError> {
    let mut out = Split::default();
    for (name, value) in patch {
        if name == PATCH {
            continue;
        }
        if name == RETAIN_KEYS {
            let names = list(name, value)?
                .iter()
                .map(|name| name.as_str())
                .collect::<Option<Vec<_>>>();
            let names = names.ok_or_else(|| {
                PatchError::Malformed("$retainKeys must be a list of field names".to_owned())
            })?;
            out.retained = Some(names);
        } else if let Some(field) = name.strip_prefix(DELETE_FROM) {
            out.deletions.push((field, list(name, value)?));
        } else if let Some(field) = name.strip_prefix(ELEMENT_ORDER) {
            out.orders.push((field, list(name, value)?));
        } else {
            out.fields.push((name, value));
        }
    }
    if let Some(retained) = &out.retained
        && let Some((name, _)) = out
            .fields
            .iter()
            .find(|(name, value)| !value.is_null() && !retained.contains(name))
    {
        return Err(PatchError::Malformed(format!(
            "invalid patch format of retainKeys: it must list {name}, which the patch sets"
        )));
    }
    Ok(out)
}

fn list<'v>(name: &str, value: &'v Value) -> Result<&'v [Value], PatchError> {
    value
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| PatchError::Malformed(format!("{name} must be a list, got {value}")))
}
