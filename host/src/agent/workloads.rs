//! The seam between the bus side of a host and the room that runs workloads.

use std::time::Duration;

use async_trait::async_trait;
use protocol::ext::{Capacity, Inventory, InventoryRequest, StartExtension, WorkloadReport};
use protocol::v2::{WitInterface, Workload};
use protocol::{Reason, v2};
use tokio::sync::broadcast;

/// A workload somebody asked this host to run.
#[derive(Debug, Clone)]
pub struct StartRequest {
    /// UID of the Workload object.
    pub id: String,
    /// What to run.
    pub workload: Workload,
    /// What only an operator of ours says; empty from a base peer.
    pub extension: StartExtension,
}

/// What became of a start request.
#[derive(Debug, Clone)]
pub enum Started {
    /// It is being started; the report says STARTING.
    Accepted(WorkloadReport),
    /// The id is taken; nothing was touched.
    AlreadyThere {
        /// The state of what is there.
        report: WorkloadReport,
        /// Whether it was started by the same request.
        same: bool,
    },
    /// It cannot be started as it is; the id stays free.
    Refused {
        /// Why, for programs.
        reason: Reason,
        /// Why, for people.
        message: String,
    },
}

/// A workload's state changed.
#[derive(Debug, Clone)]
pub struct StateChange {
    /// Namespace of the workload.
    pub namespace: String,
    /// Name of the workload.
    pub name: String,
    /// Control plane that started it; empty for a base peer.
    pub control_plane: String,
    /// The state it has now.
    pub report: WorkloadReport,
}

/// How much runs on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Workloads in any state.
    pub workloads: u64,
    /// Components, services included, of running workloads.
    pub components: u64,
}

/// The room that runs workloads, as the bus side sees it. Every call answers at once; what takes time goes on behind it
/// and is reported by [`Workloads::changes`].
#[async_trait]
pub trait Workloads: Send + Sync + 'static {
    /// Begins to start a workload.
    async fn start(&self, request: StartRequest) -> Started;

    /// What is known about a workload; `None` if the id is unknown.
    fn report(&self, id: &str) -> Option<WorkloadReport>;

    /// Begins to stop a workload: requests in flight may take `drain` to end, or the workload's own time. The report
    /// says STOPPING; `None` if the id is unknown. Calling it again changes nothing.
    fn stop(&self, id: &str, drain: Option<Duration>) -> Option<WorkloadReport>;

    /// A page of what is here, in a stable order.
    fn inventory(&self, page: &InventoryRequest) -> Inventory;

    /// Every change of a state from now on.
    fn changes(&self) -> broadcast::Receiver<StateChange>;

    /// How much runs here.
    fn counts(&self) -> Counts;

    /// What the host can hold, and what it holds.
    fn capacity(&self) -> (Capacity, Capacity);

    /// Interfaces that workloads may import.
    fn imports(&self) -> Vec<WitInterface>;

    /// Interfaces that the host calls on workloads.
    fn exports(&self) -> Vec<WitInterface>;

    /// Refuses every further start with [`Reason::HostDraining`].
    fn close(&self);

    /// Stops everything, each within `drain` or its own time, and returns when nothing is left.
    async fn stop_all(&self, drain: Option<Duration>);
}

/// A report that says only this.
pub fn report(id: &str, state: v2::WorkloadState, message: impl Into<String>) -> WorkloadReport {
    WorkloadReport {
        status: Some(v2::WorkloadStatus {
            workload_id: id.to_owned(),
            workload_state: state.into(),
            message: message.into(),
        }),
        ..WorkloadReport::default()
    }
}

/// A report of a failure.
pub fn failed(id: &str, reason: Reason, message: impl Into<String>) -> WorkloadReport {
    WorkloadReport {
        reason: reason.as_str().to_owned(),
        ..report(id, v2::WorkloadState::Error, message)
    }
}

/// The state a report tells.
pub fn state_of(report: &WorkloadReport) -> v2::WorkloadState {
    report
        .status
        .as_ref()
        .map_or(v2::WorkloadState::Unspecified, |status| {
            status.workload_state()
        })
}
