//! Placements and starts of workloads.

use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use protocol::Reason;
use service::metrics::SubRegistry;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Outcome {
    result: &'static str,
}

/// Placements and starts. Clones share the numbers.
#[derive(Clone, Debug)]
pub struct Placements {
    tried: Family<Outcome, Counter>,
    started: Family<Outcome, Counter>,
    until_running: Histogram,
    until_ready: Histogram,
    /// Workloads on their way to a host, by uid: no more than are not running.
    under_way: Arc<Mutex<HashMap<String, UnderWay>>>,
}

#[derive(Debug)]
struct UnderWay {
    since: Instant,
    sent: Option<Instant>,
}

fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.005, 2.5, 12))
}

impl Placements {
    pub(super) fn register(registry: &SubRegistry) -> Self {
        Self {
            tried: registry.register(
                "placements",
                "Searches for a host by result: placed, or the reason why not",
                Family::default(),
            ),
            started: registry.register(
                "starts",
                "Starts of workloads by result: running, or the reason of the failure",
                Family::default(),
            ),
            until_running: registry.register(
                "start_sent_to_running_seconds",
                "Time from sending a start to a host until the operator knows that the workload runs",
                seconds(),
            ),
            until_ready: registry.register(
                "pending_to_ready_seconds",
                "Time from the first look at a Workload without a host until it is Ready",
                seconds(),
            ),
            under_way: Arc::default(),
        }
    }

    /// A Workload has no host yet.
    pub fn pending(&self, uid: &str) {
        let mut under_way = self.under_way.lock();
        if !under_way.contains_key(uid) {
            let new = UnderWay {
                since: Instant::now(),
                sent: None,
            };
            under_way.insert(uid.to_owned(), new);
        }
    }

    /// A host was found and the start is sent there.
    pub fn placed(&self, uid: &str) {
        self.tried
            .get_or_create(&Outcome { result: "placed" })
            .inc();
        if let Some(held) = self.under_way.lock().get_mut(uid) {
            held.sent = Some(Instant::now());
        }
    }

    /// No host was looked for or found.
    pub fn unplaced(&self, reason: Reason) {
        let result = reason.as_str();
        self.tried.get_or_create(&Outcome { result }).inc();
    }

    /// It runs, and did not before.
    pub fn running(&self, uid: &str) {
        let Some(held) = self.under_way.lock().remove(uid) else {
            return;
        };
        self.started
            .get_or_create(&Outcome { result: "running" })
            .inc();
        self.until_ready.observe(held.since.elapsed().as_secs_f64());
        if let Some(sent) = held.sent {
            self.until_running.observe(sent.elapsed().as_secs_f64());
        }
    }

    /// It could not be started, or failed when it ran. A word that is no [`Reason`] counts as `other`.
    pub fn failed(&self, reason: &str) {
        let result = reason.parse().map_or("other", Reason::as_str);
        self.started.get_or_create(&Outcome { result }).inc();
    }

    /// It is gone.
    pub fn forget(&self, uid: &str) {
        self.under_way.lock().remove(uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use service::metrics::Metrics;

    #[test]
    fn a_start_is_timed_once() {
        let registry = Metrics::new();
        let all = Placements::register(&registry.sub_registry("p", Vec::new()));
        all.pending("w");
        all.unplaced(Reason::NoHostFits);
        all.pending("w");
        all.placed("w");
        all.running("w");
        all.running("w");
        all.failed("SomethingElse");
        let text = registry.encode().unwrap();
        for line in [
            "p_placements_total{result=\"placed\"} 1",
            "p_placements_total{result=\"NoHostFits\"} 1",
            "p_starts_total{result=\"running\"} 1",
            "p_starts_total{result=\"other\"} 1",
            "p_pending_to_ready_seconds_count 1",
            "p_start_sent_to_running_seconds_count 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
