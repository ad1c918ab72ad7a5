//! A workload room that runs nothing: the test says what becomes of each workload.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use host::agent::workloads::{failed, report};
use host::agent::{Counts, StartRequest, Started, StateChange, Workloads};
use parking_lot::Mutex;
use protocol::Reason;
use protocol::ext::{Capacity, Inventory, InventoryItem, InventoryRequest, WorkloadReport};
use protocol::v2::{WitInterface, WorkloadState};
use tokio::sync::{Semaphore, broadcast};

/// Name of a workload that is refused for its allow-list.
pub const MALFORMED: &str = "malformed";

/// What the room was told, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    Start(String),
    Stop(String, Option<Duration>),
    Close,
    StopAll(Option<Duration>),
}

struct Held {
    request: StartRequest,
    report: WorkloadReport,
}

pub struct Fake {
    held: Mutex<BTreeMap<String, Held>>,
    told: Mutex<Vec<Told>>,
    changes: Mutex<Option<broadcast::Sender<StateChange>>>,
    /// Has a permit once `stop_all` may end.
    pub may_end: Semaphore,
}

impl Fake {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            held: Mutex::default(),
            told: Mutex::default(),
            changes: Mutex::new(Some(broadcast::channel(64).0)),
            may_end: Semaphore::new(0),
        })
    }

    pub fn told(&self) -> Vec<Told> {
        self.told.lock().clone()
    }

    /// The request a workload was started by.
    pub fn request(&self, id: &str) -> StartRequest {
        self.held.lock()[id].request.clone()
    }

    /// Moves a workload to another state, as the real room does when something happened.
    pub fn becomes(&self, now: WorkloadReport) {
        let id = now.status.as_ref().unwrap().workload_id.clone();
        let mut held = self.held.lock();
        let workload = held.get_mut(&id).expect("a workload of this id");
        workload.report = now.clone();
        let request = workload.request.clone();
        drop(held);
        self.tell(StateChange {
            namespace: request.workload.namespace,
            name: request.workload.name,
            control_plane: request.extension.control_plane,
            report: now,
        });
    }

    pub fn tell(&self, change: StateChange) {
        if let Some(changes) = &*self.changes.lock() {
            changes.send(change).expect("the agent listens");
        }
    }

    /// Forgets a workload, as the real room does when it has stopped.
    pub fn forget(&self, id: &str) {
        self.held.lock().remove(id).expect("a workload of this id");
    }

    /// Ends as a room whose task died does: nothing changes any more.
    pub fn die(&self) {
        self.changes.lock().take();
    }
}

fn same(one: &StartRequest, other: &StartRequest) -> bool {
    one.workload == other.workload && one.extension == other.extension
}

#[async_trait]
impl Workloads for Fake {
    async fn start(&self, request: StartRequest) -> Started {
        if self.told().contains(&Told::Close) {
            return Started::Refused {
                reason: Reason::HostDraining,
                message: "the host is about to stop".to_owned(),
            };
        }
        if request.workload.name == MALFORMED {
            return Started::Refused {
                reason: Reason::InvalidAllowList,
                message: "allowedHosts[0]: `*.*` is no host".to_owned(),
            };
        }
        let mut held = self.held.lock();
        if let Some(there) = held.get(&request.id) {
            return Started::AlreadyThere {
                report: there.report.clone(),
                same: same(&there.request, &request),
            };
        }
        let id = request.id.clone();
        let report = report(&id, WorkloadState::Starting, "pulling images");
        held.insert(
            id.clone(),
            Held {
                request,
                report: report.clone(),
            },
        );
        tracing::info!(target: "room", workload = %id, "started");
        self.told.lock().push(Told::Start(id));
        Started::Accepted(report)
    }

    fn report(&self, id: &str) -> Option<WorkloadReport> {
        self.held.lock().get(id).map(|held| held.report.clone())
    }

    fn stop(&self, id: &str, drain: Option<Duration>) -> Option<WorkloadReport> {
        let mut held = self.held.lock();
        let workload = held.get_mut(id)?;
        workload.report = report(id, WorkloadState::Stopping, "draining");
        self.told.lock().push(Told::Stop(id.to_owned(), drain));
        Some(workload.report.clone())
    }

    fn inventory(&self, page: &InventoryRequest) -> Inventory {
        let held = self.held.lock();
        let mut items: Vec<InventoryItem> = held
            .values()
            .filter(|held| held.request.id > page.r#continue)
            .map(|held| InventoryItem {
                id: held.request.id.clone(),
                namespace: held.request.workload.namespace.clone(),
                name: held.request.workload.name.clone(),
                control_plane: held.request.extension.control_plane.clone(),
                revision: held.request.extension.revision.clone(),
                state: held.report.status.as_ref().unwrap().workload_state,
                ..InventoryItem::default()
            })
            .collect();
        let limit = if page.limit == 0 { 100 } else { page.limit } as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().map(|item| item.id.clone());
        Inventory {
            r#continue: last.filter(|_| more).unwrap_or_default(),
            items,
        }
    }

    fn changes(&self) -> broadcast::Receiver<StateChange> {
        match &*self.changes.lock() {
            Some(changes) => changes.subscribe(),
            None => broadcast::channel(1).1,
        }
    }

    fn counts(&self) -> Counts {
        let workloads = self.held.lock().len() as u64;
        Counts {
            workloads,
            components: 2 * workloads,
        }
    }

    fn capacity(&self) -> (Capacity, Capacity) {
        let instances = |instances| Capacity {
            instances,
            ..Capacity::default()
        };
        (instances(1000), instances(self.held.lock().len() as u64))
    }

    fn imports(&self) -> Vec<WitInterface> {
        vec![WitInterface {
            namespace: "wasi".to_owned(),
            package: "config".to_owned(),
            version: "0.2.0-rc.1".to_owned(),
            interfaces: vec!["store".to_owned()],
            ..WitInterface::default()
        }]
    }

    fn exports(&self) -> Vec<WitInterface> {
        vec![WitInterface {
            namespace: "wasi".to_owned(),
            package: "http".to_owned(),
            interfaces: vec!["incoming-handler".to_owned()],
            ..WitInterface::default()
        }]
    }

    fn close(&self) {
        self.told.lock().push(Told::Close);
    }

    async fn stop_all(&self, drain: Option<Duration>) {
        self.told.lock().push(Told::StopAll(drain));
        self.may_end.acquire().await.unwrap().forget();
        let ids: Vec<String> = self.held.lock().keys().cloned().collect();
        for id in ids {
            self.becomes(failed(&id, Reason::HostDraining, "stopped with the host"));
            self.forget(&id);
        }
    }
}
