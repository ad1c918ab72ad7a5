//! One workload of the host, as it is known by its id: what was asked, what it is now, and whether it shall
//! stop. States go STARTING → RUNNING → COMPLETED or ERROR, and from each of them to STOPPING, after which
//! the id is free again.

use crate::agent::{StartRequest, StateChange, workloads};
use parking_lot::Mutex;
use protocol::{
    Reason,
    ext::{ImageDigest, InventoryItem, WorkloadReport},
    time::timestamp,
    v2::WorkloadState,
};
use sha2::{Digest as _, Sha256};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

/// A known workload.
pub(super) struct Entry {
    pub id: String,
    namespace: String,
    name: String,
    control_plane: String,
    revision: String,
    fingerprint: [u8; 32],
    /// Components, the service included.
    pub components: u64,
    /// Bytes its instances may take together, as far as they stay.
    pub memory: u64,
    /// Asked to stop.
    pub stop: CancellationToken,
    own_drain: Duration,
    state: Mutex<State>,
    changes: broadcast::Sender<StateChange>,
}

struct State {
    report: WorkloadReport,
    drain: Option<Duration>,
}

/// What an [`Entry`] is made of beside the request.
pub(super) struct Facts {
    pub components: u64,
    pub memory: u64,
    pub drain: Duration,
}

impl Entry {
    /// A workload that is being started.
    pub(super) fn new(
        request: &StartRequest,
        facts: &Facts,
        changes: broadcast::Sender<StateChange>,
    ) -> Self {
        let mut report =
            workloads::report(&request.id, WorkloadState::Starting, "Workload is starting");
        report.since = Some(timestamp(SystemTime::now()));
        report.sequence = next_sequence();
        Self {
            id: request.id.clone(),
            namespace: request.workload.namespace.clone(),
            name: request.workload.name.clone(),
            control_plane: request.extension.control_plane.clone(),
            revision: request.extension.revision.clone(),
            fingerprint: fingerprint(request),
            components: facts.components,
            memory: facts.memory,
            stop: CancellationToken::new(),
            own_drain: facts.drain,
            state: Mutex::new(State {
                report,
                drain: None,
            }),
            changes,
        }
    }

    /// Whether `request` asks for exactly this.
    pub(super) fn is_for(&self, request: &StartRequest) -> bool {
        self.fingerprint == fingerprint(request)
    }

    pub(super) fn report(&self) -> WorkloadReport {
        self.state.lock().report.clone()
    }

    pub(super) fn is_running(&self) -> bool {
        workloads::state_of(&self.state.lock().report) == WorkloadState::Running
    }

    /// Enters a state, unless the workload is stopping, which only ends in its end.
    pub(super) fn enter(&self, state: WorkloadState, reason: Option<Reason>, message: &str) {
        self.change(|report| {
            if workloads::state_of(report) == WorkloadState::Stopping
                && state != WorkloadState::NotFound
            {
                return false;
            }
            if let Some(status) = &mut report.status {
                status.workload_state = state.into();
                message.clone_into(&mut status.message);
            }
            report.reason = reason.map_or_else(String::new, |reason| reason.as_str().to_owned());
            report.since = Some(timestamp(SystemTime::now()));
            tracing::info!(
                workload = self.id,
                namespace = self.namespace,
                name = self.name,
                state = state.as_str_name(),
                reason = report.reason,
                message,
                "workload enters a state"
            );
            true
        });
    }

    pub(super) fn set_images(&self, images: Vec<ImageDigest>) {
        self.state.lock().report.images = images;
    }

    /// Notes how often the service was restarted, without telling of it yet.
    pub(super) fn note_restarts(&self, restarts: u64) {
        self.state.lock().report.restarts = u32::try_from(restarts).unwrap_or(u32::MAX);
    }

    /// Asks it to stop. The first wish for a drain counts.
    pub(super) fn begin_stop(&self, drain: Option<Duration>) -> WorkloadReport {
        if !self.stop.is_cancelled() {
            self.state.lock().drain = drain;
            self.enter(WorkloadState::Stopping, None, "Workload is stopping");
            self.stop.cancel();
        }
        self.report()
    }

    /// How long requests in flight may take.
    pub(super) fn drain(&self) -> Duration {
        self.state.lock().drain.unwrap_or(self.own_drain)
    }

    pub(super) fn item(&self) -> InventoryItem {
        let report = self.report();
        InventoryItem {
            id: self.id.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            control_plane: self.control_plane.clone(),
            revision: self.revision.clone(),
            state: workloads::state_of(&report).into(),
            restarts: report.restarts,
            since: report.since,
        }
    }

    fn change(&self, change: impl FnOnce(&mut WorkloadReport) -> bool) {
        let mut state = self.state.lock();
        if !change(&mut state.report) {
            return;
        }
        state.report.sequence = next_sequence();
        // Sent under the lock, so that changes are told in their order. Nobody may be listening.
        let _ = self.changes.send(StateChange {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            control_plane: self.control_plane.clone(),
            report: state.report.clone(),
        });
    }
}

/// A number above all before it: what is told of an id that is used again is later than what was told of it before.
fn next_sequence() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

/// Tells requests apart without keeping the secrets in them.
fn fingerprint(request: &StartRequest) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in [
        serde_json::to_vec(&request.workload),
        serde_json::to_vec(&request.extension),
    ] {
        match part {
            Ok(bytes) => hasher.update(bytes),
            // A message that cannot be written is equal to no other.
            Err(_) => hasher.update(uuid::Uuid::new_v4().as_bytes()),
        }
    }
    hasher.finalize().into()
}
