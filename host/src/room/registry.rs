//! Who is in the room and in which state. Pure bookkeeping: nothing here waits or runs anything.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use parking_lot::Mutex;
use protocol::{
    Reason,
    ext::{ImageDigest, Inventory, InventoryItem, InventoryRequest, WorkloadReport},
    time::timestamp,
    v2::WorkloadState,
};
use sha2::{Digest, Sha256};
use tokio::sync::{broadcast, watch};

use crate::agent::{
    Counts, StartRequest, Started, StateChange,
    workloads::{report, state_of},
};

/// Changes a slow listener may be behind before it misses some; it reads the reports again then.
const CHANGES: usize = 1024;
/// Entries of an inventory page when the request names no number, and at most.
const PAGE: usize = 500;

/// What tells two requests apart, without keeping the secrets in them.
pub(super) type Fingerprint = [u8; 32];

/// The fingerprint of a request.
pub(super) fn fingerprint(request: &StartRequest) -> Fingerprint {
    let mut hash = Sha256::new();
    for part in [
        protocol::json::encode(&request.workload),
        protocol::json::encode(&request.extension),
    ] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(&part);
    }
    hash.finalize().into()
}

/// An order to stop: how long open requests may take, if not the workload's own time.
pub(super) type StopOrder = Option<Duration>;

#[derive(Clone)]
pub(super) struct Registry {
    state: Arc<Mutex<State>>,
    changes: broadcast::Sender<StateChange>,
}

#[derive(Default)]
struct State {
    closed: bool,
    occupants: BTreeMap<String, Occupant>,
}

struct Occupant {
    namespace: String,
    name: String,
    control_plane: String,
    revision: String,
    fingerprint: Fingerprint,
    components: u64,
    report: WorkloadReport,
    stop: watch::Sender<Option<StopOrder>>,
}

/// The outcome of [`Registry::reserve`].
pub(super) enum Registered {
    Reserved(Seat),
    Taken(Started),
    Closed,
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            state: Arc::default(),
            changes: broadcast::Sender::new(CHANGES),
        }
    }
}

impl Registry {
    /// What is under an id.
    pub(super) fn find(&self, id: &str, fingerprint: Fingerprint) -> Option<Started> {
        self.state
            .lock()
            .occupants
            .get(id)
            .map(|occupant| occupant.already_there(fingerprint))
    }

    /// Takes the id in state STARTING, unless it is taken or the room is closed.
    pub(super) fn reserve(
        &self,
        request: &StartRequest,
        fingerprint: Fingerprint,
        components: u64,
    ) -> Registered {
        let (stop, stopped) = watch::channel(None);
        let mut state = self.state.lock();
        if let Some(occupant) = state.occupants.get(&request.id) {
            return Registered::Taken(occupant.already_there(fingerprint));
        }
        if state.closed {
            return Registered::Closed;
        }
        let mut occupant = Occupant {
            namespace: request.workload.namespace.clone(),
            name: request.workload.name.clone(),
            control_plane: request.extension.control_plane.clone(),
            revision: request.extension.revision.clone(),
            fingerprint,
            components,
            report: WorkloadReport::default(),
            stop,
        };
        occupant.become_state(
            &request.id,
            WorkloadState::Starting,
            None,
            "Workload is starting",
        );
        self.tell(&occupant);
        state.occupants.insert(request.id.clone(), occupant);
        Registered::Reserved(Seat {
            registry: self.clone(),
            id: request.id.clone(),
            stopped,
        })
    }

    pub(super) fn report(&self, id: &str) -> Option<WorkloadReport> {
        self.state
            .lock()
            .occupants
            .get(id)
            .map(|occupant| occupant.report.clone())
    }

    /// Orders a workload to stop. A second order changes nothing, not even the time the first gave.
    pub(super) fn stop(&self, id: &str, drain: StopOrder) -> Option<WorkloadReport> {
        let mut state = self.state.lock();
        let occupant = state.occupants.get_mut(id)?;
        self.order(id, occupant, drain);
        Some(occupant.report.clone())
    }

    pub(super) fn stop_all(&self, drain: StopOrder) {
        let mut state = self.state.lock();
        for (id, occupant) in &mut state.occupants {
            self.order(id, occupant, drain);
        }
    }

    fn order(&self, id: &str, occupant: &mut Occupant, drain: StopOrder) {
        let first = occupant.stop.send_if_modified(|order| {
            let first = order.is_none();
            order.get_or_insert(drain);
            first
        });
        if first {
            occupant.become_state(id, WorkloadState::Stopping, None, "Workload is stopping");
            self.tell(occupant);
        }
    }

    pub(super) fn close(&self) {
        self.state.lock().closed = true;
    }

    pub(super) fn changes(&self) -> broadcast::Receiver<StateChange> {
        self.changes.subscribe()
    }

    pub(super) fn counts(&self) -> Counts {
        let state = self.state.lock();
        let running = |occupant: &&Occupant| state_of(&occupant.report) == WorkloadState::Running;
        Counts {
            workloads: state.occupants.len() as u64,
            components: state
                .occupants
                .values()
                .filter(running)
                .map(|occupant| occupant.components)
                .sum(),
        }
    }

    pub(super) fn inventory(&self, page: &InventoryRequest) -> Inventory {
        use std::ops::Bound::{Excluded, Unbounded};
        let limit = match page.limit as usize {
            0 => PAGE,
            limit => limit.min(PAGE),
        };
        let from = if page.r#continue.is_empty() {
            Unbounded
        } else {
            Excluded(page.r#continue.as_str())
        };
        let state = self.state.lock();
        let mut rest = state.occupants.range::<str, _>((from, Unbounded));
        let items: Vec<_> = rest
            .by_ref()
            .take(limit)
            .map(|(id, occupant)| occupant.item(id))
            .collect();
        let next = match (rest.next(), items.last()) {
            (Some(_), Some(last)) => last.id.clone(),
            _ => String::new(),
        };
        Inventory {
            items,
            r#continue: next,
        }
    }

    fn tell(&self, occupant: &Occupant) {
        // Nobody listening is no fault.
        let _heard = self.changes.send(StateChange {
            namespace: occupant.namespace.clone(),
            name: occupant.name.clone(),
            control_plane: occupant.control_plane.clone(),
            report: occupant.report.clone(),
        });
    }
}

impl Occupant {
    fn already_there(&self, fingerprint: Fingerprint) -> Started {
        Started::AlreadyThere {
            report: self.report.clone(),
            same: self.fingerprint == fingerprint,
        }
    }

    fn become_state(
        &mut self,
        id: &str,
        state: WorkloadState,
        reason: Option<Reason>,
        message: impl Into<String>,
    ) {
        let old = std::mem::take(&mut self.report);
        let since = if state_of(&old) == state {
            old.since
        } else {
            Some(timestamp(SystemTime::now()))
        };
        self.report = WorkloadReport {
            reason: reason
                .map(|reason| reason.as_str().to_owned())
                .unwrap_or_default(),
            images: old.images,
            restarts: old.restarts,
            since,
            sequence: old.sequence + 1,
            ..report(id, state, message)
        };
    }

    fn item(&self, id: &str) -> InventoryItem {
        InventoryItem {
            id: id.to_owned(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            control_plane: self.control_plane.clone(),
            revision: self.revision.clone(),
            state: state_of(&self.report).into(),
            restarts: self.report.restarts,
            since: self.report.since,
        }
    }
}

/// A workload's own place. Dropping it frees the id: nothing of the workload is left.
pub(super) struct Seat {
    registry: Registry,
    id: String,
    stopped: watch::Receiver<Option<StopOrder>>,
}

impl Seat {
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn report(&self) -> WorkloadReport {
        self.registry.report(&self.id).unwrap_or_default()
    }

    /// Waits for the order to stop.
    pub(super) async fn stopped(&mut self) -> StopOrder {
        match self.stopped.wait_for(Option::is_some).await {
            Ok(order) => order.flatten(),
            Err(_) => None,
        }
    }

    /// Reports a state, unless the workload is stopping, which nothing but its end follows.
    pub(super) fn set(
        &self,
        state: WorkloadState,
        reason: Option<Reason>,
        message: impl Into<String>,
    ) {
        self.change(|id, occupant| occupant.become_state(id, state, reason, message));
    }

    /// Reports a running service's restarts with the state.
    pub(super) fn set_service(
        &self,
        state: WorkloadState,
        reason: Option<Reason>,
        message: String,
        restarts: u64,
    ) {
        self.change(|id, occupant| {
            occupant.report.restarts = u32::try_from(restarts).unwrap_or(u32::MAX);
            occupant.become_state(id, state, reason, message);
        });
    }

    /// Notes which images the workload runs; told with the next state.
    pub(super) fn set_images(&self, images: Vec<ImageDigest>) {
        if let Some(occupant) = self.registry.state.lock().occupants.get_mut(&self.id) {
            occupant.report.images = images;
        }
    }

    fn change(&self, apply: impl FnOnce(&str, &mut Occupant)) {
        let mut state = self.registry.state.lock();
        if let Some(occupant) = state.occupants.get_mut(&self.id)
            && occupant.stop.borrow().is_none()
        {
            apply(&self.id, occupant);
            self.registry.tell(occupant);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let gone = self.registry.state.lock().occupants.remove(&self.id);
        if let Some(mut gone) = gone {
            gone.become_state(&self.id, WorkloadState::NotFound, None, "Workload is gone");
            self.registry.tell(&gone);
        }
    }
}

#[cfg(test)]
mod tests;
