//! Many fake hosts in one process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use futures::{StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;
use protocol::bus::SharedBus;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::behaviour::Faults;
use super::host::FakeHost;
use super::options::HostOptions;

/// Hosts whose subscriptions are made at one time.
const AT_A_TIME: usize = 64;
/// Most parts of an interval: in each, its share of the hosts speaks.
const SLOTS: u32 = 60;
/// The shortest part: a few hosts that speak often are no reason to wake up all the time.
const SLOT: Duration = Duration::from_millis(50);

/// Many hosts on one bus: a subscription and a small task each, one task for the heartbeats of all.
#[derive(Debug)]
pub struct FakeFleet {
    bus: SharedBus,
    hosts: Arc<Mutex<Vec<FakeHost>>>,
    beating: Mutex<CancellationToken>,
    stop: CancellationToken,
    _end: DropGuard,
}

impl FakeFleet {
    /// No hosts yet.
    pub fn new(bus: &SharedBus) -> Self {
        let stop = CancellationToken::new();
        Self {
            bus: bus.clone(),
            hosts: Arc::default(),
            beating: Mutex::new(stop.child_token()),
            _end: stop.clone().drop_guard(),
            stop,
        }
    }

    /// Adds one host. It has sent its first heartbeat.
    pub async fn add(&self, options: HostOptions) -> Result<FakeHost> {
        let host = FakeHost::with(&self.bus, options).await?;
        self.hosts.lock().push(host.clone());
        Ok(host)
    }

    /// Adds many; none has spoken before all of them take commands.
    pub async fn add_many(
        &self,
        count: usize,
        options: impl Fn(usize) -> HostOptions,
    ) -> Result<()> {
        let new: Vec<FakeHost> = stream::iter((0..count).map(options))
            .map(|options| FakeHost::silent(&self.bus, options))
            .buffer_unordered(AT_A_TIME)
            .try_collect()
            .await?;
        self.bus.flush().await?;
        for host in &new {
            host.beat().await;
        }
        self.hosts.lock().extend(new);
        Ok(())
    }

    /// From now on no host speaks unless it is told to; one that is about to still does.
    pub fn fall_silent(&self) {
        self.beating.lock().cancel();
    }

    /// From now on each host speaks once in every interval, spread over it.
    pub fn beat_every(&self, interval: Duration) {
        let stop = self.stop.child_token();
        std::mem::replace(&mut *self.beating.lock(), stop.clone()).cancel();
        let hosts = self.hosts.clone();
        let slots = interval.div_duration_f64(SLOT).clamp(1.0, f64::from(SLOTS)) as u32;
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(interval / slots);
            for slot in (0..slots as usize).cycle() {
                tokio::select! {
                    () = stop.cancelled() => return,
                    _ = ticks.tick() => {}
                }
                let all = hosts.lock().clone();
                for host in all.iter().skip(slot).step_by(slots as usize) {
                    host.beat().await;
                }
            }
        });
    }

    /// Replaces a host by a new process of the same name.
    pub async fn restart(&self, host: &FakeHost) -> Result<FakeHost> {
        let new = host.restart().await?;
        let mut hosts = self.hosts.lock();
        hosts.retain(|held| held.id != host.id);
        hosts.push(new.clone());
        Ok(new)
    }

    /// Every host.
    pub fn hosts(&self) -> Vec<FakeHost> {
        self.hosts.lock().clone()
    }

    /// What the network does to the answers of every host from now on, each with a series of its own.
    pub fn faults(&self, faults: Faults) {
        for (n, host) in self.hosts().iter().enumerate() {
            let seed = faults.seed.wrapping_add(n as u64);
            host.faults(Faults { seed, ..faults });
        }
    }

    /// Ids of the workloads that run somewhere, with the ids of the hosts they run on.
    pub fn running(&self) -> BTreeMap<String, Vec<String>> {
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for host in self.hosts() {
            for start in host.running() {
                all.entry(start.workload_id)
                    .or_default()
                    .push(host.id.clone());
            }
        }
        all
    }

    /// Starts that were asked for.
    pub fn starts(&self) -> usize {
        self.hosts().iter().map(FakeHost::starts).sum()
    }

    /// Heartbeats that were sent.
    pub fn beats(&self) -> u64 {
        self.hosts().iter().map(FakeHost::beats).sum()
    }

    /// How often hosts were asked for a heartbeat, which means that one was missed.
    pub fn probes(&self) -> usize {
        self.hosts().iter().map(FakeHost::probes).sum()
    }
}
