//! Which host runs a workload: filter, then score, or say of every host why it does not fit.

mod explain;
mod filter;
mod score;

use crd_types::HostInterface;
use std::collections::BTreeMap;

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
    pub offers: Option<Vec<Offer<'a>>>,
    /// Whether it can honour what goes beyond the base protocol.
    pub extended: bool,
    /// Whether it serves HTTP.
    pub serves_http: bool,
    /// Workloads placed there, of any kind.
    pub workloads: usize,
    /// Most workloads it takes, if it said.
    pub capacity: Option<usize>,
    /// Workloads of the same ReplicaSet placed there.
    pub siblings: usize,
    /// The workload's last start failed there.
    pub failed_last: bool,
}

/// A package that a host's plugins serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer<'a> {
    /// Namespace of the WIT package.
    pub namespace: &'a str,
    /// Name of the WIT package.
    pub package: &'a str,
    /// Version, empty when not given.
    pub version: &'a str,
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
    score::best(workload, demand, &fitting)
        .map(|c| c.id)
        .ok_or_else(|| NoHostFits::new(considered.len(), misfits))
}

#[cfg(test)]
mod tests;
