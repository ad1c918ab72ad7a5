//! The Deployment's status.

use super::MANAGER;
use super::apply::Applied;
use super::dereference::Family;
use crate::controllers::{Context, context, writes};
use crate::core::conditions::{Conditions, PROGRESSING};
use crate::core::rollout::{Bounds, Plan};
use crate::error::ReconcileError;
use crd_types::names::DEPLOYMENT_LABEL;
use crd_types::{
    ConditionStatus, LocalRef, ReplicaCounts, WorkloadDeployment, WorkloadDeploymentStatus,
    condition,
};
use kube::{Api, Resource, ResourceExt};

/// Writes conditions only.
pub(super) async fn write_conditions(
    context: &Context,
    deployment: &WorkloadDeployment,
    conditions: &Conditions,
) -> Result<(), ReconcileError> {
    let mut status = deployment.status.clone().unwrap_or_default();
    settle(deployment, conditions, &mut status);
    replace(context, deployment, status).await
}

/// Writes the whole status when it differs.
pub(super) async fn write(
    context: &Context,
    deployment: &WorkloadDeployment,
    bounds: &Bounds,
    family: &Family,
    plan: &Plan,
    applied: &Applied,
) -> Result<(), ReconcileError> {
    let mut status = deployment.status.clone().unwrap_or_default();
    let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let alive: usize = family.members.iter().map(|m| m.alive().count()).sum();
    let ready: usize = family.members.iter().map(|m| m.ready).sum();
    let available: usize = family.members.iter().map(|m| m.available).sum();
    let current = applied.current.as_deref().and_then(|name| family.get(name));
    let reference = |name: &String| LocalRef { name: name.clone() };
    status.current_replica_set = applied.current.as_ref().map(reference);
    status.previous_replica_set = plan.previous.as_ref().map(reference);
    status.replicas = Some(ReplicaCounts {
        expected: deployment.spec.desired(),
        current: count(alive),
        ready: count(ready),
        unavailable: count(alive.saturating_sub(available)),
    });
    status.current_replicas = Some(count(alive.min(bounds.desired)));
    status.selector = Some(format!("{DEPLOYMENT_LABEL}={}", deployment.name_any()));
    status.updated_replicas = Some(count(current.map_or(0, |m| m.alive().count())));
    status.ready_replicas = Some(count(ready));
    status.available_replicas = Some(count(available));
    status.collision_count = applied.collisions;
    let conditions = judge(
        bounds,
        family,
        plan,
        current.map_or(0, |m| m.available),
        applied,
    );
    settle(deployment, &conditions, &mut status);
    let (was, is) = (
        is_ready(deployment.status.as_ref()),
        is_ready(Some(&status)),
    );
    replace(context, deployment, status).await?;
    if is && !was {
        let note = format!("{} of {} replicas are available", available, bounds.desired);
        context
            .events
            .normal(deployment, "Available", "Rollout", &note)
            .await;
    }
    Ok(())
}

fn judge(
    bounds: &Bounds,
    family: &Family,
    plan: &Plan,
    current: usize,
    applied: &Applied,
) -> Conditions {
    let mut conditions = Conditions::default();
    conditions.yes("Artifact");
    if bounds.paused && applied.current.is_none() {
        conditions.unknown(
            "Sync",
            "Paused",
            "the template has changed while the Deployment is paused",
        );
    } else if applied.current.is_none() {
        conditions.unknown(
            "Sync",
            PROGRESSING,
            "the ReplicaSet of the present template is not created yet",
        );
    } else {
        conditions.yes("Sync");
    }
    if plan.steps.is_empty() {
        conditions.yes("Deploy");
    } else {
        conditions.unknown("Deploy", PROGRESSING, "ReplicaSets are being resized");
    }
    if plan.complete {
        conditions.yes("Scale");
    } else {
        let text = format!(
            "{current} of {} replicas of the present template are available",
            bounds.desired
        );
        match failure(family, applied) {
            Some((reason, message)) => {
                conditions.no("Scale", &reason, format!("{text}: {message}"))
            }
            None => conditions.unknown("Scale", PROGRESSING, text),
        };
    }
    if plan.complete {
        conditions.yes("Ready")
    } else {
        conditions.like("Ready", "Scale")
    };
    conditions
}

/// What keeps the present template from being ready, as its ReplicaSet reports it.
fn failure(family: &Family, applied: &Applied) -> Option<(String, String)> {
    let member = family.get(applied.current.as_deref()?)?;
    let ready = condition::find(&member.object.status.as_ref()?.conditions, "Ready")?;
    let failing = ready.status == ConditionStatus::False && ready.reason != PROGRESSING;
    failing.then(|| (ready.reason.clone(), ready.message.clone()))
}

fn is_ready(status: Option<&WorkloadDeploymentStatus>) -> bool {
    status.is_some_and(|s| condition::is_true(&s.conditions, "Ready"))
}

fn settle(
    deployment: &WorkloadDeployment,
    conditions: &Conditions,
    status: &mut WorkloadDeploymentStatus,
) {
    let generation = deployment.meta().generation;
    status.observed_generation = generation;
    conditions.merge_into(&mut status.conditions, generation, &context::now());
}

async fn replace(
    context: &Context,
    deployment: &WorkloadDeployment,
    status: WorkloadDeploymentStatus,
) -> Result<(), ReconcileError> {
    if deployment.status.as_ref() == Some(&status) {
        return Ok(());
    }
    let api: Api<WorkloadDeployment> = Api::namespaced(
        context.client(),
        &deployment.namespace().unwrap_or_default(),
    );
    let wanted = WorkloadDeployment {
        status: Some(status),
        ..deployment.clone()
    };
    writes::status(&context.schemas, &api, deployment, wanted, MANAGER)
        .await
        .map(drop)
}
