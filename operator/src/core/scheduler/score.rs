//! The best of the hosts that fit: spread first, then load.

use super::{Candidate, Demand};
use crd_types::hash::fnv1a;
use std::collections::BTreeMap;

/// The candidate with the least cost. Costs compare in this order: not where the last start failed, siblings in
/// the same topology domains, siblings on the same host, all workloads on the host.
pub(super) fn best<'c, 'a>(
    workload: &str,
    demand: &Demand<'_>,
    fitting: &[&'c Candidate<'a>],
) -> Option<&'c Candidate<'a>> {
    let domains: Vec<BTreeMap<&str, usize>> = demand
        .topology_keys
        .iter()
        .map(|key| {
            let mut siblings = BTreeMap::new();
            for host in fitting {
                *siblings.entry(domain(host, key)).or_default() += host.siblings;
            }
            siblings
        })
        .collect();
    fitting.iter().copied().min_by_key(|host| {
        let crowding: Vec<usize> = demand
            .topology_keys
            .iter()
            .zip(&domains)
            .map(|(key, siblings)| siblings.get(domain(host, key)).copied().unwrap_or_default())
            .collect();
        (
            host.failed_last,
            crowding,
            host.siblings,
            host.workloads,
            tie(workload, host.id),
            host.id,
        )
    })
}

fn domain<'h>(host: &'h Candidate<'_>, key: &str) -> &'h str {
    host.labels
        .and_then(|labels| labels.get(key))
        .map_or("", String::as_str)
}

fn tie(workload: &str, host: &str) -> u32 {
    fnv1a(format!("{workload}\n{host}").as_bytes())
}
