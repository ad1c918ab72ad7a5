//! Work to do, by key: each key once, never twice at a time, later when asked, after growing delays on failure.

use crate::core::backoff;
use crate::watch::Key;
use parking_lot::Mutex;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How much sooner a look follows that only needs fresher data.
const STALE_SHARE: u32 = 16;
/// What a reconcile wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing until something changes.
    Wait,
    /// Another look after this time.
    After(Duration),
    /// As after an error: another look after a growing delay.
    BackOff,
    /// The same, but no later than after this time: something is due by then, whatever has failed.
    BackOffWithin(Duration),
    /// What was read is out of date: another look very soon, later when that goes on.
    Stale,
}

impl Next {
    /// The same, but no later than after this time.
    pub fn sooner(self, after: Option<Duration>) -> Self {
        match (self, after) {
            (Self::Wait, Some(after)) => Self::After(after),
            (Self::After(held), Some(after)) => Self::After(held.min(after)),
            (next, _) => next,
        }
    }
}

/// A queue of keys. Clones share it.
#[derive(Clone, Debug)]
pub struct Queue(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    wake: Notify,
    waited: Histogram,
    at_a_time: usize,
}

/// A queue in numbers.
#[derive(Clone, Debug)]
pub struct QueueState {
    /// Keys that wait for a reconcile.
    pub depth: usize,
    /// Keys that wait for their time.
    pub delayed: usize,
    /// Keys queued so far.
    pub adds: u64,
    /// Looks asked for after a failure.
    pub retries: u64,
    /// How long the reconcile that runs longest has been running.
    pub longest: Duration,
    /// The same of all that run, added up.
    pub unfinished: Duration,
    /// How long keys waited before their reconcile began, in seconds.
    pub waited: Histogram,
}

#[derive(Debug, Default)]
struct State {
    ready: VecDeque<Key>,
    queued: HashMap<Key, Instant>,
    running: HashMap<Key, Instant>,
    again: HashSet<Key>,
    timers: BinaryHeap<Reverse<(Instant, Key)>>,
    due: HashMap<Key, Instant>,
    failures: HashMap<Key, u32>,
    adds: u64,
    retries: u64,
}

impl Queue {
    /// A queue with at most so many reconciles under way.
    pub fn new(at_a_time: usize) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::default(),
            wake: Notify::new(),
            waited: Histogram::new(exponential_buckets(0.001, 4.0, 9)),
            at_a_time,
        }))
    }

    /// The queue in numbers.
    pub fn state(&self) -> QueueState {
        let state = self.0.state.lock();
        let now = Instant::now();
        let running = || {
            let since = state.running.values();
            since.map(|since| now.saturating_duration_since(*since))
        };
        QueueState {
            depth: state.ready.len(),
            delayed: state.due.len(),
            adds: state.adds,
            retries: state.retries,
            longest: running().max().unwrap_or_default(),
            unfinished: running().sum(),
            waited: self.0.waited.clone(),
        }
    }

    /// Asks for a look at a key, as soon as none is under way.
    pub fn add(&self, key: Key) {
        self.0.state.lock().push(key);
        self.0.wake.notify_one();
    }

    async fn next(&self) -> Key {
        loop {
            let due = {
                let mut state = self.0.state.lock();
                let now = Instant::now();
                state.expire(now);
                if let Some(key) = state.ready.pop_front() {
                    let since = state.queued.remove(&key).unwrap_or(now);
                    state.running.insert(key.clone(), now);
                    drop(state);
                    let waited = now.saturating_duration_since(since);
                    self.0.waited.observe(waited.as_secs_f64());
                    return key;
                }
                state.timers.peek().map(|Reverse((at, _))| *at)
            };
            let woken = self.0.wake.notified();
            match due {
                Some(at) => tokio::select! {
                    () = woken => {}
                    () = tokio::time::sleep_until(at) => {}
                },
                None => woken.await,
            }
        }
    }

    fn done(&self, key: &Key, next: Next, jitter: f64) {
        let mut state = self.0.state.lock();
        state.running.remove(key);
        let after = match next {
            Next::Wait => None,
            Next::After(after) => Some(after),
            Next::BackOff | Next::BackOffWithin(_) | Next::Stale => {
                let failures = state.failures.entry(key.clone()).or_default();
                *failures = failures.saturating_add(1);
                let delay = backoff::delay(*failures, jitter);
                state.retries += 1;
                Some(match next {
                    Next::Stale => delay / STALE_SHARE,
                    Next::BackOffWithin(most) => delay.min(most),
                    _ => delay,
                })
            }
        };
        if matches!(next, Next::Wait | Next::After(_)) {
            state.failures.remove(key);
        }
        state.due.remove(key);
        if let Some(after) = after {
            let at = Instant::now() + after;
            state.due.insert(key.clone(), at);
            state.timers.push(Reverse((at, key.clone())));
        }
        if state.again.remove(key) {
            state.push(key.clone());
        }
        drop(state);
        self.0.wake.notify_one();
    }

    /// Works off the queue until the token is cancelled and what is under way has ended. Keys run side
    /// by side, as many as the queue allows.
    pub async fn run<F, Fut>(&self, reconcile: F, token: CancellationToken)
    where
        F: Fn(Key) -> Fut,
        Fut: Future<Output = Next> + Send + 'static,
    {
        let tasks = TaskTracker::new();
        let slots = Arc::new(Semaphore::new(self.0.at_a_time));
        loop {
            let next = async {
                // Never closed.
                let slot = slots.clone().acquire_owned().await.ok()?;
                Some((slot, self.next().await))
            };
            let Some((slot, key)) = (tokio::select! {
                () = token.cancelled() => break,
                next = next => next,
            }) else {
                break;
            };
            let work = reconcile(key.clone());
            let queue = self.clone();
            let stop = token.clone();
            tasks.spawn(async move {
                let _slot = slot;
                let guard = Finish {
                    queue: &queue,
                    key: &key,
                    next: Next::BackOff,
                };
                let mut guard = guard;
                guard.next = tokio::select! {
                    next = work => next,
                    () = stop.cancelled() => Next::Wait,
                };
            });
        }
        tasks.close();
        tasks.wait().await;
    }
}

/// Reports the end of a reconcile even when it panics, so that a key never stays locked.
struct Finish<'a> {
    queue: &'a Queue,
    key: &'a Key,
    next: Next,
}

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        self.queue.done(self.key, self.next, rand::random::<f64>());
    }
}

impl State {
    fn push(&mut self, key: Key) {
        if self.running.contains_key(&key) {
            self.again.insert(key);
        } else if let Entry::Vacant(free) = self.queued.entry(key) {
            self.ready.push_back(free.key().clone());
            free.insert(Instant::now());
            self.adds += 1;
        }
    }

    /// Moves keys whose time has come to the queue. A timer that was replaced by another is dropped.
    fn expire(&mut self, now: Instant) {
        while self
            .timers
            .peek()
            .is_some_and(|Reverse((at, _))| *at <= now)
        {
            if let Some(Reverse((at, key))) = self.timers.pop()
                && self.due.get(&key) == Some(&at)
            {
                self.due.remove(&key);
                self.push(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn key(name: &str) -> Key {
        Key::new("n", name)
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_runs_alone_and_again_when_asked_meanwhile() {
        let queue = Queue::new(8);
        let (running, most, runs) = (
            AtomicUsize::new(0),
            AtomicUsize::new(0),
            AtomicUsize::new(0),
        );
        let counters = Arc::new((running, most, runs));
        let token = CancellationToken::new();
        queue.add(key("a"));
        queue.add(key("a"));
        let work = {
            let (counters, queue) = (counters.clone(), queue.clone());
            move |_| {
                let (counters, queue) = (counters.clone(), queue.clone());
                async move {
                    let now = counters.0.fetch_add(1, Ordering::SeqCst) + 1;
                    counters.1.fetch_max(now, Ordering::SeqCst);
                    if counters.2.fetch_add(1, Ordering::SeqCst) == 0 {
                        queue.add(key("a"));
                        queue.add(key("a"));
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    counters.0.fetch_sub(1, Ordering::SeqCst);
                    Next::Wait
                }
            }
        };
        let stop = token.clone();
        tokio::join!(queue.run(work, token), async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            stop.cancel();
        });
        assert_eq!(counters.1.load(Ordering::SeqCst), 1);
        assert_eq!(counters.2.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_grow_the_delay_and_success_resets_it() {
        let queue = Queue::new(8);
        let started = Instant::now();
        let mut times = Vec::new();
        queue.add(key("a"));
        for next in [
            Next::BackOff,
            Next::BackOff,
            Next::BackOffWithin(Duration::from_millis(500)),
            Next::BackOffWithin(Duration::from_mins(1)),
            Next::After(Duration::from_millis(10)),
            Next::BackOff,
            Next::Wait,
        ] {
            let key = queue.next().await;
            times.push(started.elapsed());
            queue.done(&key, next, 0.0);
        }
        let gaps: Vec<u64> = times
            .windows(2)
            .map(|w| w[1].saturating_sub(w[0]).as_millis() as u64)
            .collect();
        assert_eq!(gaps, [1000, 2000, 500, 8000, 10, 1000]);
    }
}
