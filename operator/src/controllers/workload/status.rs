//! The Workload's status, for each thing that can have happened, and the Event that tells of it.

use super::{MANAGER, hostnames};
use crate::bus::{HostView, Report, RunState};
use crate::controllers::{Context, context, writes};
use crate::core::conditions::Conditions;
use crate::error::ReconcileError;
use crd_types::{ConditionStatus, ImageStatus, LastError, Workload, WorkloadStatus, condition};
use kube::{Api, Resource, ResourceExt};
use protocol::Reason;
use protocol::event::Happened;
use std::time::Duration;

/// Type of the condition about host names.
const HOSTNAMES: &str = "Hostnames";

/// Something it refers to is missing or unusable.
pub(super) async fn not_configured(
    context: &Context,
    api: &Api<Workload>,
    workload: &Workload,
    reason: &str,
    message: &str,
) -> Result<(), ReconcileError> {
    let mut conditions = Conditions::default();
    conditions
        .no("Config", reason, message)
        .unknown("HostSelection", "Waiting", "waiting for config")
        .unknown("Placement", "Waiting", "waiting for Host Selection")
        .unknown("Sync", "Waiting", "workload is not placed yet")
        .like("Ready", "Config");
    let news = !says(workload, "Config", reason, message);
    write(
        context,
        api,
        workload,
        workload.status.clone().unwrap_or_default(),
        &conditions,
    )
    .await?;
    if news {
        context
            .events
            .warning(workload, reason, "Resolve", message)
            .await;
    }
    Ok(())
}

/// No host fits.
pub(super) async fn not_placed(
    context: &Context,
    api: &Api<Workload>,
    workload: &Workload,
    reason: Reason,
    message: &str,
) -> Result<(), ReconcileError> {
    let mut conditions = Conditions::default();
    conditions
        .yes("Config")
        .no("HostSelection", reason.as_str(), message)
        .unknown("Placement", "Waiting", "waiting for Host Selection")
        .unknown("Sync", "Waiting", "workload is not placed yet")
        .like("Ready", "HostSelection");
    let news = !says(workload, "HostSelection", reason.as_str(), message);
    write(
        context,
        api,
        workload,
        workload.status.clone().unwrap_or_default(),
        &conditions,
    )
    .await?;
    if news {
        let action = if reason == Reason::CrossEnvironmentSchedulingDenied {
            "Reject"
        } else {
            "Schedule"
        };
        context
            .events
            .warning(workload, reason.as_str(), action, message)
            .await;
    }
    Ok(())
}

/// A host was chosen; nothing was sent yet. Returns the object as written.
pub(super) async fn placed(
    context: &Context,
    api: &Api<Workload>,
    workload: &Workload,
    host: &HostView,
) -> Result<Workload, ReconcileError> {
    let status = WorkloadStatus {
        host_id: Some(host.beat.id.clone()),
        host_name: Some(host.beat.name.clone()),
        environment: Some(host.beat.environment.clone()).filter(|e| !e.is_empty()),
        workload_id: None,
        ..workload.status.clone().unwrap_or_default()
    };
    let mut conditions = Conditions::default();
    conditions
        .yes("Config")
        .yes("HostSelection")
        .unknown(
            "Placement",
            "Starting",
            "the start is being sent to the host",
        )
        .unknown("Sync", "Waiting", "workload is not placed yet")
        .unknown("Ready", "Starting", "workload is being started");
    names(context, workload, &host.beat.id, &mut conditions).await;
    let written = write(context, api, workload, status, &conditions).await?;
    context
        .events
        .normal(
            workload,
            Happened::Scheduled.as_str(),
            "Schedule",
            &format!("placed on host {}", host.beat.name),
        )
        .await;
    Ok(written)
}

/// Names that it may not have, or not alone. Of a Workload that never had trouble nothing is said.
async fn names(context: &Context, workload: &Workload, host: &str, conditions: &mut Conditions) {
    let Some((reason, message)) = hostnames::trouble(context, workload, host) else {
        let held = workload.status.as_ref().map(|s| s.conditions.as_slice());
        if condition::find(held.unwrap_or_default(), HOSTNAMES).is_some() {
            conditions.yes(HOSTNAMES);
        }
        return;
    };
    let reason = reason.as_str();
    if !says(workload, HOSTNAMES, reason, &message) {
        context
            .events
            .warning(workload, reason, "Route", &message)
            .await;
    }
    conditions.no(HOSTNAMES, reason, message);
}

/// The host has accepted it.
pub(super) async fn starting(
    context: &Context,
    api: &Api<Workload>,
    workload: &Workload,
    report: &Report,
) -> Result<(), ReconcileError> {
    let mut conditions = Conditions::default();
    let text = if report.message.is_empty() {
        "workload is starting"
    } else {
        &report.message
    };
    conditions
        .yes("Config")
        .yes("HostSelection")
        .yes("Placement")
        .unknown("Sync", "Starting", text)
        .like("Ready", "Sync");
    write(context, api, workload, confirmed(workload), &conditions)
        .await
        .map(drop)
}

/// It runs, or has done what it is for.
pub(super) async fn running(
    context: &Context,
    api: &Api<Workload>,
    workload: &Workload,
    report: &Report,
) -> Result<(), ReconcileError> {
    let was = workload
        .status
        .as_ref()
        .is_some_and(|s| condition::is_true(&s.conditions, "Ready"));
    let mut status = confirmed(workload);
    if !was {
        status.started_at = Some(context::now());
    }
    if !report.images.is_empty() {
        status.images = report
            .images
            .iter()
            .map(|(name, reference, digest)| ImageStatus {
                name: if name.is_empty() {
                    "service".to_owned()
                } else {
                    name.clone()
                },
                reference: reference.clone(),
                digest: Some(digest.clone()).filter(|d| !d.is_empty()),
            })
            .collect();
    }
    // The host counts from its start of the workload on; what was counted before stays.
    let restarts = i32::try_from(report.restarts).unwrap_or(i32::MAX);
    if restarts > status.restarts.unwrap_or_default() {
        status.restarts = Some(restarts);
    }
    let mut conditions = Conditions::default();
    conditions
        .yes("Config")
        .yes("HostSelection")
        .yes("Placement");
    let completed = report.state == RunState::Completed;
    if completed {
        let text = "the workload has completed";
        conditions.said("Sync", Reason::Completed.as_str(), text);
    } else {
        conditions.yes("Sync");
    }
    conditions.like("Ready", "Sync");
    if let Some(host) = &status.host_id {
        names(context, workload, host, &mut conditions).await;
    }
    let ended = completed && !says_reason(workload, "Ready", Reason::Completed.as_str());
    write(context, api, workload, status, &conditions).await?;
    let (reason, note) = if completed {
        let note = "the workload has completed".to_owned();
        (Reason::Completed.as_str(), note)
    } else {
        let note = format!("running on host {}", host_name(workload));
        (Happened::Started.as_str(), note)
    };
    if !was || ended {
        context
            .events
            .normal(workload, reason, "Start", &note)
            .await;
    }
    Ok(())
}

fn last_error(reason: &str, message: &str) -> LastError {
    LastError {
        reason: reason.to_owned(),
        message: message.to_owned(),
        at: context::now(),
    }
}

/// It failed and its host is still clearing up.
pub(super) async fn failing(
    context: &Context,
    api: &Api<Workload>,
    workload: &Workload,
    reason: &str,
    message: &str,
) -> Result<(), ReconcileError> {
    let mut conditions = Conditions::default();
    conditions.no("Sync", reason, message).like("Ready", "Sync");
    let mut status = confirmed(workload);
    // Its time stays while the same failure is looked at again: a status that says nothing new is not written.
    let known = status
        .last_error
        .as_ref()
        .is_some_and(|e| e.reason == reason && e.message == message);
    if !known {
        status.last_error = Some(last_error(reason, message));
    }
    write(context, api, workload, status, &conditions)
        .await
        .map(drop)
}

/// It failed; the host is free of it. It is placed anew after the delay.
pub(super) async fn failed(
    context: &Context,
    api: &Api<Workload>,
    workload: &Workload,
    reason: &str,
    message: &str,
    delay: Duration,
) -> Result<(), ReconcileError> {
    let held = workload.status.clone().unwrap_or_default();
    let host = host_name(workload);
    let status = WorkloadStatus {
        host_id: None,
        host_name: None,
        environment: None,
        workload_id: None,
        restarts: Some(held.restarts.unwrap_or_default().saturating_add(1)),
        last_error: Some(last_error(reason, message)),
        ..held
    };
    let mut conditions = Conditions::default();
    conditions
        .unknown("HostSelection", "Waiting", "waiting to be placed again")
        .no("Placement", reason, message)
        .no("Sync", reason, message)
        .like("Ready", "Placement");
    write(context, api, workload, status, &conditions).await?;
    let note = format!(
        "{message} (on host {host}; next try in {} s)",
        delay.as_secs_f32().ceil()
    );
    context
        .events
        .warning(workload, reason, "Start", &note)
        .await;
    Ok(())
}

/// The host does not answer a start.
pub(super) async fn unreachable(
    context: &Context,
    api: &Api<Workload>,
    workload: &Workload,
    message: &str,
) -> Result<(), ReconcileError> {
    let mut conditions = Conditions::default();
    conditions
        .unknown("Placement", Reason::HostUnreachable.as_str(), message)
        .like("Ready", "Placement");
    write(
        context,
        api,
        workload,
        workload.status.clone().unwrap_or_default(),
        &conditions,
    )
    .await
    .map(drop)
}

/// The host is lost. `again`: the Workload itself is placed anew.
pub(super) async fn host_lost(
    context: &Context,
    api: &Api<Workload>,
    workload: &Workload,
    host: &str,
    again: bool,
) -> Result<(), ReconcileError> {
    let reason = Reason::HostLost.as_str();
    let message = format!("host {} ({host}) stopped answering", host_name(workload));
    if !again && says(workload, "Ready", reason, &message) {
        return Ok(());
    }
    let mut status = workload.status.clone().unwrap_or_default();
    status.last_error = Some(last_error(reason, &message));
    if again {
        status.host_id = None;
        status.host_name = None;
        status.environment = None;
        status.workload_id = None;
    }
    let mut conditions = Conditions::default();
    conditions
        .no("Placement", reason, &*message)
        .no("Sync", reason, &*message)
        .like("Ready", "Sync");
    write(context, api, workload, status, &conditions).await?;
    context
        .events
        .warning(workload, reason, "Evict", &message)
        .await;
    Ok(())
}

/// The failure that [`failing`] noted, while its host was clearing up: reason and message.
pub(super) fn noted_failure(workload: &Workload) -> Option<(String, String)> {
    let conditions = &workload.status.as_ref()?.conditions;
    let sync = condition::find(conditions, "Sync")?;
    (sync.status == ConditionStatus::False).then(|| (sync.reason.clone(), sync.message.clone()))
}

/// Whether its host has ever confirmed to have it.
pub(super) fn was_confirmed(workload: &Workload) -> bool {
    workload
        .status
        .as_ref()
        .is_some_and(|s| s.workload_id.is_some())
}

/// The report that its status tells of, where it is known to run or to have completed.
pub(super) fn as_told(workload: &Workload) -> Report {
    let completed = says_reason(workload, "Sync", Reason::Completed.as_str());
    Report::bare(if completed {
        RunState::Completed
    } else {
        RunState::Running
    })
}

/// Whether it is known to run, or to have done what it is for.
pub(super) fn is_ready(workload: &Workload) -> bool {
    let status = workload.status.as_ref();
    status.is_some_and(|s| condition::is_true(&s.conditions, "Ready"))
}

fn confirmed(workload: &Workload) -> WorkloadStatus {
    WorkloadStatus {
        workload_id: workload.uid(),
        ..workload.status.clone().unwrap_or_default()
    }
}

fn host_name(workload: &Workload) -> String {
    workload
        .status
        .as_ref()
        .and_then(|s| s.host_name.clone())
        .unwrap_or_else(|| "of unknown name".into())
}

fn says_reason(workload: &Workload, type_: &str, reason: &str) -> bool {
    let conditions = workload.status.as_ref().map(|s| s.conditions.as_slice());
    condition::find(conditions.unwrap_or_default(), type_).is_some_and(|c| c.reason == reason)
}

fn says(workload: &Workload, type_: &str, reason: &str, message: &str) -> bool {
    let conditions = workload
        .status
        .as_ref()
        .map(|s| s.conditions.as_slice())
        .unwrap_or_default();
    condition::find(conditions, type_).is_some_and(|c| c.reason == reason && c.message == message)
}

async fn write(
    context: &Context,
    api: &Api<Workload>,
    workload: &Workload,
    mut status: WorkloadStatus,
    conditions: &Conditions,
) -> Result<Workload, ReconcileError> {
    let generation = workload.meta().generation;
    status.observed_generation = generation;
    conditions.merge_into(&mut status.conditions, generation, &context::now());
    if workload.status.as_ref() == Some(&status) {
        return Ok(workload.clone());
    }
    let wanted = Workload {
        status: Some(status),
        ..workload.clone()
    };
    writes::known_status(context, api, workload, wanted, MANAGER).await
}
