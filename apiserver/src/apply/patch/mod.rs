//! The three patch formats that are not apply: JSON patch, merge patch, strategic merge patch.

mod directives;
mod json;
mod primitive;
mod strategic;

use serde_json::{Map, Value};

pub use json::json_patch;
pub use strategic::strategic_merge_patch;

/// Why a patch could not be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// 400: the patch is not of its format.
    #[error("{0}")]
    Malformed(String),
    /// 422: well-formed, but it does not fit this object.
    #[error("{0}")]
    NotApplicable(String),
}

/// RFC 7386: `null` removes, maps merge, everything else replaces.
pub fn merge_patch(obj: &Value, patch: &Value) -> Value {
    let Value::Object(fields) = patch else {
        return patch.clone();
    };
    let mut out = match obj {
        Value::Object(map) => map.clone(),
        _ => Map::new(),
    };
    for (name, value) in fields {
        if value.is_null() {
            out.remove(name);
        } else {
            let merged = merge_patch(out.get(name).unwrap_or(&Value::Null), value);
            out.insert(name.clone(), merged);
        }
    }
    Value::Object(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn examples_of_rfc_7386_appendix_a() {
        for (object, patch, expected) in [
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (
                json!({"a": [{"b": "c"}]}),
                json!({"a": [1]}),
                json!({"a": [1]}),
            ),
            (
                json!({"e": null}),
                json!({"a": 1}),
                json!({"e": null, "a": 1}),
            ),
            (
                json!({}),
                json!({"a": {"bb": {"ccc": null}}}),
                json!({"a": {"bb": {}}}),
            ),
            (
                json!([1, 2]),
                json!({"a": "b", "c": null}),
                json!({"a": "b"}),
            ),
            (json!({"a": "foo"}), json!("bar"), json!("bar")),
        ] {
            assert_eq!(merge_patch(&object, &patch), expected, "{object} + {patch}");
        }
    }

    proptest! {
        #[test]
        fn merging_twice_is_merging_once(object in crate::apply::arbitrary::json(), patch in crate::apply::arbitrary::json()) {
            let once = merge_patch(&object, &patch);
            prop_assert_eq!(merge_patch(&once, &patch), once);
        }
    }
}
