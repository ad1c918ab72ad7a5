//! A host as known: what it said of itself, and when.

use crate::core::owed::Owed;
use crate::core::scheduler::{Offer, Strain};
use jiff::Timestamp;
use protocol::WorkloadPorts;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// What a heartbeat says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Beat {
    /// Host id.
    pub id: String,
    /// Name of the Host object.
    pub name: String,
    /// Address.
    pub hostname: String,
    /// Environment.
    pub environment: String,
    /// HTTP port; 0 for none.
    pub http_port: i32,
    /// Version of the program.
    pub version: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// When the process started.
    pub started_at: Option<Timestamp>,
    /// Operating system.
    pub os_name: String,
    /// Architecture.
    pub os_arch: String,
    /// Kernel.
    pub os_kernel: String,
    /// Processor use in percent.
    pub cpu_usage: f32,
    /// Memory in bytes.
    pub memory_total: u64,
    /// Free memory in bytes.
    pub memory_free: u64,
    /// Components that run.
    pub components: u64,
    /// Workloads of any state.
    pub workloads: u64,
    /// Packages that its plugins serve.
    pub offers: Vec<Offer>,
}

/// What goes beyond the base protocol.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Announced {
    /// Level of the extension.
    pub protocol: u32,
    /// Component instances it can hold.
    pub instances: Option<u64>,
    /// Memory for guests in bytes.
    pub memory: Option<u64>,
    /// Component instances promised.
    pub allocated_instances: Option<u64>,
    /// Memory promised in bytes.
    pub allocated_memory: Option<u64>,
    /// About to leave.
    pub draining: bool,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Addresses of the HTTP listener.
    pub addresses: Vec<String>,
    /// Packages that its plugins serve.
    pub offers: Vec<Offer>,
    /// Addresses that workloads may open for themselves, if it said so.
    pub workload_ports: Option<WorkloadPorts>,
}

impl Announced {
    /// Whether everything but what is promised to workloads is the same.
    pub fn same_but_load(&self, other: &Self) -> bool {
        let steady = |a: &Self| Self {
            allocated_instances: None,
            allocated_memory: None,
            ..a.clone()
        };
        steady(self) == steady(other)
    }
}

/// A host as known.
#[derive(Clone, Debug)]
pub struct HostView {
    /// Its last heartbeat, or what its object said when we started.
    pub beat: Beat,
    /// Its announcement.
    pub announced: Option<Announced>,
    /// Whether it was heard since we started.
    pub heard: bool,
    /// When it was last heard, or since when we listen.
    pub last_seen: Instant,
    /// The same by the clock of people.
    pub last_seen_at: Timestamp,
    /// When it was found lost, or left.
    pub lost_since: Option<Instant>,
    /// How it left for good, in words for people.
    pub left: Option<&'static str>,
    /// Its Pod is being stopped.
    pub leaving: bool,
    /// Id of the process that took its place.
    pub superseded_by: Option<String>,
    /// Stops that it did not take, or has to be told again; only of a host that cannot list what it has.
    pub owed: Vec<Owed>,
    /// Cordoned: its object says that it takes no new workloads.
    pub cordoned: bool,
    /// What it is short of at the moment.
    pub strain: Option<Strain>,
    pub(super) offers: Arc<[Offer]>,
    pub(super) no_responders: u32,
    pub(super) refused_at: Option<Instant>,
}

impl HostView {
    /// Heard since we started, and there when last asked.
    pub fn answers(&self) -> bool {
        self.heard && self.no_responders == 0
    }

    /// About to stop: it says so, or its Pod is.
    pub fn draining(&self) -> bool {
        self.leaving || self.announced.as_ref().is_some_and(|a| a.draining)
    }

    /// What its plugins serve; `None` when it said nothing.
    pub fn offers(&self) -> Option<&[Offer]> {
        if !self.heard || (self.beat.offers.is_empty() && self.announced.is_none()) {
            return None;
        }
        Some(&self.offers)
    }

    /// Puts together what heartbeat and announcement say that its plugins serve.
    pub(super) fn gather_offers(&mut self) {
        let announced = self.announced.iter().flat_map(|a| &a.offers);
        let mut offers: Vec<Offer> = Vec::new();
        for offer in self.beat.offers.iter().chain(announced) {
            if !offers.contains(offer) {
                offers.push(offer.clone());
            }
        }
        self.offers = offers.into();
    }
}
