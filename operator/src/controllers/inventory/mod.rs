//! Inventory of one host, both ways: what it should have and lacks is looked at, what it has for us and should not
//! is stopped. Keys carry the host's id as their name.

mod leftovers;

use super::Context;
use super::queue::Next;
use crate::bus::CallError;
use crate::core::inventory::{self, Placed, Reported};
use crate::error::ReconcileError;
use crate::watch::{self, Key};
use crd_types::{Workload, condition};
use kube::{Resource, ResourceExt};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Hosts that are asked at a time.
pub const AT_A_TIME: usize = 32;

/// The key of a host.
pub fn key(host: &str) -> Key {
    Key::new("", host)
}

/// One look at what a host has.
pub async fn reconcile(context: Arc<Context>, key: Key) -> Result<Next, ReconcileError> {
    let host = key.name.as_str();
    let there = || {
        context
            .fleet
            .get(host)
            .is_some_and(|view| view.heard && view.lost_since.is_none())
    };
    if !there() {
        return Ok(Next::Wait);
    }
    let Ok(_permit) = context.inventories.acquire().await else {
        return Ok(Next::Wait);
    };
    if !there() {
        return Ok(Next::Wait);
    }
    if !context.hosts.extended(host) {
        // It cannot list. What it should have is asked after one by one; what it should not is remembered.
        return leftovers::owed(&context, host).await;
    }
    let placed = placed(&context, host);
    match context.hosts.inventory(host).await {
        Ok(reported) => {
            let settled = settle(&context, host, &reported, &placed).await?;
            Ok(if settled {
                Next::After(interval(&context))
            } else {
                Next::BackOff
            })
        }
        Err(error) => {
            if matches!(error, CallError::NoResponders) {
                context.fleet.refused(host, Instant::now());
            }
            tracing::info!(host, %error, "the host's inventory could not be taken; trying again");
            Ok(Next::BackOff)
        }
    }
}

/// The interval, shifted so that hosts that came together are not asked together for ever.
fn interval(context: &Context) -> Duration {
    let interval = context.options.inventory_interval;
    interval.mul_f64(0.8 + 0.4 * rand::random::<f64>())
}

fn placed(context: &Context, host: &str) -> Vec<Placed> {
    let placed = context.caches.workloads.find(&watch::on_host(host));
    placed
        .iter()
        .map(|workload| as_placed(workload.as_ref()))
        .collect()
}

fn as_placed(workload: &Workload) -> Placed {
    let status = workload.status.as_ref();
    Placed {
        uid: workload.uid().unwrap_or_default(),
        confirmed: status.is_some_and(|s| s.workload_id.is_some()),
        ready: status.is_some_and(|s| condition::is_true(&s.conditions, "Ready")),
        terminating: workload.meta().deletion_timestamp.is_some(),
    }
}

/// Carries out what the comparison says; false when a leftover is still there.
async fn settle(
    context: &Context,
    host: &str,
    reported: &[Reported],
    placed: &[Placed],
) -> Result<bool, ReconcileError> {
    let here = |id: &str| {
        let found = context.caches.workloads.find(&watch::by_uid(id));
        found
            .iter()
            .any(|w| w.status.as_ref().and_then(|s| s.host_id.as_deref()) == Some(host))
    };
    let found = inventory::compare(&context.control_plane, reported, placed, here);
    for uid in &found.look {
        for workload in context.caches.workloads.find(&watch::by_uid(uid)) {
            tracing::debug!(host, workload = %Key::of(workload.as_ref()), "the host has it in another state");
            // What it said before is older than its inventory.
            context.observed.doubt(uid);
            context.queues.workloads.add(Key::of(workload.as_ref()));
        }
    }
    leftovers::stop(context, host, found.leftovers).await
}
