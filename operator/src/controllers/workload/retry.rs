//! Workloads that wait for a host. When hosts change, those that now fit one of them are looked at again, the highest
//! priority first, each with its place kept; the others are left in peace.

use super::schedule::{self, Wish, candidate};
use crate::bus::HostView;
use crate::controllers::Context;
use crate::core::scheduler;
use crate::watch::{self, Key};
use crd_types::Workload;
use kube::{Resource, ResourceExt};
use parking_lot::Mutex;
use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Changes within this time are one.
const GATHER: Duration = Duration::from_millis(50);
/// Workloads looked at in one go, while nobody else can place.
const IN_ONE_GO: usize = 64;

/// Hosts that can take more than before, as far as is known.
#[derive(Debug, Default)]
pub struct Changed {
    hosts: Mutex<HashSet<String>>,
    wake: Notify,
}

impl Changed {
    /// This host came, or may have room that it had not.
    pub fn add(&self, host: &str) {
        self.hosts.lock().insert(host.to_owned());
        self.wake.notify_one();
    }
}

/// Looks after what waits until the token is cancelled.
pub async fn run(context: Arc<Context>, token: CancellationToken) {
    loop {
        tokio::select! {
            () = token.cancelled() => return,
            () = context.changed.wake.notified() => {}
        }
        tokio::select! {
            () = token.cancelled() => return,
            () = tokio::time::sleep(GATHER) => {}
        }
        round(&context).await;
    }
}

async fn round(context: &Context) {
    let changed = std::mem::take(&mut *context.changed.hosts.lock());
    let hosts: Vec<Arc<HostView>> = changed
        .iter()
        .filter_map(|id| context.fleet.get(id))
        .filter(|host| host.lost_since.is_none())
        .collect();
    if hosts.is_empty() {
        return;
    }
    for some in waiting(context).chunks(IN_ONE_GO) {
        for key in reserve(context, some, &hosts) {
            context.queues.workloads.add(key);
        }
        tokio::task::yield_now().await;
    }
}

/// What waits for a host and may be tried now, in the order in which it is served.
fn waiting(context: &Context) -> Vec<Arc<Workload>> {
    let now = Instant::now();
    let mut waiting = context.caches.workloads.find(watch::UNPLACED);
    waiting.retain(|workload| {
        let uid = workload.metadata.uid.as_deref().unwrap_or_default();
        let later = context.memory.tries(uid).not_before;
        workload.meta().deletion_timestamp.is_none() && later.is_none_or(|at| at <= now)
    });
    waiting.sort_by_cached_key(|workload| {
        (
            Reverse(workload.spec.priority.unwrap_or_default()),
            workload
                .meta()
                .creation_timestamp
                .as_ref()
                .map_or(0, |t| t.0.as_second()),
            Key::of(workload.as_ref()),
        )
    });
    waiting
}

/// Keeps a place for each that fits; returns those.
fn reserve(context: &Context, waiting: &[Arc<Workload>], hosts: &[Arc<HostView>]) -> Vec<Key> {
    let mut ledger = context.memory.ledger();
    let mut found = Vec::new();
    for workload in waiting {
        let uid = workload.uid().unwrap_or_default();
        let Ok(demand) = schedule::demand(context, workload) else {
            continue;
        };
        if ledger.assumed(&uid).is_some() {
            continue;
        }
        let wish = Wish::of(workload);
        let fitting = hosts
            .iter()
            .find(|host| scheduler::fits(&demand, &candidate(host, &ledger, &wish)));
        if let Some(host) = fitting {
            ledger.assume(&uid, wish.on(&host.beat.id));
            found.push(Key::of(workload.as_ref()));
        }
    }
    found
}
