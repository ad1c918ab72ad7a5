//! Warm instances of a called component: kept for the next call, given up when idle for long or when the
//! host needs their memory for others.

use super::callee::Running;
use crate::engine::{Permit, Permits};
use parking_lot::Mutex;
use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::runtime::Handle;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Bounds of the warm instances of one component.
#[derive(Clone, Copy, Debug)]
pub(super) struct WarmLimits {
    pub size: usize,
    pub max_invocations: Option<u32>,
    pub idle: Duration,
}

/// The warm instances of one component.
pub(super) struct WarmInstances {
    pub limits: WarmLimits,
    waiting: Mutex<Vec<Waiting>>,
    next: AtomicU64,
}

struct Waiting {
    number: u64,
    running: Running,
    permit: Permit,
    /// Ends the task that looks after it.
    _watched: DropGuard,
}

impl WarmInstances {
    pub(super) fn new(limits: WarmLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            waiting: Mutex::default(),
            next: AtomicU64::new(0),
        })
    }

    /// The most recently used one, which is the warmest.
    pub(super) fn take(&self) -> Option<(Running, Permit)> {
        let Waiting {
            running, permit, ..
        } = self.waiting.lock().pop()?;
        Some((running, permit))
    }

    /// Whether one more would be kept.
    pub(super) fn has_room(&self) -> bool {
        self.waiting.lock().len() < self.limits.size
    }

    /// Keeps an instance that is done with its call.
    pub(super) fn keep(
        self: &Arc<Self>,
        running: Running,
        permit: Permit,
        weight: u32,
        permits: &Permits,
        guests: &Handle,
    ) {
        let taken = CancellationToken::new();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut waiting = self.waiting.lock();
        if waiting.len() >= self.limits.size {
            return;
        }
        waiting.push(Waiting {
            number,
            running,
            permit,
            _watched: taken.clone().drop_guard(),
        });
        drop(waiting);
        let slot = permits.offer_idle(weight, Instant::now());
        let (this, idle): (Weak<Self>, _) = (Arc::downgrade(self), self.limits.idle);
        guests.spawn(async move {
            tokio::select! {
                () = taken.cancelled() => return,
                () = slot.evicted() => {}
                () = tokio::time::sleep(idle) => {}
            }
            if let Some(this) = this.upgrade() {
                let mut waiting = this.waiting.lock();
                if let Some(at) = waiting.iter().position(|waiting| waiting.number == number) {
                    let gone = waiting.remove(at);
                    // Dropping a store takes time that nobody shall wait for.
                    drop(waiting);
                    drop(gone);
                }
            }
        });
    }

    /// Drops them all.
    pub(super) fn clear(&self) {
        let gone = std::mem::take(&mut *self.waiting.lock());
        drop(gone);
    }
}
