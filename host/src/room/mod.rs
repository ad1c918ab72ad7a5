//! The room where a host's workloads live: it knows each by its id, carries it from STARTING to gone, and
//! reports every change. Each workload has one task of its own, so none waits for another.

mod failure;
mod life;
mod offers;
mod pull;
mod registry;
mod spec;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use oci::Images;
use protocol::{
    Reason,
    ext::{Capacity, Inventory, InventoryRequest, WorkloadReport},
    v2::WitInterface,
};
use tokio::sync::broadcast;
use tokio_util::task::TaskTracker;

use crate::{
    agent::{Counts, StartRequest, Started, StateChange, Workloads},
    workload::Platform,
};

use registry::{Registered, Registry};

/// What a room needs beside the platform its workloads run on.
#[derive(Debug, Clone)]
pub struct RoomOptions {
    /// How long a stopping workload is still routed to in any case.
    pub endpoint_delay: Duration,
    /// How long its open requests may take where neither the workload nor the stop says so.
    pub drain: Duration,
    /// Whether workloads may reach the host's own loopback.
    pub allow_host_loopback: bool,
}

/// The workloads of one host. Clones share them.
#[derive(Clone)]
pub struct Room {
    inner: Arc<Inner>,
}

struct Inner {
    platform: Platform,
    images: Arc<Images>,
    options: RoomOptions,
    registry: Registry,
    tasks: TaskTracker,
}

impl Room {
    /// An empty room.
    pub fn new(platform: Platform, images: Arc<Images>, options: RoomOptions) -> Self {
        let inner = Inner {
            platform,
            images,
            options,
            registry: Registry::default(),
            tasks: TaskTracker::new(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }
}

#[async_trait]
impl Workloads for Room {
    async fn start(&self, request: StartRequest) -> Started {
        let inner = &self.inner;
        let fingerprint = registry::fingerprint(&request);
        // What is there answers first: a repeated request gets the state, whatever the request says.
        if let Some(found) = inner.registry.find(&request.id, fingerprint) {
            return found;
        }
        let defaults = spec::Defaults {
            drain: inner.options.drain,
            allow_host_loopback: inner.options.allow_host_loopback,
        };
        let plan = match spec::plan(&request, &defaults) {
            Ok(plan) => plan,
            Err(refusal) => {
                return Started::Refused {
                    reason: refusal.reason,
                    message: refusal.message,
                };
            }
        };
        match inner
            .registry
            .reserve(&request, fingerprint, plan.components())
        {
            Registered::Reserved(seat) => {
                let report = seat.report();
                inner.tasks.spawn(life::live(Arc::clone(inner), seat, plan));
                Started::Accepted(report)
            }
            Registered::Taken(found) => found,
            Registered::Closed => Started::Refused {
                reason: Reason::HostDraining,
                message: "the host is about to stop and takes no new workloads".to_owned(),
            },
        }
    }

    fn report(&self, id: &str) -> Option<WorkloadReport> {
        self.inner.registry.report(id)
    }

    fn stop(&self, id: &str, drain: Option<Duration>) -> Option<WorkloadReport> {
        self.inner.registry.stop(id, drain)
    }

    fn inventory(&self, page: &InventoryRequest) -> Inventory {
        self.inner.registry.inventory(page)
    }

    fn changes(&self) -> broadcast::Receiver<StateChange> {
        self.inner.registry.changes()
    }

    fn counts(&self) -> Counts {
        self.inner.registry.counts()
    }

    fn capacity(&self) -> (Capacity, Capacity) {
        let permits = self.inner.platform.engine.permits();
        let (total, free) = (u64::from(permits.total()), u64::from(permits.free()));
        let instances = |instances| Capacity {
            instances,
            ..Capacity::default()
        };
        (instances(total), instances(total.saturating_sub(free)))
    }

    fn imports(&self) -> Vec<WitInterface> {
        offers::imports(&self.inner.platform.plugins)
    }

    fn exports(&self) -> Vec<WitInterface> {
        offers::exports()
    }

    fn close(&self) {
        self.inner.registry.close();
    }

    async fn stop_all(&self, drain: Option<Duration>) {
        self.inner.registry.close();
        self.inner.registry.stop_all(drain);
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }
}
