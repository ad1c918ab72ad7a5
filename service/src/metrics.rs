//! One metrics endpoint for all parts of a process.
//!
//! [`Metrics`] is the process; each part asks for a registry of its own with a prefix and constant labels, so no part
//! can collide with another and a restarted part replaces its former numbers instead of doubling them.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::encoding::text;
use prometheus_client::registry::{Metric, Registry};

/// The content type of what [`Metrics::encode`] returns.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Constant labels of a part.
pub type Labels = Vec<(String, String)>;

#[derive(Default)]
struct Parts(Mutex<Vec<SubRegistry>>);

/// All metrics of a process. Clones share them.
#[derive(Clone, Default)]
pub struct Metrics {
    parts: Arc<Parts>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics")
            .field("parts", &self.parts.0.lock().len())
            .finish()
    }
}

impl Metrics {
    /// A process without metrics.
    pub fn new() -> Self {
        Self::default()
    }

    /// A registry for one part. `prefix` goes before each name (joined by `_`), `labels` onto each sample.
    ///
    /// One part owns a pair of prefix and labels: asking for it again gives an empty registry that replaces the first.
    pub fn sub_registry(&self, prefix: &str, labels: Labels) -> SubRegistry {
        let constant = labels
            .iter()
            .map(|(k, v)| (Cow::Owned(k.clone()), Cow::Owned(v.clone())));
        let part = SubRegistry {
            prefix: Arc::from(prefix),
            registry: Arc::new(Mutex::new(Registry::with_prefix_and_labels(
                prefix, constant,
            ))),
            labels: Arc::new(labels),
        };
        let mut parts = self.parts.0.lock();
        parts.retain(|other| other.prefix != part.prefix || other.labels != part.labels);
        parts.push(part.clone());
        part
    }

    /// Every metric in the OpenMetrics text format.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut out = String::new();
        // The list is copied so that an encoder that waits does not hold up a part that registers.
        let parts = self.parts.0.lock().clone();
        for part in &parts {
            text::encode_registry(&mut out, &part.registry.lock())?;
        }
        text::encode_eof(&mut out)?;
        Ok(out)
    }
}

/// The metrics of one part. Clones share them.
#[derive(Clone)]
pub struct SubRegistry {
    prefix: Arc<str>,
    labels: Arc<Labels>,
    registry: Arc<Mutex<Registry>>,
}

impl fmt::Debug for SubRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubRegistry")
            .field("prefix", &self.prefix)
            .field("labels", &self.labels)
            .finish_non_exhaustive()
    }
}

impl SubRegistry {
    /// Registers `metric` and returns it. Counters are given without `_total`, help without a final full stop:
    /// the format adds both.
    pub fn register<M: Metric + Clone>(&self, name: &str, help: &str, metric: M) -> M {
        self.registry.lock().register(name, help, metric.clone());
        metric
    }

    /// Direct access, for collectors and units.
    pub fn with<T>(&self, register: impl FnOnce(&mut Registry) -> T) -> T {
        register(&mut self.registry.lock())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::metrics::counter::Counter;

    #[test]
    fn parts_are_told_apart_by_prefix_and_labels() {
        let metrics = Metrics::new();
        let counter: Counter = Counter::default();
        let one = metrics.sub_registry("host", vec![("host".into(), "a".into())]);
        one.register("requests", "Requests served", counter.clone())
            .inc_by(3);
        metrics
            .sub_registry("operator", Vec::new())
            .register::<Counter>("reconciles", "Runs", Counter::default());
        let text = metrics.encode().unwrap();
        assert!(text.contains("host_requests_total{host=\"a\"} 3"), "{text}");
        assert!(text.contains("operator_reconciles_total 0"), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }

    #[test]
    fn a_restarted_part_replaces_its_numbers() {
        let metrics = Metrics::new();
        for value in [7, 1] {
            let part = metrics.sub_registry("host", Vec::new());
            part.register::<Counter>("requests", "Requests served", Counter::default())
                .inc_by(value);
        }
        let text = metrics.encode().unwrap();
        assert!(text.contains("host_requests_total 1"), "{text}");
        assert_eq!(text.matches("# TYPE host_requests").count(), 1, "{text}");
    }
}
