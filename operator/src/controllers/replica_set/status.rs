//! The ReplicaSet's status: counts, and the reason most of its Workloads give for not being ready.

use super::{MANAGER, dereference};
use crate::controllers::{Context, context, writes};
use crate::core::conditions::{Conditions, PROGRESSING};
use crate::error::ReconcileError;
use crd_types::{ReplicaCounts, Workload, WorkloadReplicaSet, condition};
use kube::{Api, Resource, ResourceExt};
use protocol::Reason;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Writes the status when it differs.
pub(super) async fn write(
    context: &Context,
    set: &WorkloadReplicaSet,
    problem: Option<&ReconcileError>,
) -> Result<(), ReconcileError> {
    let mut alive = dereference::cached(context, set);
    alive.retain(|w| w.meta().deletion_timestamp.is_none());
    let ready = alive.iter().filter(|w| dereference::is_ready(w)).count();
    let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let desired = set.spec.desired();
    let mut status = set.status.clone().unwrap_or_default();
    status.replicas = Some(ReplicaCounts {
        expected: desired,
        current: count(alive.len()),
        ready: count(ready),
        unavailable: count(alive.len() - ready),
    });
    let mut conditions = Conditions::default();
    match problem {
        Some(problem) => conditions
            .no(
                "ScaleUp",
                Reason::ReconcileFailed.as_str(),
                problem.to_string(),
            )
            .like("ScaleDown", "ScaleUp"),
        None => conditions.yes("ScaleUp").yes("ScaleDown"),
    };
    if ready == alive.len() && count(ready) == desired {
        conditions.yes("Ready");
    } else if problem.is_some() {
        conditions.like("Ready", "ScaleUp");
    } else if let Some((reason, message)) = main_problem(&alive) {
        let text = format!(
            "{} of {desired} replicas are not ready: {message}",
            desired.saturating_sub(count(ready))
        );
        conditions.no("Ready", &reason, text);
    } else {
        let text = format!(
            "{ready} of {desired} replicas are ready, {} exist",
            alive.len()
        );
        conditions.no("Ready", PROGRESSING, text);
    }
    let generation = set.meta().generation;
    status.observed_generation = generation;
    conditions.merge_into(&mut status.conditions, generation, &context::now());
    if set.status.as_ref() == Some(&status) {
        return Ok(());
    }
    let failed = problem.filter(|_| !has_failed(set));
    let api: Api<WorkloadReplicaSet> =
        Api::namespaced(context.client(), &set.namespace().unwrap_or_default());
    let wanted = WorkloadReplicaSet {
        status: Some(status),
        ..set.clone()
    };
    writes::known_status(context, &api, set, wanted, MANAGER).await?;
    if let Some(problem) = failed {
        context
            .events
            .warning(
                set,
                Reason::ReconcileFailed.as_str(),
                "Scale",
                &problem.to_string(),
            )
            .await;
    }
    Ok(())
}

/// Whether the status tells of a failure already.
fn has_failed(set: &WorkloadReplicaSet) -> bool {
    let conditions = set.status.as_ref().map(|s| s.conditions.as_slice());
    condition::find(conditions.unwrap_or_default(), "ScaleUp")
        .is_some_and(|c| c.reason == Reason::ReconcileFailed.as_str())
}

/// The reason that most Workloads give, with one of their messages.
fn main_problem(workloads: &[Arc<Workload>]) -> Option<(String, String)> {
    let mut counted: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for workload in workloads {
        let Some(ready) = workload
            .status
            .as_ref()
            .and_then(|s| condition::find(&s.conditions, "Ready"))
        else {
            continue;
        };
        if ready.status == crd_types::ConditionStatus::False && !ready.reason.is_empty() {
            counted
                .entry(&ready.reason)
                .or_insert((0, &ready.message))
                .0 += 1;
        }
    }
    let (reason, (_, message)) = counted.into_iter().max_by_key(|(_, (count, _))| *count)?;
    Some((reason.to_owned(), message.to_owned()))
}
