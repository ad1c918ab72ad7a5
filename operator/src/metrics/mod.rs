//! What the operator tells of itself to Prometheus.
//!
//! Where controller-runtime or client-go has a name for a number, it is used, so that dashboards and alerts made for
//! other operators work: `controller_runtime_*`, `workqueue_*`, `rest_client_*`, `leader_election_master_status`,
//! `process_*`. Everything else is `wasmcloud_operator_*`. No label takes a value from a user's object: the number of
//! series depends on nothing but this program.

mod bus;
mod placements;
mod queues;
mod reconciles;
mod requests;
mod scraped;

pub use bus::{BusCalls, Heartbeats};
pub use placements::Placements;
pub use reconciles::{Reconciles, Running};
pub use requests::Requests;

use crate::controllers::Context;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use queues::QueueNumbers;
use scraped::Scraped;
use service::metrics::{Metrics, SubRegistry};
use std::sync::Arc;

/// Every number of one operator. Clones share them.
#[derive(Clone, Debug)]
pub struct OperatorMetrics {
    registry: Metrics,
    own: SubRegistry,
    /// Requests to the API server.
    pub requests: Requests,
    /// Reconciles.
    pub reconciles: Reconciles,
    /// Commands to hosts.
    pub calls: BusCalls,
    /// Heartbeats.
    pub heartbeats: Heartbeats,
    /// Placements and starts.
    pub placements: Placements,
    /// Whether this process leads.
    leader: Gauge,
    /// Workloads stopped on a host because their object is gone.
    pub reaped: Counter,
    /// Events written.
    pub events_written: Counter,
    /// Events that could not be written, or were too many.
    pub events_lost: Counter,
}

impl OperatorMetrics {
    /// Registers everything. A second operator in the process takes the place of the first.
    pub fn register(registry: &Metrics) -> Self {
        let own = registry.sub_registry("wasmcloud_operator", Vec::new());
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        own.with(|r| r.register("build", "Version of the operator", build));
        let leader: Family<[(&'static str, &'static str); 1], Gauge> = registry
            .sub_registry("leader_election", Vec::new())
            .register(
                "master_status",
                "1 while this process does the work, 0 while it stands by",
                Family::default(),
            );
        let leader = leader
            .get_or_create(&[("name", crd_types::names::LEADER_LEASE)])
            .clone();
        Self {
            requests: Requests::register(registry),
            reconciles: Reconciles::register(registry),
            calls: BusCalls::register(&own),
            heartbeats: Heartbeats::register(&own),
            placements: Placements::register(&own),
            leader,
            reaped: own.register(
                "reaped_workloads",
                "Workloads stopped on a host because their object is gone or belongs elsewhere",
                Counter::default(),
            ),
            events_written: own.register("events_written", "Events written", Counter::default()),
            events_lost: own.register(
                "events_lost",
                "Events that could not be written, or were too many to be",
                Counter::default(),
            ),
            registry: registry.clone(),
            own,
        }
    }

    /// This process leads, or does not any more.
    pub fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// Shows what this operator holds, for as long as it is at work.
    pub(crate) fn show(&self, context: &Arc<Context>) {
        let held = Scraped(Arc::downgrade(context));
        self.own.with(|r| r.register_collector(Box::new(held)));
        let queues = QueueNumbers(context.queues.clone());
        self.registry
            .sub_registry("workqueue", Vec::new())
            .with(|r| r.register_collector(Box::new(queues)));
    }
}
