//! Conditions with the semantics of `metav1.Condition`: one per type, `lastTransitionTime` moves only when
//! `status` does, `observedGeneration` says which spec was judged.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One observation about an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What is judged, in CamelCase. At most one condition of each type.
    #[serde(rename = "type")]
    pub type_: String,
    /// True, False or Unknown.
    pub status: ConditionStatus,
    /// Generation of the object that was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When `status` last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
    /// Kept for objects written by earlier releases; never set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_probe_time: Option<Time>,
    /// Why, as one CamelCase word for programs.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Why, in words for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// The three states of a condition. Anything else that is met in a stored object reads as `Unknown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConditionStatus {
    True,
    False,
    #[serde(other)]
    Unknown,
}

impl JsonSchema for ConditionStatus {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ConditionStatus".into()
    }

    // No `enum` in the schema: objects of earlier releases must stay valid.
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string"})
    }
}

impl ConditionStatus {
    /// The word used on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// The condition of a type, if it was ever set.
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|c| c.type_ == type_)
}

/// Whether the condition of a type is `True`. A missing condition is not.
pub fn is_true(conditions: &[Condition], type_: &str) -> bool {
    find(conditions, type_).is_some_and(|c| c.status == ConditionStatus::True)
}

/// Puts `new` into the list. The transition time is `now` when the status differs from the one held, else it
/// is kept. Returns whether anything but the transition time differs.
pub fn set(conditions: &mut Vec<Condition>, mut new: Condition, now: &Time) -> bool {
    let Some(held) = conditions.iter_mut().find(|c| c.type_ == new.type_) else {
        new.last_transition_time = Some(now.clone());
        conditions.push(new);
        return true;
    };
    new.last_transition_time = if held.status == new.status {
        held.last_transition_time
            .clone()
            .or_else(|| Some(now.clone()))
    } else {
        Some(now.clone())
    };
    new.last_probe_time = None;
    if *held == new {
        return false;
    }
    *held = new;
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Time {
        serde_json::from_value(serde_json::json!(format!("2026-11-21T00:00:{second:02}Z"))).unwrap()
    }

    fn ready(status: ConditionStatus, message: &str) -> Condition {
        Condition {
            type_: "Ready".into(),
            status,
            observed_generation: Some(1),
            last_transition_time: None,
            last_probe_time: None,
            reason: "Because".into(),
            message: message.into(),
        }
    }

    #[test]
    fn transition_time_moves_only_with_the_status() {
        let mut held = Vec::new();
        assert!(set(&mut held, ready(ConditionStatus::False, "a"), &at(1)));
        assert!(set(&mut held, ready(ConditionStatus::False, "b"), &at(2)));
        assert_eq!(held[0].last_transition_time, Some(at(1)));
        assert_eq!(held[0].message, "b");
        assert!(!set(&mut held, ready(ConditionStatus::False, "b"), &at(3)));
        assert!(set(&mut held, ready(ConditionStatus::True, "b"), &at(4)));
        assert_eq!(held[0].last_transition_time, Some(at(4)));
        assert!(is_true(&held, "Ready") && !is_true(&held, "Other"));
    }

    #[test]
    fn a_condition_of_the_reference_reads() {
        let c: Condition =
            serde_json::from_value(serde_json::json!({"type": "Sync", "status": "Odd"})).unwrap();
        assert_eq!(c.status, ConditionStatus::Unknown);
    }
}
