//! Reconciles, under the names that controller-runtime gave them.

use crate::error::ReconcileError;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use service::metrics::Metrics;
use std::time::Instant;

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Controller {
    controller: &'static str,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Ended {
    controller: &'static str,
    result: &'static str,
}

#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Failed {
    controller: &'static str,
    category: &'static str,
}

/// Reconciles of every controller.
#[derive(Clone, Debug)]
pub struct Reconciles {
    ended: Family<Ended, Counter>,
    failed: Family<Failed, Counter>,
    durations: Family<Controller, Histogram, fn() -> Histogram>,
    active: Family<Controller, Gauge>,
}

impl Reconciles {
    pub(super) fn register(metrics: &Metrics) -> Self {
        let registry = metrics.sub_registry("controller_runtime", Vec::new());
        let durations: Family<Controller, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.0005, 4.0, 10)));
        Self {
            ended: registry.register(
                "reconcile",
                "Reconciles by controller and result",
                Family::default(),
            ),
            failed: registry.register(
                "reconcile_errors",
                "Failed reconciles by controller and category of the error",
                Family::default(),
            ),
            durations: registry.register(
                "reconcile_time_seconds",
                "Time one reconcile takes, by controller",
                durations,
            ),
            active: registry.register(
                "active_workers",
                "Reconciles under way, by controller",
                Family::default(),
            ),
        }
    }

    /// One reconcile begins.
    pub fn begin(&self, controller: &'static str) -> Running<'_> {
        self.active.get_or_create(&Controller { controller }).inc();
        Running {
            all: self,
            controller,
            started: Instant::now(),
        }
    }
}

/// A reconcile under way. One that is dropped without a word was cancelled and counts as such.
#[derive(Debug)]
pub struct Running<'a> {
    all: &'a Reconciles,
    controller: &'static str,
    started: Instant,
}

impl Running<'_> {
    /// It ended well: `success`, `requeue` or `requeue_after`.
    pub fn ended(self, result: &'static str) {
        self.count(result);
    }

    /// It failed.
    pub fn failed(self, error: &ReconcileError) {
        let (controller, category) = (self.controller, error.category());
        self.count("error");
        self.all
            .failed
            .get_or_create(&Failed {
                controller,
                category,
            })
            .inc();
    }

    fn count(&self, result: &'static str) {
        let controller = self.controller;
        self.all
            .ended
            .get_or_create(&Ended { controller, result })
            .inc();
        self.all
            .durations
            .get_or_create(&Controller { controller })
            .observe(self.started.elapsed().as_secs_f64());
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let controller = self.controller;
        self.all
            .active
            .get_or_create(&Controller { controller })
            .dec();
    }
}
