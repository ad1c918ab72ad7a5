//! Permits: what an instance must hold while it lives, so that the pooling allocator is never asked for
//! more than it has.
//!
//! One permit stands for one linear memory and its stack. A component with all it is linked to takes what
//! it needs in one step before the first instantiation: taking them one by one deadlocks when nested calls
//! wait for each other's.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Held for the life of an instance; returned when dropped.
#[derive(Debug)]
pub struct Permit(#[expect(dead_code, reason = "held for its Drop")] Option<OwnedSemaphorePermit>);

/// No instance came free in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no instance came free within {waited:?}")]
pub struct Exhausted {
    /// How long was waited.
    pub waited: Duration,
}

/// The permits of an engine.
pub struct Permits {
    free: Arc<Semaphore>,
    total: u32,
    wait: Duration,
    idle: Arc<parking_lot::Mutex<Idle>>,
}

#[derive(Default)]
struct Idle {
    entries: BTreeMap<IdleKey, IdleEntry>,
    /// Acquisitions that wait: what becomes idle now has to go.
    waiting: usize,
}

/// By age: the oldest idle instance is the first to go.
type IdleKey = (Instant, usize);

struct IdleEntry {
    weight: u32,
    evicted: Arc<Eviction>,
}

#[derive(Default)]
struct Eviction {
    done: AtomicBool,
    notify: Notify,
}

impl Permits {
    /// `total` permits; an acquisition waits for at most `wait`.
    pub(super) fn new(total: u32, wait: Duration) -> Self {
        Self {
            free: Arc::new(Semaphore::new(total as usize)),
            total,
            wait,
            idle: Arc::default(),
        }
    }

    /// All permits there are.
    pub fn total(&self) -> u32 {
        self.total
    }

    /// Permits nobody holds now.
    pub fn free(&self) -> u32 {
        u32::try_from(self.free.available_permits()).unwrap_or(u32::MAX)
    }

    /// Takes `weight` permits at once. When too few are free, idle warm instances are evicted, oldest
    /// first, and their permits awaited.
    pub async fn acquire(&self, weight: u32) -> Result<Permit, Exhausted> {
        if let Some(permit) = self.try_acquire(weight) {
            return Ok(permit);
        }
        let _waiting = self.evict(weight.saturating_sub(self.free()));
        match tokio::time::timeout(self.wait, self.free.clone().acquire_many_owned(weight)).await {
            Ok(Ok(permit)) => Ok(Permit(Some(permit))),
            // The semaphore is never closed: the other case is the timeout.
            Ok(Err(_)) | Err(_) => Err(Exhausted { waited: self.wait }),
        }
    }

    /// Takes `weight` permits if they are free now.
    pub fn try_acquire(&self, weight: u32) -> Option<Permit> {
        self.free
            .clone()
            .try_acquire_many_owned(weight)
            .ok()
            .map(|permit| Permit(Some(permit)))
    }

    /// Offers an idle warm instance of `weight` for eviction, until the returned value is dropped.
    pub fn offer_idle(&self, weight: u32, since: Instant) -> IdleSlot {
        let evicted = Arc::<Eviction>::default();
        let key = (since, Arc::as_ptr(&evicted).addr());
        let mut idle = self.idle.lock();
        if idle.waiting > 0 {
            evicted.done.store(true, Ordering::Release);
        } else {
            let entry = IdleEntry {
                weight,
                evicted: evicted.clone(),
            };
            idle.entries.insert(key, entry);
        }
        drop(idle);
        IdleSlot {
            key,
            evicted,
            idle: self.idle.clone(),
        }
    }

    fn evict(&self, missing: u32) -> Waiting {
        let mut idle = self.idle.lock();
        idle.waiting += 1;
        let mut found = 0;
        while found < missing
            && let Some((_, entry)) = idle.entries.pop_first()
        {
            found += entry.weight;
            entry.evicted.done.store(true, Ordering::Release);
            entry.evicted.notify.notify_one();
        }
        Waiting(self.idle.clone())
    }
}

/// An acquisition waits.
struct Waiting(Arc<parking_lot::Mutex<Idle>>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.lock().waiting -= 1;
    }
}

/// An idle warm instance on offer.
pub struct IdleSlot {
    key: IdleKey,
    evicted: Arc<Eviction>,
    idle: Arc<parking_lot::Mutex<Idle>>,
}

impl IdleSlot {
    /// Ends when the instance must go. Whoever waits drops it and its permit then.
    pub async fn evicted(&self) {
        while !self.evicted.done.load(Ordering::Acquire) {
            self.evicted.notify.notified().await;
        }
    }
}

impl Drop for IdleSlot {
    fn drop(&mut self) {
        self.idle.lock().entries.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(total: u32) -> Permits {
        Permits::new(total, Duration::from_millis(20))
    }

    #[tokio::test]
    async fn what_does_not_come_free_in_time_is_refused() {
        let permits = permits(4);
        let held = permits.acquire(3).await.unwrap();
        assert_eq!(permits.free(), 1);
        assert!(permits.acquire(2).await.is_err());
        drop(held);
        assert!(permits.acquire(4).await.is_ok());
    }

    #[tokio::test]
    async fn idle_instances_go_oldest_first_and_only_as_many_as_needed() {
        let permits = Arc::new(Permits::new(4, Duration::from_secs(30)));
        let start = Instant::now();
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        for age in [2_u32, 1, 0] {
            let permit = permits.try_acquire(1).unwrap();
            let slot = permits.offer_idle(1, start + Duration::from_secs((10 - age).into()));
            let tell = tell.clone();
            tokio::spawn(async move {
                slot.evicted().await;
                tell.send(age).unwrap();
                drop(permit);
            });
        }
        let _permit = permits.acquire(3).await.unwrap();
        let mut gone = vec![told.recv().await.unwrap(), told.recv().await.unwrap()];
        gone.sort_unstable();
        assert_eq!(gone, [1, 2]);
        assert!(told.try_recv().is_err());
    }

    #[tokio::test]
    async fn what_becomes_idle_while_somebody_waits_goes_at_once() {
        let permits = Arc::new(Permits::new(1, Duration::from_secs(30)));
        let busy = permits.try_acquire(1).unwrap();
        let waiting = tokio::spawn({
            let permits = permits.clone();
            async move { permits.acquire(1).await.map(drop) }
        });
        while permits.idle.lock().waiting == 0 {
            tokio::task::yield_now().await;
        }
        permits.offer_idle(1, Instant::now()).evicted().await;
        drop(busy);
        assert!(waiting.await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_slot_that_is_used_again_is_not_evicted() {
        let permits = permits(1);
        let _busy = permits.try_acquire(1).unwrap();
        drop(permits.offer_idle(1, Instant::now()));
        assert!(permits.acquire(1).await.is_err());
    }
}
