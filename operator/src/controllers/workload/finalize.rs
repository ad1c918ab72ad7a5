//! A Workload leaves when nothing of it runs: the host has confirmed the stop, is gone, or a deadline has passed.

use super::{MANAGER, memory, owed, turns};
use crate::bus::{CallError, RunState, Standing};
use crate::controllers::queue::Next;
use crate::controllers::{Context, writes};
use crate::error::ReconcileError;
use crate::watch;
use crd_types::names::{LEGACY_FINALIZERS, WORKLOAD_FINALIZER};
use crd_types::{Workload, condition};
use kube::{Api, Resource, ResourceExt};
use std::time::{Duration, Instant};

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
    if until_overdue(context, workload).is_zero() {
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
    if !turns::taken(context, workload, host) {
        return Some(Next::After(until_overdue(context, workload)));
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
            Some(Next::BackOffWithin(until_overdue(context, workload)))
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

/// Time for which its host is still waited for.
fn until_overdue(context: &Context, workload: &Workload) -> Duration {
    let since = workload.meta().deletion_timestamp.as_ref();
    let passed = since.map(|t| jiff::Timestamp::now().duration_since(t.0));
    let passed = passed.and_then(|p| Duration::try_from(p).ok());
    let drain = workload.spec.drain_seconds.unwrap_or(30);
    let drain = Duration::from_secs(u64::try_from(drain).unwrap_or_default());
    (drain + context.options.stop_patience).saturating_sub(passed.unwrap_or_default())
}

fn forget(memory: &memory::Memory, context: &Context, workload: &Workload) {
    let uid = workload.uid().unwrap_or_default();
    memory.forget(&uid);
    context.observed.forget(&uid);
}
