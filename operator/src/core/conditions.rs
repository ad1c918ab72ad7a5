//! Conditions of one object, gathered during a reconcile and put into its status at the end.

use crd_types::{Condition, ConditionStatus, condition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// Reason of every `True` condition, as in the reference.
pub const AVAILABLE: &str = "Available";

/// Reason of what is on its way and has not failed.
pub const PROGRESSING: &str = "Progressing";

/// What a reconcile found out, by condition type, in the order in which it is shown.
#[derive(Clone, Debug, Default)]
pub struct Conditions(Vec<Condition>);

impl Conditions {
    /// The condition holds.
    pub fn yes(&mut self, type_: &str) -> &mut Self {
        self.push(type_, ConditionStatus::True, AVAILABLE, String::new())
    }

    /// The condition holds, and there is more to say about how.
    pub fn said(&mut self, type_: &str, reason: &str, message: impl Into<String>) -> &mut Self {
        self.push(type_, ConditionStatus::True, reason, message.into())
    }

    /// It does not, for a reason.
    pub fn no(&mut self, type_: &str, reason: &str, message: impl Into<String>) -> &mut Self {
        self.push(type_, ConditionStatus::False, reason, message.into())
    }

    /// It is not known yet.
    pub fn unknown(&mut self, type_: &str, reason: &str, message: impl Into<String>) -> &mut Self {
        self.push(type_, ConditionStatus::Unknown, reason, message.into())
    }

    /// The same judgement as another condition of this set, under another type.
    pub fn like(&mut self, type_: &str, other: &str) -> &mut Self {
        if let Some(found) = self.0.iter().find(|c| c.type_ == other).cloned() {
            self.push(type_, found.status, &found.reason, found.message);
        }
        self
    }

    fn push(
        &mut self,
        type_: &str,
        status: ConditionStatus,
        reason: &str,
        message: String,
    ) -> &mut Self {
        let condition = Condition {
            type_: type_.to_owned(),
            status,
            observed_generation: None,
            last_transition_time: None,
            last_probe_time: None,
            reason: reason.to_owned(),
            message,
        };
        match self.0.iter_mut().find(|c| c.type_ == type_) {
            Some(held) => *held = condition,
            None => self.0.push(condition),
        }
        self
    }

    /// Merges into a status's list for this generation; returns whether anything changed.
    pub fn merge_into(
        &self,
        held: &mut Vec<Condition>,
        generation: Option<i64>,
        now: &Time,
    ) -> bool {
        let mut changed = false;
        for condition in &self.0 {
            let condition = Condition {
                observed_generation: generation,
                ..condition.clone()
            };
            changed |= condition::set(held, condition, now);
        }
        changed
    }
}
