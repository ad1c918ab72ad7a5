//! Metrics of the HTTP front. Label values come from registered workloads and five status classes only,
//! never from a request, and a workload's series end with its last replica here.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use http::StatusCode;
use parking_lot::Mutex;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use super::handler::WorkloadIdentity;

/// Upper bounds of the duration histogram in seconds.
const BUCKETS: [f64; 15] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    namespace: Arc<str>,
    workload: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    namespace: Arc<str>,
    workload: Arc<str>,
    code: &'static str,
}

/// The front's metric families. Clones share them.
#[derive(Clone)]
pub struct HttpMetrics {
    families: Arc<Families>,
}

struct Families {
    requests: Family<RequestLabels, Counter>,
    in_flight: Family<Labels, Gauge>,
    duration: Family<Labels, Histogram, fn() -> Histogram>,
    unrouted: Counter,
    connections: Gauge,
    replicas: Mutex<HashMap<Labels, usize>>,
}

impl HttpMetrics {
    /// Creates the families and registers them. Once for a registry.
    pub fn register(registry: &mut Registry) -> Self {
        let families = Families {
            requests: Family::default(),
            in_flight: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            unrouted: Counter::default(),
            connections: Gauge::<i64, _>::default(),
            replicas: Mutex::default(),
        };
        registry.register(
            "http_requests",
            "HTTP requests answered, by workload and class of status",
            families.requests.clone(),
        );
        registry.register(
            "http_requests_in_flight",
            "HTTP requests whose response has not ended, by workload",
            families.in_flight.clone(),
        );
        registry.register(
            "http_request_duration_seconds",
            "Time from the head of a request to the end of its response, by workload",
            families.duration.clone(),
        );
        registry.register(
            "http_requests_unrouted",
            "HTTP requests that named no workload of this host",
            families.unrouted.clone(),
        );
        registry.register(
            "http_connections",
            "Open HTTP connections",
            families.connections.clone(),
        );
        Self {
            families: Arc::new(families),
        }
    }

    /// The handles of one replica, resolved once so that a request touches no map.
    pub(super) fn workload(&self, workload: &WorkloadIdentity) -> WorkloadMetrics {
        let labels = Labels {
            namespace: Arc::clone(&workload.namespace),
            workload: Arc::clone(&workload.owner),
        };
        *self
            .families
            .replicas
            .lock()
            .entry(labels.clone())
            .or_default() += 1;
        WorkloadMetrics {
            requests: CLASSES.map(|code| {
                self.families
                    .requests
                    .get_or_create_owned(&labels.with_code(code))
            }),
            in_flight: self.families.in_flight.get_or_create_owned(&labels),
            duration: self.families.duration.get_or_create_owned(&labels),
            labels,
            families: Arc::clone(&self.families),
        }
    }

    pub(super) fn unrouted(&self) {
        self.families.unrouted.inc();
    }

    /// Counts a connection until the guard is dropped.
    pub(super) fn connection(&self) -> OpenConnection {
        self.families.connections.inc();
        OpenConnection(self.families.connections.clone())
    }
}

impl Labels {
    fn with_code(&self, code: &'static str) -> RequestLabels {
        RequestLabels {
            namespace: Arc::clone(&self.namespace),
            workload: Arc::clone(&self.workload),
            code,
        }
    }
}

/// One replica's share of its workload's series.
pub(super) struct WorkloadMetrics {
    requests: [Counter<u64, AtomicU64>; CLASSES.len()],
    in_flight: Gauge,
    duration: Histogram,
    labels: Labels,
    families: Arc<Families>,
}

impl WorkloadMetrics {
    pub(super) fn begin(&self) {
        self.in_flight.inc();
    }

    pub(super) fn end(&self) {
        self.in_flight.dec();
    }

    pub(super) fn answered(&self, status: StatusCode, took: Duration) {
        if let Some(counter) = self
            .requests
            .get(usize::from(status.as_u16() / 100).wrapping_sub(1))
        {
            counter.inc();
        }
        self.duration.observe(took.as_secs_f64());
    }
}

impl Drop for WorkloadMetrics {
    fn drop(&mut self) {
        let mut replicas = self.families.replicas.lock();
        let Some(count) = replicas.get_mut(&self.labels) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            replicas.remove(&self.labels);
            for code in CLASSES {
                self.families.requests.remove(&self.labels.with_code(code));
            }
            self.families.in_flight.remove(&self.labels);
            self.families.duration.remove(&self.labels);
        }
    }
}

pub(super) struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}
