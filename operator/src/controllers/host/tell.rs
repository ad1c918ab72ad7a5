//! Events of a host's comings and goings, told when its status says so.

use crate::controllers::Context;
use crd_types::{ConditionStatus, Host, HostStatus, condition};
use protocol::Reason;
use protocol::event::Happened;

/// Tells what the new status says and the old one did not.
pub(super) async fn transition(context: &Context, object: &Host, now: &HostStatus) {
    let word = |status: Option<&HostStatus>| {
        let ready = condition::find(&status?.conditions, "Ready")?;
        Some((ready.status, ready.reason.clone(), ready.message.clone()))
    };
    let before = word(object.status.as_ref());
    let Some((status, reason, message)) = word(Some(now)) else {
        return;
    };
    if before.is_some_and(|(s, r, _)| (s, &r) == (status, &reason)) {
        return;
    }
    if status == ConditionStatus::True {
        let word = Happened::HostJoined.as_str();
        let note = match object.hostname.as_deref() {
            Some(address) => format!("reports from {address}"),
            None => "reports".to_owned(),
        };
        context.events.normal(object, word, "Join", &note).await;
    } else if reason == Reason::HostDraining.as_str() {
        let word = Happened::HostLeft.as_str();
        context.events.normal(object, word, "Leave", &message).await;
    } else {
        context
            .events
            .warning(object, &reason, "Lose", &message)
            .await;
    }
}
