//! Which host runs a workload: filter, then score, or say of every host why it does not fit.

mod explain;
mod filter;
mod score;

use crd_types::HostInterface;
use std::collections::BTreeMap;
use std::net::SocketAddr;

pub use explain::NoHostFits;
pub use filter::Misfit;

/// What the scheduler knows about a host.
#[derive(Clone, Debug, Default)]
pub struct Candidate<'a> {
    /// Host id.
    pub id: &'a str,
    /// Labels that the host reported.
    pub labels: Option<&'a BTreeMap<String, String>>,
    /// Environment that the host belongs to.
    pub environment: &'a str,
    /// Reporting, and not lost.
    pub ready: bool,
    /// Cordoned by a user.
    pub unschedulable: bool,
    /// About to leave.
    pub draining: bool,
    /// Interfaces of its plugins; `None` when it did not say.
    pub offers: Option<&'a [Offer]>,
    /// Whether it can honour what goes beyond the base protocol.
    pub extended: bool,
    /// Whether it serves HTTP.
    pub serves_http: bool,
    /// It uses more of its machine than new work may meet.
    pub strain: Option<Strain>,
    /// Workloads placed there, of any kind.
    pub workloads: usize,
    /// Instances that it can still keep, if it said how many it can.
    pub free_instances: Option<u64>,
    /// Bytes that it can still promise, if it said how many it can.
    pub free_memory: Option<u64>,
    /// Workloads of the same ReplicaSet placed there.
    pub siblings: usize,
    /// A port that the workload asks for and another Deployment has there.
    pub port_taken: Option<u16>,
    /// An address that the workload asks for and the host lets nobody open.
    pub port_refused: Option<SocketAddr>,
    /// Something there runs all of the workload's images.
    pub has_images: bool,
    /// The workload's last start failed there.
    pub failed_last: bool,
}

/// A package that a host's plugins serve.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// Namespace of the WIT package.
    pub namespace: String,
    /// Name of the WIT package.
    pub package: String,
    /// Version, empty when not given.
    pub version: String,
}

/// What a host is short of at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strain {
    /// Processor time.
    Cpu,
    /// Memory.
    Memory,
}

/// Use of a machine, in percent, above which a host takes no new work. Absent: whatever the use.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Thresholds {
    /// Of processor time.
    pub cpu: Option<f32>,
    /// Of memory.
    pub memory: Option<f32>,
}

impl Thresholds {
    /// What a host with these figures is short of.
    pub fn strain(&self, cpu: f32, memory_total: u64, memory_free: u64) -> Option<Strain> {
        let used =
            memory_total.saturating_sub(memory_free) as f32 * 100.0 / memory_total.max(1) as f32;
        if self.cpu.is_some_and(|most| cpu > most) {
            Some(Strain::Cpu)
        } else if self.memory.is_some_and(|most| used > most) {
            Some(Strain::Memory)
        } else {
            None
        }
    }
}

/// What a workload asks of its host.
#[derive(Clone, Debug, Default)]
pub struct Demand<'a> {
    /// Labels that the host must carry.
    pub selector: Option<&'a BTreeMap<String, String>>,
    /// The one host that will do.
    pub pinned: Option<&'a str>,
    /// Environment that the host must belong to.
    pub environment: Option<&'a str>,
    /// Capabilities.
    pub interfaces: &'a [HostInterface],
    /// What only a host with extensions can honour, in words for people: "memory limits".
    pub features: Vec<&'static str>,
    /// Bytes that it may use, as far as limits are given.
    pub memory: u64,
    /// Instances that are kept for it.
    pub instances: u64,
    /// Host labels over which the ReplicaSet is balanced before hosts.
    pub topology_keys: &'a [String],
}

/// The host to use. Among equals the one with the least hash of (workload, host), so that equal workloads do
/// not all meet on the first host of a list, and the same input gives the same answer.
pub fn place<'a>(
    workload: &str,
    demand: &Demand<'_>,
    candidates: &[Candidate<'a>],
) -> Result<&'a str, NoHostFits> {
    let pinned: Vec<&Candidate<'a>>;
    let considered: Vec<&Candidate<'a>> = match demand.pinned {
        Some(id) => {
            pinned = candidates.iter().filter(|c| c.id == id).collect();
            if pinned.is_empty() {
                return Err(NoHostFits::unknown_host(id));
            }
            pinned
        }
        None => candidates.iter().collect(),
    };
    let mut misfits = Vec::new();
    let mut fitting = Vec::with_capacity(considered.len());
    for candidate in &considered {
        match filter::check(demand, candidate) {
            Ok(()) => fitting.push(*candidate),
            Err(misfit) => misfits.push(misfit),
        }
    }
    score::best(workload, demand, &considered, &fitting)
        .map(|c| c.id)
        .ok_or_else(|| NoHostFits::new(considered.len(), misfits))
}

/// Whether a host would do, whatever others would.
pub fn fits(demand: &Demand<'_>, candidate: &Candidate<'_>) -> bool {
    demand.pinned.is_none_or(|id| id == candidate.id) && filter::check(demand, candidate).is_ok()
}

#[cfg(test)]
mod tests;
