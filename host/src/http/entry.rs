//! A workload on the router: its handler, its open requests, and whether it drains.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use super::{
    handler::{Drained, HttpHandler},
    metrics::WorkloadMetrics,
};

/// One registration. Shared by the table, its requests and its guard.
pub(super) struct Entry {
    handler: Arc<dyn HttpHandler>,
    metrics: WorkloadMetrics,
    active: AtomicUsize,
    draining: AtomicBool,
    idle: Notify,
}

impl Entry {
    pub(super) fn new(handler: Arc<dyn HttpHandler>, metrics: WorkloadMetrics) -> Arc<Self> {
        Arc::new(Self {
            handler,
            metrics,
            active: AtomicUsize::new(0),
            draining: AtomicBool::new(false),
            idle: Notify::new(),
        })
    }

    pub(super) fn handler(&self) -> &Arc<dyn HttpHandler> {
        &self.handler
    }

    pub(super) fn metrics(&self) -> &WorkloadMetrics {
        &self.metrics
    }

    pub(super) fn active(&self) -> usize {
        self.active.load(Ordering::Acquire)
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Counts a request until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> InFlight {
        self.active.fetch_add(1, Ordering::AcqRel);
        self.metrics.begin();
        InFlight {
            entry: Arc::clone(self),
        }
    }

    /// Marks the entry, waits `endpoint_delay` for those who still send here to learn of it, then for the
    /// last open request; ends at `deadline` in any case.
    pub(super) async fn drain(&self, endpoint_delay: Duration, deadline: Instant) -> Drained {
        self.draining.store(true, Ordering::Release);
        let learnt = Instant::now() + endpoint_delay;
        tokio::time::sleep_until(learnt.min(deadline)).await;
        if tokio::time::timeout_at(deadline, self.wait_idle())
            .await
            .is_ok()
        {
            Drained::Idle
        } else {
            Drained::Deadline {
                in_flight: self.active(),
            }
        }
    }

    async fn wait_idle(&self) {
        loop {
            let notified = self.idle.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if self.active() == 0 {
                return;
            }
            notified.await;
        }
    }
}

/// An open request. A handler that upgrades a connection finds it in the request's extensions and keeps it
/// as long as the upgraded stream lives; everyone else can ignore it.
pub struct InFlight {
    entry: Arc<Entry>,
}

impl Clone for InFlight {
    fn clone(&self) -> Self {
        self.entry.begin()
    }
}

impl InFlight {
    pub(super) fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.entry.metrics.end();
        if self.entry.active.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.entry.idle.notify_waiters();
        }
    }
}
