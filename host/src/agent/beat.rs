//! Heartbeats and announcements: what a host says of itself. They have a task of their own, so that no command delays them.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use protocol::bus::{BusError, Headers, SharedBus};
use protocol::ext::HostAnnouncement;
use protocol::time::timestamp;
use protocol::v2::HostHeartbeat;
use protocol::{EXTENSION_LEVEL, json, subject};
use tokio_util::sync::CancellationToken;

use super::Front;
use super::identity::HostIdentity;
use super::machine::Machine;
use super::workloads::Workloads;

/// Time between two heartbeats. Three missed ones make a host lost.
pub const INTERVAL: Duration = Duration::from_secs(15);

/// Where the host is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It takes workloads.
    Serving,
    /// It takes no new ones and is about to stop.
    Draining,
    /// It has stopped everything and leaves.
    Gone,
}

/// Makes what a host says of itself.
pub struct Voice {
    identity: HostIdentity,
    front: Front,
    workloads: Arc<dyn Workloads>,
    machine: Mutex<Machine>,
    bus: SharedBus,
    /// Held while an announcement is made and sent: none may overtake the one of a later phase.
    phase: tokio::sync::Mutex<Phase>,
}

impl Voice {
    pub fn new(
        identity: HostIdentity,
        front: Front,
        workloads: Arc<dyn Workloads>,
        bus: SharedBus,
    ) -> Self {
        Self {
            identity,
            front,
            workloads,
            machine: Mutex::new(Machine::default()),
            bus,
            phase: tokio::sync::Mutex::new(Phase::Serving),
        }
    }

    /// The heartbeat of now.
    pub fn heartbeat(&self) -> HostHeartbeat {
        let usage = self.machine.lock().usage();
        let counts = self.workloads.counts();
        HostHeartbeat {
            id: self.identity.id.clone(),
            hostname: self.identity.hostname.clone(),
            friendly_name: self.identity.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            labels: self.identity.labels.clone(),
            started_at: Some(timestamp(self.identity.started)),
            os_arch: std::env::consts::ARCH.to_owned(),
            os_name: std::env::consts::OS.to_owned(),
            os_kernel: sysinfo::System::kernel_version().unwrap_or_default(),
            system_cpu_usage: usage.cpu_percent,
            system_memory_total: usage.memory_total,
            system_memory_free: usage.memory_free,
            component_count: counts.components,
            workload_count: counts.workloads,
            imports: self.workloads.imports(),
            exports: self.workloads.exports(),
            http_port: self.front.port.into(),
            environment: self.identity.environment.clone(),
        }
    }

    fn announcement(&self, phase: Phase) -> HostAnnouncement {
        let (capacity, allocated) = self.workloads.capacity();
        let (cpu_millis, memory) = self.machine.lock().limits();
        HostAnnouncement {
            id: self.identity.id.clone(),
            friendly_name: self.identity.name.clone(),
            protocol: EXTENSION_LEVEL,
            capacity: Some(protocol::ext::Capacity {
                cpu_millis,
                memory,
                ..capacity
            }),
            allocated: Some(allocated),
            labels: self.identity.labels.clone(),
            addresses: self.front.addresses.clone(),
            http_port: self.front.port.into(),
            public_key: bytes::Bytes::new().into(),
            draining: phase != Phase::Serving,
            goodbye: phase == Phase::Gone,
            offers: self.workloads.imports(),
            started_at: Some(timestamp(self.identity.started)),
            environment: self.identity.environment.clone(),
            workload_ports: self.front.workload_ports.to_string(),
        }
    }

    /// Publishes the announcement, then the heartbeat: an operator that hears the heartbeat knows what the host can do.
    pub async fn speak(&self) -> Result<(), BusError> {
        {
            let phase = self.phase.lock().await;
            self.announce(*phase).await?;
        }
        let heartbeat = json::encode(&self.heartbeat());
        let subject = subject::heartbeat(&self.identity.id).map_err(invalid)?;
        self.bus
            .publish(&subject, Headers::new(), heartbeat.into())
            .await
    }

    /// Moves on to another phase and says so; every announcement after this one does too.
    pub async fn enter(&self, phase: Phase) -> Result<(), BusError> {
        let mut held = self.phase.lock().await;
        *held = phase;
        self.announce(phase).await
    }

    async fn announce(&self, phase: Phase) -> Result<(), BusError> {
        let announcement = json::encode(&self.announcement(phase));
        let subject = subject::announcement(&self.identity.id).map_err(invalid)?;
        self.bus
            .publish(&subject, Headers::new(), announcement.into())
            .await
    }
}

fn invalid(error: subject::InvalidToken) -> BusError {
    BusError::InvalidSubject {
        subject: error.0,
        problem: "a host id is one token of letters, digits, `-` and `_`",
    }
}

/// The first pause after a start or a reconnect. An operator that starts or returns at the same moment listens a little
/// later; it should not have to wait for a whole interval.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The times between heartbeats: doubling from [`FIRST_PAUSE`] up to the interval.
struct Pauses {
    interval: Duration,
    next: Duration,
}

impl Pauses {
    fn new(interval: Duration) -> Self {
        Self {
            interval,
            next: FIRST_PAUSE,
        }
    }

    fn next(&mut self) -> Duration {
        let pause = self.next.min(self.interval);
        self.next = (pause * 2).min(self.interval);
        pause
    }
}

/// Speaks at once, at every interval and whenever the bus is back, until cancelled. A message that cannot be sent is
/// logged; only a bus that is closed for good ends this early.
pub async fn beat(
    voice: Arc<Voice>,
    interval: Duration,
    token: CancellationToken,
) -> Result<(), BusError> {
    let mut pauses = Pauses::new(interval);
    let mut pause = Duration::ZERO;
    let mut status = voice.bus.status();
    loop {
        tokio::select! {
            () = token.cancelled() => return Ok(()),
            () = tokio::time::sleep(pause) => pause = pauses.next(),
            changed = status.changed() => {
                if changed.is_err() {
                    return Err(BusError::Closed);
                }
                if !status.borrow_and_update().is_connected() {
                    continue;
                }
                pauses = Pauses::new(interval);
                pause = pauses.next();
            }
        }
        match voice.speak().await {
            Ok(()) => {}
            Err(BusError::Closed) => return Err(BusError::Closed),
            Err(error) => tracing::warn!(%error, "a heartbeat could not be sent"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_interval() {
        let seconds = |interval| {
            let mut pauses = Pauses::new(Duration::from_secs(interval));
            (0..6).map(|_| pauses.next().as_secs()).collect::<Vec<_>>()
        };
        assert_eq!(seconds(15), [1, 2, 4, 8, 15, 15]);
        assert_eq!(seconds(1), [1; 6]);
    }
}
