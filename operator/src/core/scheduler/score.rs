//! The best of the hosts that fit: spread first, then load, then images that are there already.

use super::filter::belongs;
use super::{Candidate, Demand};
use crd_types::hash::fnv1a;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The candidate with the least cost. Costs compare in this order: not where the last start failed, siblings in
/// the same topology domains, siblings on the same host, all workloads on the host, images still to be fetched.
pub(super) fn best<'c, 'a>(
    workload: &str,
    demand: &Demand<'_>,
    considered: &[&'c Candidate<'a>],
    fitting: &[&'c Candidate<'a>],
) -> Option<&'c Candidate<'a>> {
    let domains: Vec<BTreeMap<&str, usize>> = demand
        .topology_keys
        .iter()
        .map(|key| {
            let mut siblings = BTreeMap::new();
            // Also on hosts that take no more: a full zone is not an empty one.
            for host in considered.iter().filter(|host| belongs(demand, host)) {
                *siblings.entry(domain(host, key)).or_default() += host.siblings;
            }
            siblings
        })
        .collect();
    let cost = |host: &Candidate<'a>| {
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
            !host.has_images,
        )
    };
    let mut least: Vec<&Candidate<'a>> = Vec::new();
    let mut lowest = None;
    for host in fitting.iter().copied() {
        let cost = cost(host);
        match lowest.as_ref().map(|lowest| cost.cmp(lowest)) {
            Some(Ordering::Greater) => {}
            Some(Ordering::Equal) => least.push(host),
            Some(Ordering::Less) | None => {
                least.clear();
                least.push(host);
                lowest = Some(cost);
            }
        }
    }
    // Only what is equal so far is worth a hash.
    least
        .into_iter()
        .min_by_key(|host| (tie(workload, host.id), host.id))
}

fn domain<'h>(host: &'h Candidate<'_>, key: &str) -> &'h str {
    host.labels
        .and_then(|labels| labels.get(key))
        .map_or("", String::as_str)
}

fn tie(workload: &str, host: &str) -> u32 {
    fnv1a(format!("{workload}\n{host}").as_bytes())
}
