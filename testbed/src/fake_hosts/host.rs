//! One fake host: the handle a test holds.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result};
use parking_lot::Mutex;
use protocol::bus::SharedBus;
use protocol::subject::host_commands;
use protocol::v2::{WorkloadStartRequest, WorkloadState};
use protocol::{Reason, v2};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::behaviour::{Faults, OnStart, OnStop};
use super::options::{HostOptions, Speaks};
use super::shelf::{Did, Held};
use super::wire::Wire;

/// A running fake host. Clones are the same host; it is gone without a word when the last one is dropped.
#[derive(Clone)]
pub struct FakeHost {
    /// Its id: one per process.
    pub id: String,
    wire: Arc<Wire>,
    /// Cancelled while it is off the bus.
    link: Arc<Mutex<CancellationToken>>,
    life: CancellationToken,
    _end: Arc<DropGuard>,
}

impl fmt::Debug for FakeHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeHost")
            .field("name", &self.name())
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl FakeHost {
    /// A host on its own: it takes commands, and has sent its first heartbeat. Later ones are sent with
    /// [`FakeHost::beat`]; those of a [`super::FakeFleet`] are sent by the fleet.
    pub async fn start(bus: &SharedBus, name: &str, speaks: Speaks) -> Result<Self> {
        Self::with(bus, HostOptions::named(name).speaks(speaks)).await
    }

    /// A host that is not as [`FakeHost::start`] makes it.
    pub async fn with(bus: &SharedBus, options: HostOptions) -> Result<Self> {
        let host = Self::silent(bus, options).await?;
        host.wire.speak(&host.link()).await;
        Ok(host)
    }

    /// A host that takes commands and has not said anything yet.
    pub(super) async fn silent(bus: &SharedBus, options: HostOptions) -> Result<Self> {
        let wire = Arc::new(Wire::new(bus.clone(), options));
        let life = CancellationToken::new();
        let host = Self {
            id: wire.id.clone(),
            wire,
            link: Arc::new(Mutex::new(life.child_token())),
            _end: Arc::new(life.clone().drop_guard()),
            life,
        };
        host.listen().await?;
        Ok(host)
    }

    async fn listen(&self) -> Result<()> {
        let subject = host_commands(&self.id)?;
        let commands = self.wire.bus.subscribe(&subject).await.context(subject)?;
        let link = self.link();
        tokio::spawn(self.wire.clone().serve(commands, link));
        Ok(())
    }

    fn link(&self) -> CancellationToken {
        self.link.lock().clone()
    }

    /// Name of its Host object.
    pub fn name(&self) -> String {
        self.wire.options.lock().name.clone()
    }

    /// Its address.
    pub fn address(&self) -> String {
        self.wire.options.lock().hostname.clone()
    }

    /// Sends one more heartbeat, unless it is off the bus.
    pub async fn beat(&self) {
        let link = self.link();
        if !link.is_cancelled() {
            self.wire.speak(&link).await;
        }
    }

    /// Says something else of itself from now on, and says so at once.
    pub async fn change(&self, change: impl FnOnce(&mut HostOptions)) {
        change(&mut self.wire.options.lock());
        self.beat().await;
    }

    /// Says goodbye and leaves, having stopped everything.
    pub async fn goodbye(&self) {
        self.wire.shelf.lock().entries.clear();
        self.wire.say_goodbye().await;
        self.link().cancel();
    }

    /// Dies: its workloads are gone, and nobody was told.
    pub fn die(&self) {
        self.link().cancel();
        self.wire.shelf.lock().entries.clear();
    }

    /// Falls off the bus; its workloads go on.
    pub fn disconnect(&self) {
        self.link().cancel();
    }

    /// Is back on the bus with what it had, and says so.
    pub async fn reconnect(&self) -> Result<()> {
        *self.link.lock() = self.life.child_token();
        self.listen().await?;
        self.beat().await;
        Ok(())
    }

    /// A new process in its place: the same name, another id, nothing runs. The old one is dead.
    pub async fn restart(&self) -> Result<Self> {
        self.die();
        let options = self.wire.options.lock().clone();
        Self::with(&self.wire.bus, options).await
    }

    /// What becomes of starts from now on.
    pub fn on_start(&self, what: OnStart) {
        self.wire.shelf.lock().on_start = what;
    }

    /// What becomes of starts with this image from now on.
    pub fn on_image(&self, image: &str, what: OnStart) {
        self.wire.shelf.lock().on_image.insert(image.into(), what);
    }

    /// What becomes of stops from now on.
    pub fn on_stop(&self, what: OnStop) {
        self.wire.shelf.lock().on_stop = what;
    }

    /// From now on starts with this image fail.
    pub fn fail(&self, image: &str, reason: Reason, message: &str) {
        self.on_image(image, OnStart::Fails(reason, message.into()));
    }

    /// What the network does to its answers from now on.
    pub fn faults(&self, faults: Faults) {
        self.wire.network.set(faults);
    }

    /// The oldest start that nothing was said to is carried out after all; returns its workload. A host of the
    /// reference pulls first, and until then does not have the workload.
    pub async fn take_late(&self) -> Option<String> {
        let id = self.wire.shelf.lock().take_late()?;
        self.finish(&id).await;
        Some(id)
    }

    /// A workload that was starting runs.
    pub async fn finish(&self, workload: &str) {
        self.enter(
            workload,
            WorkloadState::Running,
            None,
            "Workload is Running",
        )
        .await;
    }

    /// A workload ends by itself, without error.
    pub async fn complete(&self, workload: &str) {
        self.enter(
            workload,
            WorkloadState::Completed,
            None,
            "Workload has completed",
        )
        .await;
    }

    /// A workload fails.
    pub async fn crash(&self, workload: &str, reason: Reason, message: &str) {
        self.enter(workload, WorkloadState::Error, Some(reason), message)
            .await;
    }

    async fn enter(
        &self,
        workload: &str,
        state: WorkloadState,
        reason: Option<Reason>,
        message: &str,
    ) {
        let held = self
            .wire
            .shelf
            .lock()
            .enter(workload, state, reason, message);
        if let Some(held) = held {
            self.wire.tell(workload, &held, &self.link()).await;
        }
    }

    /// A workload is gone from the host, and nobody is told.
    pub fn lose(&self, workload: &str) {
        self.wire.shelf.lock().entries.remove(workload);
    }

    /// A workload that somebody started here: another control plane, or ours long ago.
    pub fn plant(&self, workload: &str, control_plane: &str) {
        self.plant_for(workload, control_plane, "", "");
    }

    /// The same, for the object of this name.
    pub fn plant_for(&self, workload: &str, control_plane: &str, namespace: &str, name: &str) {
        let start = WorkloadStartRequest {
            workload_id: workload.into(),
            workload: Some(v2::Workload {
                namespace: namespace.into(),
                name: name.into(),
                ..v2::Workload::default()
            }),
        };
        let extension = protocol::ext::StartExtension {
            control_plane: control_plane.into(),
            ..protocol::ext::StartExtension::default()
        };
        let held = Held {
            start,
            extension,
            state: WorkloadState::Running,
            reason: None,
            message: "Workload is Running".into(),
            sequence: 1,
        };
        self.wire.shelf.lock().entries.insert(workload.into(), held);
    }

    /// Workloads that run, with their command.
    pub fn running(&self) -> Vec<WorkloadStartRequest> {
        let shelf = self.wire.shelf.lock();
        shelf.running().map(|held| held.start.clone()).collect()
    }

    /// Everything it has, in any state, by workload id.
    pub fn held(&self) -> Vec<(String, Held)> {
        let shelf = self.wire.shelf.lock();
        let entries = shelf.entries.iter();
        entries
            .map(|(id, held)| (id.clone(), held.clone()))
            .collect()
    }

    /// Starts that were asked for, refused and repeated ones included.
    pub fn starts(&self) -> usize {
        self.wire.shelf.lock().asked
    }

    /// Starts that it took on: the same workload twice only if it had it twice.
    pub fn taken_on(&self) -> usize {
        let shelf = self.wire.shelf.lock();
        let started = |did: &&Did| matches!(did, Did::Started(_));
        shelf.log.iter().filter(started).count()
    }

    /// What was started and stopped, in order.
    pub fn log(&self) -> Vec<Did> {
        self.wire.shelf.lock().log.clone()
    }

    /// How often it was asked for a heartbeat.
    pub fn probes(&self) -> usize {
        self.wire.shelf.lock().probes
    }

    /// How often it was asked for everything it has.
    pub fn inventories(&self) -> usize {
        self.wire.shelf.lock().inventories
    }

    /// How often it was asked after a workload.
    pub fn looks(&self) -> usize {
        self.wire.shelf.lock().looks
    }

    /// Whether it is on the bus.
    pub fn connected(&self) -> bool {
        !self.link().is_cancelled()
    }

    /// Heartbeats it sent of its own accord.
    pub fn beats(&self) -> u64 {
        self.wire.beats.load(Ordering::Relaxed)
    }

    /// Messages the bus did not take.
    pub fn unsent(&self) -> u64 {
        self.wire.unsent.load(Ordering::Relaxed)
    }
}
