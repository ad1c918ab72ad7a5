//! Workloads: placed on a host, started there, watched, and stopped before they go.

mod build;
pub mod default_secrets;
mod dereference;
mod finalize;
mod hostnames;
pub mod memory;
mod outcome;
mod owed;
pub mod retry;
pub mod schedule;
mod sends;
mod start;
mod status;

use super::Context;
use super::queue::Next;
use super::writes;
use crate::bus::{Report, RunState, Standing};
use crate::error::ReconcileError;
use crate::watch::{self, Key};
use crd_types::Workload;
use crd_types::names::WORKLOAD_FINALIZER;
use kube::{Api, Resource, ResourceExt};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) const MANAGER: &str = "workload-controller";

/// One look at a Workload.
pub async fn reconcile(context: Arc<Context>, key: Key) -> Result<Next, ReconcileError> {
    let Some(workload) = context.caches.workloads.get(&key) else {
        return Ok(Next::Wait);
    };
    let uid = workload.uid().unwrap_or_default();
    let span = tracing::Span::current();
    span.record("uid", &uid);
    if let Some(host) = workload.status.as_ref().and_then(|s| s.host_id.as_ref()) {
        span.record("host", host);
    }
    let api: Api<Workload> = Api::namespaced(context.client(), &key.namespace);
    if workload.meta().deletion_timestamp.is_some() {
        return finalize::run(&context, &api, &workload).await;
    }
    if !workload
        .finalizers()
        .iter()
        .any(|f| f == WORKLOAD_FINALIZER)
    {
        let mut all = workload.finalizers().to_vec();
        all.push(WORKLOAD_FINALIZER.to_owned());
        writes::finalizers(&api, workload.as_ref(), &all, MANAGER).await?;
        return Ok(Next::Wait);
    }
    let Some(host) = workload.status.as_ref().and_then(|s| s.host_id.clone()) else {
        if let Some(rest) = rest_of_delay(&context, &uid) {
            return Ok(Next::After(rest));
        }
        return start::run(&context, &api, &workload).await;
    };
    match context.fleet.standing(&host, Instant::now()) {
        Standing::Lost => lost(&context, &api, &workload, &host).await,
        Standing::Unknown => Ok(Next::After(Duration::from_secs(1))),
        Standing::Alive => look_after(&context, &api, &workload, &host).await,
    }
}

/// Time until the next try may be made.
fn rest_of_delay(context: &Context, uid: &str) -> Option<Duration> {
    let not_before = context.memory.tries(uid).not_before?;
    let rest = not_before.saturating_duration_since(Instant::now());
    (!rest.is_zero()).then_some(rest)
}

/// Asks how the workload does, unless its host has just said so.
async fn look_after(
    context: &Context,
    api: &Api<Workload>,
    workload: &Workload,
    host: &str,
) -> Result<Next, ReconcileError> {
    let uid = workload.uid().unwrap_or_default();
    let report = match context.observed.take(&uid, host) {
        Some(report) => Ok(report),
        // A host with the extension tells of every change, and its inventory shows what was not heard.
        None if context.hosts.extended(host)
            && status::is_ready(workload)
            && !context.observed.settle_doubt(&uid) =>
        {
            // What else its status says may have changed: the names it shares with others.
            Ok(Report::running())
        }
        None => context.hosts.status(host, &uid).await,
    };
    match report {
        Ok(report)
            if report.state == RunState::NotFound
                && !status::was_confirmed(workload)
                && context.memory.sends.may_be_missing(&uid, host) =>
        {
            start::once_more(context, api, workload, host).await
        }
        Ok(report) => outcome::of_look(context, api, workload, host, report).await,
        Err(error) => outcome::unanswered(context, api, workload, host, &error).await,
    }
}

/// The host is lost. One replica of many is replaced by its ReplicaSet; a Workload of its own is placed again.
async fn lost(
    context: &Context,
    api: &Api<Workload>,
    workload: &Workload,
    host: &str,
) -> Result<Next, ReconcileError> {
    let replaced = watch::controller_of(workload).is_some();
    if !replaced && !owed::noted(context, workload, host) {
        return Ok(owed::NOTING);
    }
    status::host_lost(context, api, workload, host, !replaced).await?;
    Ok(Next::Wait)
}
