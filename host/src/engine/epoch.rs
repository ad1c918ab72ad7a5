//! Epochs: every millisecond each running guest yields, so that a busy one never holds a thread longer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, Thread},
    time::Duration,
};
use wasmtime::Store;

/// Longer, and a neighbour's request waits longer for its turn; shorter, and switching costs show.
const TICK: Duration = Duration::from_millis(1);

/// The one ticker thread of an engine. It rests while no store is alive.
pub(super) struct Epochs {
    stores: Arc<AtomicUsize>,
    ticker: Thread,
}

impl Epochs {
    /// Starts the thread; it ends with the engine.
    pub(super) fn start(engine: &wasmtime::Engine) -> std::io::Result<Self> {
        let stores = Arc::new(AtomicUsize::new(0));
        let engine = engine.weak();
        let alive = stores.clone();
        let ticker = thread::Builder::new()
            .name("epoch-ticker".to_owned())
            .spawn(move || {
                loop {
                    if alive.load(Ordering::Acquire) == 0 {
                        // Woken by the first store, and once in a while to see whether the engine is gone.
                        thread::park_timeout(Duration::from_secs(1));
                    } else {
                        thread::sleep(TICK);
                    }
                    match engine.upgrade() {
                        Some(engine) => engine.increment_epoch(),
                        None => return,
                    }
                }
            })?;
        Ok(Self {
            stores,
            ticker: ticker.thread().clone(),
        })
    }

    /// Keeps epochs passing until the returned value is dropped.
    pub(super) fn keep(&self) -> Running {
        if self.stores.fetch_add(1, Ordering::AcqRel) == 0 {
            self.ticker.unpark();
        }
        Running(self.stores.clone())
    }
}

/// A store is alive.
pub(super) struct Running(Arc<AtomicUsize>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Makes the guest yield to other tasks at each epoch, for ever. Deadlines are enforced by dropping the
/// store, not by trapping.
pub(super) fn arm<T>(store: &mut Store<T>) {
    store.set_epoch_deadline(1);
    store.epoch_deadline_async_yield_and_update(1);
}
