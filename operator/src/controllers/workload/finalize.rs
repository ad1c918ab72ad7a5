//! A Workload leaves when nothing of it runs: the host has confirmed the stop, is gone, or a deadline has passed.

use super::{MANAGER, memory, owed};
use crate::bus::{CallError, RunState, Standing};
use crate::controllers::queue::Next;
use crate::controllers::{Context, writes};
use crate::error::ReconcileError;
use crate::watch;
use crd_types::names::{LEGACY_FINALIZERS, WORKLOAD_FINALIZER};
use crd_types::{Workload, condition};
use kube::{Api, Resource, ResourceExt};
use std::time::{Duration, Instant};

/// Time beyond the drain after which a host that does not confirm is not waited for.
const PATIENCE: i64 = 120;

pub(super) async fn run(
    context: &Context,
    api: &Api<Workload>,
    workload: &Workload,
) -> Result<Next, ReconcileError> {
    let ours = |f: &String| f == WORKLOAD_FINALIZER || LEGACY_FINALIZERS.contains(&f.as_str());
    if !workload.finalizers().iter().any(ours) {
        return Ok(Next::Wait);
    }
    if let Some(next) = still_running(context, workload).await {
        return Ok(next);
    }
    let rest: Vec<String> = workload
        .finalizers()
        .iter()
        .filter(|f| !ours(f))
        .cloned()
        .collect();
    writes::finalizers(api, workload, &rest, MANAGER).await?;
    if let Some(host) = workload.status.as_ref().and_then(|s| s.host_name.as_ref()) {
        let word = protocol::event::Happened::Stopped.as_str();
        let note = format!("no longer on host {host}");
        context.events.normal(workload, word, "Stop", &note).await;
    }
    forget(&context.memory, context, workload);
    Ok(Next::Wait)
}

/// Stops the workload on its host; `Some` while it is not known to be gone.
async fn still_running(context: &Context, workload: &Workload) -> Option<Next> {
    let host = workload.status.as_ref()?.host_id.as_deref()?;
    let uid = workload.uid()?;
    if overdue(workload) {
        tracing::warn!(workload = %workload.name_any(), host, "the host did not confirm the stop in time; the Workload goes");
        owed::noted(context, workload, host);
        return None;
    }
    match context.fleet.standing(host, Instant::now()) {
        Standing::Lost => {
            return (!owed::noted(context, workload, host)).then_some(owed::NOTING);
        }
        Standing::Unknown => return Some(Next::After(Duration::from_secs(1))),
        Standing::Alive => {}
    }
    if let Some(rest) = endpoint_delay(context, workload, host) {
        return Some(Next::After(rest));
    }
    match context.hosts.stop(host, &uid).await {
        Ok(report) => match report.state {
            RunState::NotFound | RunState::Completed => {
                (!owed::late(context, workload, host)).then_some(owed::NOTING)
            }
            // It drains; its host says when it is gone, and we ask again in case that is not heard.
            RunState::Stopping | RunState::Starting | RunState::Running => {
                Some(Next::After(Duration::from_secs(1)))
            }
            RunState::Error => Some(Next::After(Duration::from_secs(2))),
        },
        Err(error) => {
            if matches!(error, CallError::NoResponders) {
                context.fleet.refused(host, Instant::now());
            }
            tracing::debug!(workload = %workload.name_any(), host, %error, "stop was not confirmed; trying again");
            Some(Next::BackOff)
        }
    }
}

/// Time that the endpoint's leave takes to get around, where the host does not wait for it itself.
fn endpoint_delay(context: &Context, workload: &Workload, host: &str) -> Option<Duration> {
    watch::service_of(workload)?;
    if context.options.endpoint_delay.is_zero() {
        return None;
    }
    let ready = condition::is_true(&workload.status.as_ref()?.conditions, "Ready");
    if !ready || context.hosts.extended(host) {
        return None;
    }
    let since = workload.meta().deletion_timestamp.as_ref()?.0;
    let passed = jiff::Timestamp::now().duration_since(since);
    let passed = Duration::try_from(passed).unwrap_or_default();
    // The API server's time has whole seconds.
    let wanted = context.options.endpoint_delay + Duration::from_secs(1);
    let rest = wanted.saturating_sub(passed);
    (!rest.is_zero()).then_some(rest)
}

fn overdue(workload: &Workload) -> bool {
    let since = workload
        .meta()
        .deletion_timestamp
        .as_ref()
        .map_or(0, |t| t.0.as_second());
    let drain = i64::from(workload.spec.drain_seconds.unwrap_or(30));
    jiff::Timestamp::now().as_second().saturating_sub(since) > drain + PATIENCE
}

fn forget(memory: &memory::Memory, context: &Context, workload: &Workload) {
    let uid = workload.uid().unwrap_or_default();
    memory.forget(&uid);
    context.observed.forget(&uid);
}
