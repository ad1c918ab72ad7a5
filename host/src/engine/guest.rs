//! The runtime that guests run on, apart from the one that accepts connections and talks to the bus.
//!
//! A guest makes a poll of its task last up to an epoch, and Tokio looks at IO only every few dozen polls
//! by default: on one shared runtime two busy guests delay everybody's IO by hundreds of milliseconds.

use tokio::runtime::{Builder, Handle, Runtime};

/// Guests give way to the front, whose work per request is short.
const NICE: i32 = 10;

/// Owns the guest runtime.
pub(super) struct GuestRuntime {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl GuestRuntime {
    /// Starts the threads.
    pub(super) fn start(threads: usize) -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name("guest")
            .event_interval(1)
            .enable_all()
            .on_thread_start(|| {
                // On Linux the priority is the calling thread's own.
                if let Err(error) = rustix::process::nice(NICE) {
                    tracing::debug!(%error, "priority of a guest thread could not be lowered");
                }
            })
            .build()?;
        Ok(Self {
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
        })
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for GuestRuntime {
    fn drop(&mut self) {
        // The engine may be dropped by an async task, where waiting for threads is not allowed.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
