//! One reading of everything that is measured.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use testbed::fake_hosts::FakeFleet;

use crate::operator::Operator;

pub struct Reading {
    pub at: Instant,
    /// Requests to the API server by verb and resource.
    pub requests: BTreeMap<(String, String), u64>,
    pub cpu: Duration,
    pub rss: u64,
    pub beats_sent: u64,
    pub beats_heard: u64,
    pub probes: u64,
    pub reconciles: u64,
}

impl Reading {
    pub async fn take(operator: &Operator, fleet: &FakeFleet) -> Result<Self> {
        let text = operator.metrics().await?;
        Ok(Self {
            at: Instant::now(),
            requests: requests(&text),
            cpu: operator.cpu()?,
            rss: operator.rss()?,
            beats_sent: fleet.beats(),
            beats_heard: sum(&text, "wasmcloud_operator_heartbeats_received_total"),
            probes: fleet.probes() as u64,
            reconciles: sum(&text, "controller_runtime_reconcile_total"),
        })
    }
}

/// Requests by verb and resource.
pub fn requests(text: &str) -> BTreeMap<(String, String), u64> {
    let mut all = BTreeMap::new();
    for line in text.lines() {
        let Some(labels) = line.strip_prefix("rest_client_requests_total{") else {
            continue;
        };
        let Some((labels, value)) = labels.rsplit_once("} ") else {
            continue;
        };
        let label = |name: &str| {
            let part = labels.split(',').find_map(|l| l.strip_prefix(name));
            part.unwrap_or_default().trim_matches(['=', '"']).to_owned()
        };
        *all.entry((label("verb"), label("resource"))).or_default() +=
            value.parse::<u64>().unwrap_or_default();
    }
    all
}

/// The sum of a counter over its labels.
fn sum(text: &str, name: &str) -> u64 {
    text.lines()
        .filter_map(|line| line.strip_prefix(name))
        .filter(|rest| rest.starts_with(['{', ' ']))
        .filter_map(|rest| rest.rsplit_once(' ')?.1.parse::<f64>().ok())
        .map(|value| value as u64)
        .sum()
}

/// Whether a request of this verb changes something.
pub fn is_write(verb: &str) -> bool {
    matches!(
        verb.to_ascii_uppercase().as_str(),
        "POST" | "PUT" | "PATCH" | "DELETE" | "CREATE" | "UPDATE" | "APPLY" | "DELETECOLLECTION"
    )
}

/// Writes so far.
pub fn writes(requests: &BTreeMap<(String, String), u64>) -> u64 {
    let writes = requests.iter().filter(|((verb, _), _)| is_write(verb));
    writes.map(|(_, count)| count).sum()
}
