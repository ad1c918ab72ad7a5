//! Events under their two names: stored as core/v1, converted for events.k8s.io/v1.

use serde_json::{Map, Value};

/// (core/v1 field, events.k8s.io/v1 field); every other field has the same name in both.
const FIELDS: &[(&str, &str)] = &[
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

/// The stored form of an events.k8s.io/v1 Event.
pub fn to_core(mut event: Value) -> Value {
    if let Some(map) = event.as_object_mut() {
        for (core, new) in FIELDS {
            rename(map, new, core);
        }
        map.insert("apiVersion".into(), "v1".into());
    }
    event
}

/// The events.k8s.io/v1 form of a stored Event.
pub fn from_core(mut event: Value) -> Value {
    if let Some(map) = event.as_object_mut() {
        for (core, new) in FIELDS {
            rename(map, core, new);
        }
        // The core form always has these two.
        for field in ["reportingController", "reportingInstance"] {
            if map.get(field).and_then(Value::as_str) == Some("") {
                map.remove(field);
            }
        }
        map.insert("apiVersion".into(), "events.k8s.io/v1".into());
    }
    event
}

/// The stored name of a field selector's field.
pub fn core_field(field: &str) -> String {
    for (core, new) in FIELDS {
        if let Some(rest) = field.strip_prefix(new)
            && (rest.is_empty() || rest.starts_with('.'))
        {
            return format!("{core}{rest}");
        }
    }
    field.to_owned()
}

fn rename(map: &mut Map<String, Value>, from: &str, to: &str) {
    if let Some(value) = map.remove(from) {
        map.insert(to.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_two_forms_are_one_object() {
        let event = json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "e"},
            "regarding": {"name": "x"}, "note": "n", "reportingController": "c",
            "deprecatedCount": 2, "eventTime": "2026-01-01T00:00:00.000000Z", "action": "a",
        });
        let core = to_core(event.clone());
        assert_eq!(core["involvedObject"]["name"], "x");
        assert_eq!(core["message"], "n");
        assert_eq!(core["count"], 2);
        assert_eq!(from_core(core), event);
        assert_eq!(core_field("regarding.name"), "involvedObject.name");
        assert_eq!(core_field("reason"), "reason");
    }
}
