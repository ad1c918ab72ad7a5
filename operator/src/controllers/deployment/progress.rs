//! The condition `Progressing`: from the status to what `core` judges, and back.

use super::Look;
use super::apply::Applied;
use crate::controllers::context;
use crate::core::conditions::Conditions;
use crate::core::rollout::progress::{self, Before, Counts, Now, Progress};
use crd_types::{WorkloadDeployment, WorkloadDeploymentStatus, condition};

/// Type of the condition.
pub(super) const PROGRESSING: &str = "Progressing";

/// Judges the rollout by the status held and the one that is about to be written.
pub(super) fn judge(look: &Look, applied: &Applied, next: &WorkloadDeploymentStatus) -> Progress {
    let now = Now {
        counts: counts(next),
        current: applied.current.clone(),
        created: applied.created,
        rolled_out: look.plan.rolled_out,
        paused: look.bounds.paused,
        at: context::now().0.as_second(),
        deadline: look.deployment.spec.progress_deadline_seconds,
    };
    progress::judge(&before(&look.deployment), &now)
}

fn before(deployment: &WorkloadDeployment) -> Before {
    let Some(status) = &deployment.status else {
        return Before::default();
    };
    let held = condition::find(&status.conditions, PROGRESSING);
    let since = status
        .last_progress_time
        .as_ref()
        .or_else(|| held?.last_transition_time.as_ref());
    Before {
        reason: held.map(|c| c.reason.clone()).unwrap_or_default(),
        since: since.map(|t| t.0.as_second()),
        counts: counts(status),
        current: status.current_replica_set.as_ref().map(|r| r.name.clone()),
    }
}

fn counts(status: &WorkloadDeploymentStatus) -> Counts {
    Counts {
        updated: status.updated_replicas.unwrap_or_default(),
        total: status.replicas.map_or(0, |r| r.current),
        ready: status.ready_replicas.unwrap_or_default(),
        available: status.available_replicas.unwrap_or_default(),
    }
}

/// Puts the judgement among the others. `problem` is what keeps the rollout from going on, if that is known.
pub(super) fn state(
    conditions: &mut Conditions,
    progress: &Progress,
    applied: &Applied,
    deadline: Option<i32>,
    problem: Option<&str>,
) {
    let set = applied.current.as_deref().map_or_else(
        || "the rollout".to_owned(),
        |set| format!("ReplicaSet {set}"),
    );
    let reason = progress.reason;
    match reason {
        progress::AVAILABLE => {
            conditions.said(PROGRESSING, reason, format!("{set} is rolled out"));
        }
        progress::PAUSED => {
            conditions.unknown(PROGRESSING, reason, "the Deployment is paused");
        }
        progress::RESUMED => {
            conditions.unknown(PROGRESSING, reason, "the Deployment goes on after a pause");
        }
        progress::EXCEEDED => {
            let text = deadline.map_or_else(
                || format!("{set} made no progress in time"),
                |seconds| format!("{set} made no progress for {seconds} s"),
            );
            let text = problem.map_or(text.clone(), |problem| format!("{text}: {problem}"));
            conditions.no(PROGRESSING, reason, text);
        }
        progress::CREATED => {
            conditions.said(PROGRESSING, reason, format!("{set} was created"));
        }
        progress::FOUND => {
            conditions.said(PROGRESSING, reason, format!("{set} serves again"));
        }
        _ => {
            conditions.said(PROGRESSING, reason, format!("{set} is progressing"));
        }
    }
}
