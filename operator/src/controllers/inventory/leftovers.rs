//! Leftovers: each is stopped only after the API server itself has said that nothing asks for it.

use super::interval;
use crate::bus::{CallError, RunState};
use crate::controllers::Context;
use crate::controllers::queue::Next;
use crate::core::inventory::{Found, Presence, Reported, Verdict, leftover};
use crate::core::owed::{Owed, Tried};
use crate::error::{Attempt, ReconcileError, code};
use crate::watch::Key;
use crd_types::Workload;
use futures::{StreamExt, TryStreamExt};
use kube::{Api, Resource, ResourceExt};
use std::time::Instant;

/// Leftovers of one host that are dealt with at a time.
const AT_A_TIME: usize = 8;

/// Stops those that are leftovers indeed; false when one is not known to be gone.
pub(super) async fn stop(
    context: &Context,
    host: &str,
    suspects: Vec<Reported>,
) -> Result<bool, ReconcileError> {
    let stops = suspects
        .into_iter()
        .map(|suspect| stop_one(context, host, suspect));
    let settled: Vec<Came> = futures::stream::iter(stops)
        .buffer_unordered(AT_A_TIME)
        .try_collect()
        .await?;
    Ok(settled
        .into_iter()
        .all(|came| !matches!(came, Came::Leaving | Came::Unknown)))
}

/// What came of looking at a leftover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    /// It is none: it is placed there, and known to run there or not yet.
    Wanted { confirmed: bool },
    /// It is not ours to judge.
    LeftAlone,
    /// The host had it, and it is gone or drains.
    Stopped,
    /// The host does not have it.
    NotThere,
    /// Its Workload is on its way out, and may leave it behind.
    Leaving,
    /// It may still be there: the host did not say.
    Unknown,
}

async fn stop_one(
    context: &Context,
    host: &str,
    suspect: Reported,
) -> Result<Came, ReconcileError> {
    if suspect.namespace.is_empty() || suspect.name.is_empty() {
        tracing::warn!(host, id = %suspect.id, "a workload of ours on this host does not say which object it belongs to; it is left alone");
        return Ok(Came::LeftAlone);
    }
    let api: Api<Workload> = Api::namespaced(context.client(), &suspect.namespace);
    let object = match api.get_opt(&suspect.name).await {
        Ok(object) => object,
        Err(error) if code(&error) == Some(403) => {
            // A namespace that we do not serve any more: who serves it now decides.
            tracing::debug!(host, id = %suspect.id, %error, "a leftover is left alone");
            return Ok(Came::LeftAlone);
        }
        Err(error) => return Err(error).attempt("reading the Workload of a leftover"),
    };
    let uid = object.as_ref().and_then(ResourceExt::uid);
    let found = match (&object, uid.as_deref()) {
        (Some(object), Some(uid)) => Found::There {
            uid,
            host: object.status.as_ref().and_then(|s| s.host_id.as_deref()),
            terminating: object.meta().deletion_timestamp.is_some(),
        },
        _ => Found::Gone,
    };
    let why = match leftover(&suspect.id, host, found) {
        Verdict::Stop(why) => why,
        Verdict::Wait => return Ok(Came::Leaving),
        Verdict::Keep => {
            let status = object.as_ref().and_then(|object| object.status.as_ref());
            let confirmed = status.is_some_and(|s| s.workload_id.is_some());
            return Ok(Came::Wanted { confirmed });
        }
    };
    match context.hosts.stop_told(host, &suspect.id).await {
        Ok((_, false)) => Ok(Came::NotThere),
        Ok((report, true)) => {
            context.metrics.reaped.inc();
            let gone = matches!(report.state, RunState::NotFound | RunState::Completed);
            tracing::info!(host, workload = %Key::new(&suspect.namespace, &suspect.name), id = %suspect.id, why, gone, "a leftover is stopped");
            // One that drains says so in the next inventory, and needs nothing more.
            Ok(if gone || report.state == RunState::Stopping {
                Came::Stopped
            } else {
                Came::Unknown
            })
        }
        Err(error) => {
            tracing::info!(host, id = %suspect.id, %error, "a leftover could not be stopped yet");
            if matches!(error, CallError::NoResponders) {
                context.fleet.refused(host, Instant::now());
            }
            Ok(Came::Unknown)
        }
    }
}

/// Sends a host that cannot list what it has the stops that it is still owed.
pub(super) async fn owed(context: &Context, host: &str) -> Result<Next, ReconcileError> {
    let owed = context.fleet.owed(host);
    if owed.is_empty() {
        return Ok(Next::Wait);
    }
    let (mut left, mut paid) = (false, false);
    for Owed { stop, .. } in owed {
        let suspect = Reported {
            id: stop.workload_id.clone(),
            namespace: stop.namespace.clone(),
            name: stop.name.clone(),
            control_plane: context.control_plane.clone(),
            presence: Presence::Running,
        };
        let tried = match stop_one(context, host, suspect).await? {
            Came::Stopped => Tried::Stopped,
            Came::Wanted { confirmed: true } => Tried::Runs,
            Came::Wanted { confirmed: false } | Came::LeftAlone | Came::NotThere => Tried::Nothing,
            // What is owed for it stays owed until it has gone.
            Came::Leaving => Tried::Unknown,
            Came::Unknown => {
                // A host that does not answer keeps its place among those that are asked once, not for each stop.
                left = true;
                break;
            }
        };
        let id = &stop.workload_id;
        paid |= context.fleet.tried(host, id, tried, Instant::now());
        left |= tried == Tried::Unknown;
    }
    if let Some(view) = context.fleet.get(host).filter(|_| paid) {
        context
            .queues
            .hosts
            .add(Key::new(&context.options.namespace, &view.beat.name));
    }
    Ok(if left {
        Next::BackOff
    } else {
        Next::After(interval(context))
    })
}
