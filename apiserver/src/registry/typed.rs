//! Built-in kinds as the real server declares them: which fields there are and of which type.
//!
//! `builtin-schemas.json` is generated from the pinned kube-apiserver's OpenAPI, without its prose
//! (the test `builtin_schemas` says how, and fails when the two drift apart).

use std::collections::HashMap;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The definitions by their OpenAPI name.
pub static DEFINITIONS: LazyLock<HashMap<String, Value>> = LazyLock::new(|| {
    // The file is part of the program; the test above reads it too.
    serde_json::from_str(include_str!("builtin-schemas.json")).unwrap_or_default()
});

pub const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
/// What a reference to a definition begins with.
pub const REFERENCE: &str = "#/components/schemas/";

/// The OpenAPI name of a built-in kind.
pub fn definition_of(group: &str, version: &str, kind: &str) -> Option<&'static str> {
    DEFINITIONS.iter().find_map(|(name, definition)| {
        let kinds = definition["x-kubernetes-group-version-kind"].as_array()?;
        let matches = |entry: &Value| {
            entry["group"] == group && entry["version"] == version && entry["kind"] == kind
        };
        kinds.iter().any(matches).then_some(name.as_str())
    })
}

/// A value whose type is not the declared one.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{path}: expected {expected}, found {found}")]
pub struct Mismatch {
    pub path: String,
    pub expected: &'static str,
    pub found: String,
}

/// Checks the types of a value, drops nulls, and drops and names the fields that are not declared.
pub fn conform(
    definition: &str,
    value: &mut Value,
    path: &str,
    unknown: &mut Vec<String>,
) -> Result<(), Mismatch> {
    match DEFINITIONS.get(definition) {
        Some(schema) => walk(schema, value, path, unknown),
        None => Ok(()),
    }
}

fn walk(
    schema: &Value,
    value: &mut Value,
    path: &str,
    unknown: &mut Vec<String>,
) -> Result<(), Mismatch> {
    if let Some(reference) = reference(schema) {
        return conform(reference, value, path, unknown);
    }
    let expected = match (schema["type"].as_str(), &*value) {
        (Some("object"), Value::Object(_)) => return walk_object(schema, value, path, unknown),
        (Some("array"), Value::Array(_)) => {
            for (index, item) in value.as_array_mut().into_iter().flatten().enumerate() {
                walk(&schema["items"], item, &format!("{path}[{index}]"), unknown)?;
            }
            return Ok(());
        }
        (Some("string"), Value::String(text)) => match format(schema, text) {
            Ok(()) => return Ok(()),
            Err(expected) => expected,
        },
        (Some("integer"), Value::Number(number)) if number.is_i64() || number.is_u64() => {
            return Ok(());
        }
        (Some("number"), Value::Number(_)) | (Some("boolean"), Value::Bool(_)) => return Ok(()),
        (None, value) => return one_of(schema, value, path),
        (Some("object"), _) => "an object",
        (Some("array"), _) => "a list",
        (Some("integer"), _) => "a whole number",
        (Some("number"), _) => "a number",
        (Some("boolean"), _) => "true or false",
        (Some(_), _) => "a string",
    };
    Err(mismatch(path, expected, value))
}

fn mismatch(path: &str, expected: &'static str, value: &Value) -> Mismatch {
    let found = match value {
        Value::Null => "null".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        // The value of a Secret is never repeated.
        Value::String(_) => "a string".to_owned(),
        other => other.to_string(),
    };
    Mismatch {
        path: path.to_owned(),
        expected,
        found,
    }
}

/// Quantities and int-or-string.
fn one_of(schema: &Value, value: &Value, path: &str) -> Result<(), Mismatch> {
    let Some(types) = schema["oneOf"].as_array() else {
        return Ok(());
    };
    let fits = types.iter().any(|one| match one["type"].as_str() {
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64(),
        Some("number") => value.is_number(),
        _ => true,
    });
    if fits {
        Ok(())
    } else {
        Err(mismatch(path, "a string or a number", value))
    }
}

fn walk_object(
    schema: &Value,
    value: &mut Value,
    path: &str,
    unknown: &mut Vec<String>,
) -> Result<(), Mismatch> {
    let properties = schema["properties"].as_object();
    let additional = &schema["additionalProperties"];
    let Some(map) = value.as_object_mut() else {
        return Ok(());
    };
    if properties.is_none() && additional.is_null() {
        return Ok(());
    }
    map.retain(|_, value| !value.is_null());
    let mut strangers = Vec::new();
    for (key, value) in map.iter_mut() {
        let at = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        match properties.and_then(|properties| properties.get(key)) {
            Some(schema) => walk(schema, value, &at, unknown)?,
            None if !additional.is_null() => walk(additional, value, &at, unknown)?,
            None => {
                strangers.push(key.clone());
                unknown.push(format!("unknown field \"{at}\""));
            }
        }
    }
    for key in strangers {
        map.remove(&key);
    }
    Ok(())
}

fn reference(schema: &Value) -> Option<&str> {
    let direct = schema["$ref"].as_str();
    let only = || match schema["allOf"].as_array().map(Vec::as_slice) {
        Some([one]) => one["$ref"].as_str(),
        _ => None,
    };
    direct.or_else(only)?.strip_prefix(REFERENCE)
}

fn format(schema: &Value, text: &str) -> Result<(), &'static str> {
    match schema["format"].as_str() {
        Some("byte") if STANDARD.decode(text).is_err() => Err("base64"),
        Some("date-time") if text.parse::<jiff::Timestamp>().is_err() => Err("an RFC 3339 time"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(kind: &str, mut value: Value) -> Result<(Value, Vec<String>), Mismatch> {
        let mut unknown = Vec::new();
        conform(
            definition_of("", "v1", kind).unwrap(),
            &mut value,
            "",
            &mut unknown,
        )?;
        Ok((value, unknown))
    }

    #[test]
    fn undeclared_fields_are_dropped_and_named() {
        let value = json!({"metadata": {"name": "a", "x": 1}, "data": {"k": "v"}, "extra": true, "immutable": null});
        let (value, unknown) = check("ConfigMap", value).unwrap();
        assert_eq!(
            value,
            json!({"metadata": {"name": "a"}, "data": {"k": "v"}})
        );
        assert_eq!(
            unknown,
            [r#"unknown field "extra""#, r#"unknown field "metadata.x""#]
        );
    }

    #[test]
    fn a_wrong_type_is_named_without_its_value() {
        let error = check("ConfigMap", json!({"data": {"k": 1}})).unwrap_err();
        assert_eq!(error.to_string(), "data.k: expected a string, found 1");
        let error = check("Secret", json!({"data": {"k": "not base64!"}})).unwrap_err();
        assert_eq!(error.to_string(), "data.k: expected base64, found a string");
        let error = check("Service", json!({"spec": {"ports": [{"port": "80"}]}})).unwrap_err();
        assert_eq!(error.path, "spec.ports[0].port");
        assert!(
            check(
                "Service",
                json!({"spec": {"ports": [{"port": 80, "targetPort": "http"}]}})
            )
            .is_ok()
        );
    }
}
