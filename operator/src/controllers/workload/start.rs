//! From no host to started: read what is referred to, choose a host, record it, then send the start. The host is
//! in the status before anything is sent, so that a stop finds it whatever happens in between.

use super::{build, dereference, hostnames, outcome, schedule, status};
use crate::bus::CallError;
use crate::controllers::Context;
use crate::controllers::queue::Next;
use crate::error::ReconcileError;
use crd_types::Workload;
use kube::{Api, ResourceExt};
use protocol::Reason;
use std::time::Duration;

pub(super) async fn run(
    context: &Context,
    api: &Api<Workload>,
    workload: &Workload,
) -> Result<Next, ReconcileError> {
    let result = try_to(context, api, workload).await;
    if result.is_err() {
        // A place that was kept for it must not be lost to others; if it was recorded, the cache will say so.
        context.memory.withdraw(&workload.uid().unwrap_or_default());
    }
    result
}

async fn try_to(
    context: &Context,
    api: &Api<Workload>,
    workload: &Workload,
) -> Result<Next, ReconcileError> {
    let uid = workload.uid().unwrap_or_default();
    context.metrics.placements.pending(&uid);
    let mut resolved = match dereference::resolve(context, workload).await? {
        Ok(resolved) => resolved,
        Err(unresolved) => {
            context.metrics.placements.unplaced(unresolved.reason);
            let reason = unresolved.reason.as_str();
            context.memory.withdraw(&uid);
            status::not_configured(context, api, workload, reason, &unresolved.message).await?;
            return Ok(Next::BackOff);
        }
    };
    if let Err((reason, message)) = hostnames::settle(context, workload, &mut resolved) {
        context.metrics.placements.unplaced(reason);
        context.memory.withdraw(&uid);
        status::not_configured(context, api, workload, reason.as_str(), &message).await?;
        return Ok(Next::BackOff);
    }
    let host = match schedule::choose(context, workload) {
        Ok(host) => host,
        Err(unplaced) => {
            context.metrics.placements.unplaced(unplaced.reason);
            status::not_placed(context, api, workload, unplaced.reason, &unplaced.message).await?;
            // A change of the hosts brings the next look at once; this one is for what nothing tells of.
            return Ok(Next::After(Duration::from_secs(30)));
        }
    };
    let command = build::start(
        workload,
        resolved,
        &context.control_plane,
        &context.options.cluster_domain,
    );
    let placed = status::placed(context, api, workload, &host).await?;
    let id = &host.beat.id;
    tracing::Span::current().record("host", id);
    context.metrics.placements.placed(&uid);
    // What an earlier try left behind says nothing about this one.
    context.observed.forget(&workload.uid().unwrap_or_default());
    match context.hosts.start(id, command).await {
        Ok(report) => outcome::of_start(context, api, &placed, id, report).await,
        Err(CallError::TooLarge { size, max }) => {
            let message = CallError::TooLarge { size, max }.to_string();
            outcome::failed(
                context,
                api,
                &placed,
                id,
                Reason::ConfigTooLarge.as_str(),
                &message,
            )
            .await
        }
        Err(CallError::NoResponders) => outcome::not_delivered(context, api, &placed, id).await,
        Err(error) => outcome::unanswered(context, api, &placed, id, &error).await,
    }
}
