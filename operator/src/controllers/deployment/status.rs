//! The Deployment's status.

use super::apply::Applied;
use super::dereference::Family;
use super::{Look, MANAGER, progress};
use crate::controllers::{Context, context, writes};
use crate::core::conditions::{Conditions, PROGRESSING};
use crate::core::rollout::progress::{EXCEEDED, Progress};
use crate::error::ReconcileError;
use crd_types::names::DEPLOYMENT_LABEL;
use crd_types::{
    ConditionStatus, LocalRef, ReplicaCounts, WorkloadDeployment, WorkloadDeploymentStatus,
    condition,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{Api, Resource, ResourceExt};
use protocol::event::Happened;
use std::time::Duration;

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

/// Writes the whole status when it differs; returns when the deadline of the rollout passes.
pub(super) async fn write(
    context: &Context,
    look: &Look,
    applied: &Applied,
) -> Result<Option<Duration>, ReconcileError> {
    let deployment = look.deployment.as_ref();
    let mut status = counted(look, applied);
    let progress = progress::judge(look, applied, &status);
    status.last_progress_time = Timestamp::from_second(progress.since).ok().map(Time);
    let conditions = judge(look, applied, &progress);
    settle(deployment, &conditions, &mut status);
    let before = deployment.status.as_ref();
    let became_ready = is_ready(Some(&status)) && !is_ready(before);
    let failed = progress.reason == EXCEEDED && !has_failed(before);
    let why = condition::find(&status.conditions, progress::PROGRESSING)
        .map(|c| c.message.clone())
        .unwrap_or_default();
    let available = status.available_replicas.unwrap_or_default();
    replace(context, deployment, status).await?;
    if became_ready {
        let note = format!(
            "{available} of {} replicas are available",
            look.bounds.desired
        );
        context
            .events
            .normal(deployment, Happened::Available.as_str(), "Rollout", &note)
            .await;
    }
    if failed {
        context
            .events
            .warning(deployment, EXCEEDED, "Rollout", &why)
            .await;
    }
    Ok(progress.next_look)
}

/// The status with the counts of this look.
fn counted(look: &Look, applied: &Applied) -> WorkloadDeploymentStatus {
    let Look {
        deployment,
        bounds,
        family,
        plan,
        ..
    } = look;
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
    // What an autoscaler multiplies with: without the surge, and without what is on its way out.
    status.current_replicas = Some(count(alive.min(bounds.desired)));
    status.selector = Some(format!("{DEPLOYMENT_LABEL}={}", deployment.name_any()));
    status.updated_replicas = Some(count(current.map_or(0, |m| m.alive().count())));
    status.ready_replicas = Some(count(ready));
    status.available_replicas = Some(count(available));
    status.collision_count = applied.collisions;
    status
}

fn judge(look: &Look, applied: &Applied, progress: &Progress) -> Conditions {
    let Look {
        bounds,
        family,
        plan,
        ..
    } = look;
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
    let failure = failure(family, applied);
    progress::state(
        &mut conditions,
        progress,
        applied,
        look.deployment.spec.progress_deadline_seconds,
        failure.as_ref().map(|(_, message)| message.as_str()),
    );
    if plan.complete {
        conditions.yes("Scale").yes("Ready");
        return conditions;
    }
    let current = applied.current.as_deref().and_then(|name| family.get(name));
    let text = format!(
        "{} of {} replicas of the present template are available",
        current.map_or(0, |m| m.available),
        bounds.desired
    );
    match failure {
        Some((reason, message)) => conditions.no("Scale", &reason, format!("{text}: {message}")),
        None if progress.reason == EXCEEDED => conditions.no("Scale", EXCEEDED, text),
        None => conditions.unknown("Scale", PROGRESSING, text),
    };
    conditions.like("Ready", "Scale");
    conditions
}

/// What keeps the present template from being ready, as its ReplicaSet reports it.
fn failure(family: &Family, applied: &Applied) -> Option<(String, String)> {
    let member = family.get(applied.current.as_deref()?)?;
    let ready = condition::find(&member.object.status.as_ref()?.conditions, "Ready")?;
    let failing = ready.status == ConditionStatus::False && ready.reason != PROGRESSING;
    failing.then(|| (ready.reason.clone(), ready.message.clone()))
}

fn has_failed(status: Option<&WorkloadDeploymentStatus>) -> bool {
    let held = status.and_then(|s| condition::find(&s.conditions, progress::PROGRESSING));
    held.is_some_and(|c| c.reason == EXCEEDED)
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
    writes::known_status(context, &api, deployment, wanted, MANAGER)
        .await
        .map(drop)
}
