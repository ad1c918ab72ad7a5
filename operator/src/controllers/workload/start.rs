//! From no host to started: read what is referred to, choose a host, record it, then send the start. The host is
//! in the status before anything is sent, so that a stop finds it whatever happens in between.

use super::{build, dereference, hostnames, outcome, schedule, status};
use crate::bus::CallError;
use crate::controllers::Context;
use crate::controllers::queue::Next;
use crate::error::ReconcileError;
use crd_types::Workload;
use kube::{Api, ResourceExt};
use protocol::{Reason, ext};
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
    let Some(command) = command(context, api, workload).await? else {
        return Ok(Next::BackOff);
    };
    let host = match schedule::choose(context, workload) {
        Ok(host) => host,
        Err(unplaced) => {
            context.metrics.placements.unplaced(unplaced.reason);
            status::not_placed(context, api, workload, unplaced.reason, &unplaced.message).await?;
            // A change of the hosts brings the next look at once; this one is for what nothing tells of.
            return Ok(Next::After(Duration::from_secs(30)));
        }
    };
    let placed = status::placed(context, api, workload, &host).await?;
    let id = &host.beat.id;
    tracing::Span::current().record("host", id);
    context.metrics.placements.placed(&uid);
    context.memory.sends.placed(&uid);
    // What an earlier try left behind says nothing about this one.
    context.observed.forget(&uid);
    send(context, api, &placed, id, command).await
}

/// Sends the start to the host that was chosen: it does not have the workload, and nobody here has ever heard that
/// it had. Its answer was lost, or the process that chose it ended before it sent anything, or is a leader still.
pub(super) async fn once_more(
    context: &Context,
    api: &Api<Workload>,
    workload: &Workload,
    host: &str,
) -> Result<Next, ReconcileError> {
    match command(context, api, workload).await? {
        Some(command) => send(context, api, workload, host, command).await,
        None => Ok(Next::BackOff),
    }
}

/// The start, with everything that is referred to read; none, and why is in the status, while something is missing.
async fn command(
    context: &Context,
    api: &Api<Workload>,
    workload: &Workload,
) -> Result<Option<ext::WorkloadStartV1>, ReconcileError> {
    let uid = workload.uid().unwrap_or_default();
    let settled = match dereference::resolve(context, workload).await? {
        Ok(mut resolved) => hostnames::settle(context, workload, &mut resolved).map(|()| resolved),
        Err(unresolved) => Err((unresolved.reason, unresolved.message)),
    };
    match settled {
        Ok(resolved) => Ok(Some(build::start(
            workload,
            resolved,
            &context.control_plane,
            &context.options.cluster_domain,
        ))),
        Err((reason, message)) => {
            context.metrics.placements.unplaced(reason);
            context.memory.withdraw(&uid);
            status::not_configured(context, api, workload, reason.as_str(), &message).await?;
            Ok(None)
        }
    }
}

async fn send(
    context: &Context,
    api: &Api<Workload>,
    placed: &Workload,
    host: &str,
    command: ext::WorkloadStartV1,
) -> Result<Next, ReconcileError> {
    let uid = placed.uid().unwrap_or_default();
    context.memory.sends.sending(&uid, host);
    let answer = context.hosts.start(host, command).await;
    match answer {
        Ok(_) | Err(CallError::Answer(_)) => context.memory.sends.answered(&uid),
        Err(CallError::Timeout(_) | CallError::Bus(_)) => context.memory.sends.unheard(&uid),
        // It was not sent, or nobody was there.
        Err(CallError::NoResponders | CallError::TooLarge { .. } | CallError::Id(_)) => {}
    }
    match answer {
        Ok(report) => outcome::of_start(context, api, placed, host, report).await,
        Err(error @ CallError::TooLarge { .. }) => {
            let (reason, message) = (Reason::ConfigTooLarge.as_str(), error.to_string());
            outcome::failed(context, api, placed, host, reason, &message).await
        }
        Err(CallError::NoResponders) => outcome::not_delivered(context, api, placed, host).await,
        Err(error) => outcome::unanswered(context, api, placed, host, &error).await,
    }
}
