//! RFC 6902.

use serde_json::Value;

use super::PatchError;

/// More operations than any sensible client sends; the API server draws the same line.
const MAX_OPERATIONS: usize = 10_000;

/// `obj` after all operations of `patch`, or the first that does not apply.
pub fn json_patch(obj: &Value, patch: &Value) -> Result<Value, PatchError> {
    let count = patch.as_array().map_or(0, Vec::len);
    if count > MAX_OPERATIONS {
        return Err(PatchError::NotApplicable(format!(
            "the allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {count}"
        )));
    }
    let operations: json_patch::Patch = serde_json::from_value(patch.clone())
        .map_err(|error| PatchError::Malformed(format!("error decoding patch: {error}")))?;
    let mut out = obj.clone();
    json_patch::patch(&mut out, &operations).map_err(|error| {
        PatchError::NotApplicable(format!(
            "the server rejected our request due to an error in our request: {error}"
        ))
    })?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn operations_apply_in_order() {
        let out = json_patch(
            &json!({"a": [1, 2]}),
            &json!([{"op": "add", "path": "/a/-", "value": 3}, {"op": "remove", "path": "/a/0"}]),
        );
        assert_eq!(out, Ok(json!({"a": [2, 3]})));
    }

    #[test]
    fn a_failed_test_changes_nothing() {
        let out = json_patch(
            &json!({"a": 1}),
            &json!([{"op": "test", "path": "/a", "value": 2}]),
        );
        assert!(matches!(out, Err(PatchError::NotApplicable(_))));
    }

    #[test]
    fn an_object_is_no_patch() {
        assert!(matches!(
            json_patch(&json!({}), &json!({"op": "add"})),
            Err(PatchError::Malformed(_))
        ));
    }
}
