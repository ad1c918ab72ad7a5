//! Rules of Events, in their stored form.

use serde_json::{Value, json};

use crate::status::Cause;

/// What no later write of an events.k8s.io/v1 Event changes; its series may grow.
const FIXED: &[&str] = &[
    "involvedObject",
    "reason",
    "message",
    "source",
    "firstTimestamp",
    "lastTimestamp",
    "count",
    "type",
    "eventTime",
    "action",
    "related",
    "reportingComponent",
    "reportingInstance",
];

/// Both forms: an Event lies in the namespace of what it is about, those of the cluster in `default`.
pub fn about_its_namespace(new: &Value, causes: &mut Vec<Cause>) {
    let about = new["involvedObject"]["namespace"]
        .as_str()
        .unwrap_or_default();
    let own = new["metadata"]["namespace"].as_str().unwrap_or_default();
    let fits = if about.is_empty() {
        matches!(own, "" | "default")
    } else {
        about == own
    };
    if !fits {
        causes.push(Cause::invalid(
            "involvedObject.namespace",
            &json!(about),
            "does not match event.namespace",
        ));
    }
}

/// A core/v1 Event.
pub fn core_event(new: &Value, _: Option<&Value>, causes: &mut Vec<Cause>) {
    about_its_namespace(new, causes);
}

/// An events.k8s.io/v1 Event, in its stored form: stricter than the core one.
pub fn event(new: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    about_its_namespace(new, causes);
    if let Some(old) = old {
        for field in FIXED {
            if new[*field] != old[*field] {
                causes.push(Cause::invalid(*field, &new[*field], "field is immutable"));
            }
        }
        return;
    }
    if new["eventTime"].is_null() {
        causes.push(Cause::required("eventTime", ""));
    }
    let text = |field: &str| new[field].as_str().unwrap_or_default();
    let required = [
        ("reportingComponent", "reportingController", 128),
        ("reportingInstance", "reportingInstance", 128),
        ("action", "action", 128),
        ("reason", "reason", 128),
    ];
    for (field, shown, limit) in required {
        if text(field).is_empty() {
            causes.push(Cause::required(shown, ""));
        } else if text(field).len() > limit {
            let why = format!("can have at most {limit} characters");
            causes.push(Cause::invalid(shown, &json!(text(field)), &why));
        }
    }
    if text("message").len() > 1024 {
        causes.push(Cause::invalid(
            "note",
            &json!(""),
            "can have at most 1024 characters",
        ));
    }
    if !matches!(text("type"), "Normal" | "Warning") {
        causes.push(Cause::invalid(
            "type",
            &json!(text("type")),
            "has invalid value",
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_lies_where_its_object_does() {
        let found = |namespace: &str, about: &str| {
            let mut causes = Vec::new();
            let event = json!({
                "metadata": {"namespace": namespace}, "involvedObject": {"namespace": about},
            });
            core_event(&event, None, &mut causes);
            causes.len()
        };
        assert_eq!(found("a", "a"), 0);
        assert_eq!(found("default", ""), 0);
        assert_eq!(found("a", ""), 1);
        assert_eq!(found("a", "b"), 1);
    }

    #[test]
    fn only_the_series_grows() {
        let old = json!({"eventTime": "t", "message": "m"});
        let mut causes = Vec::new();
        event(
            &json!({"eventTime": "t", "message": "m", "series": {"count": 2}}),
            Some(&old),
            &mut causes,
        );
        event(
            &json!({"eventTime": "t", "message": "x"}),
            Some(&old),
            &mut causes,
        );
        let fields: Vec<_> = causes.iter().map(|cause| cause.field.as_str()).collect();
        assert_eq!(fields, ["message"]);
    }
}
