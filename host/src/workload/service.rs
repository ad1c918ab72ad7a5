//! The long-running component of a workload: `wasi:cli/run`, supervised. Each run has a store of its own: an
//! instance that trapped cannot be entered again.

use super::{fault::Fault, http::acquire, runnable::Runnable};
use host_api::{Ctx, LimitBreach};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, time::Instant};
use tokio_util::task::AbortOnDropHandle;
use wasmtime::component::{Component, types::ComponentItem};
use wasmtime_wasi::{I32Exit, p2, p3};

/// First wait before a restart; it doubles with each.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// Longest wait before a restart.
const MAX_BACKOFF: Duration = Duration::from_secs(30);
/// A run this long makes the next fault the first again.
const HEALTHY: Duration = Duration::from_mins(1);

/// Where a service stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceState {
    /// Not yet running for the first time.
    Starting,
    /// Running, or about to run again.
    Running {
        /// Restarts after faults so far.
        restarts: u64,
        /// The last fault, if one made it restart.
        last_fault: Option<String>,
    },
    /// It returned without an error, and is not run again.
    Completed {
        /// Restarts before that.
        restarts: u64,
    },
    /// It failed more often than it may.
    Failed {
        /// Restarts before that.
        restarts: u64,
        /// The last fault, with the last lines of standard error.
        message: String,
    },
}

/// A service component's entry point.
pub(super) enum Entry {
    P2(p2::bindings::CommandPre<Ctx>),
    P3(p3::bindings::CommandPre<Ctx>),
}

impl Entry {
    /// `None` if the component does not export `wasi:cli/run` in a version this engine knows.
    pub(super) fn new(runnable: &Runnable) -> wasmtime::Result<Option<Self>> {
        let pre = runnable.pre.clone();
        Ok(match run_version(pre.component()) {
            Some(2) => Some(Self::P2(p2::bindings::CommandPre::new(pre)?)),
            Some(3) => Some(Self::P3(p3::bindings::CommandPre::new(pre)?)),
            _ => None,
        })
    }
}

fn run_version(component: &Component) -> Option<u8> {
    let ty = component.component_type();
    ty.exports(component.engine()).find_map(|(name, item)| {
        if !matches!(item.ty, ComponentItem::ComponentInstance(_)) {
            None
        } else if name.starts_with("wasi:cli/run@0.2.") {
            Some(2)
        } else if name.starts_with("wasi:cli/run@0.3.") {
            Some(3)
        } else {
            None
        }
    })
}

/// A running service. Dropping it stops it.
pub(super) struct Service {
    state: watch::Receiver<ServiceState>,
    _supervisor: AbortOnDropHandle<()>,
}

impl Service {
    /// Starts the supervisor on the guest runtime.
    pub(super) fn start(runnable: Arc<Runnable>, entry: Entry, max_restarts: u64) -> Self {
        let (sender, state) = watch::channel(ServiceState::Starting);
        let guests = runnable.engine.guests().clone();
        let supervisor = Supervisor {
            runnable,
            entry,
            state: sender,
            restarts: 0,
            last_fault: None,
        };
        let task = guests.spawn(supervisor.run(max_restarts));
        Self {
            state,
            _supervisor: AbortOnDropHandle::new(task),
        }
    }

    /// Its state, and the changes of it.
    pub(super) fn state(&self) -> watch::Receiver<ServiceState> {
        self.state.clone()
    }
}

struct Supervisor {
    runnable: Arc<Runnable>,
    entry: Entry,
    state: watch::Sender<ServiceState>,
    restarts: u64,
    last_fault: Option<String>,
}

impl Supervisor {
    async fn run(mut self, max_restarts: u64) {
        let mut backoff = FIRST_BACKOFF;
        loop {
            let began = Instant::now();
            let fault = match self.once().await {
                Ok(()) => {
                    let restarts = self.restarts;
                    self.state
                        .send_replace(ServiceState::Completed { restarts });
                    return;
                }
                Err(fault) => fault,
            };
            let message = self.explain(&fault);
            if self.restarts >= max_restarts {
                let restarts = self.restarts;
                self.state
                    .send_replace(ServiceState::Failed { restarts, message });
                return;
            }
            tracing::warn!(
                workload = self.runnable.template.identity.workload.name,
                namespace = self.runnable.template.identity.workload.namespace,
                "service restarts in {backoff:?}: {fault}"
            );
            if began.elapsed() >= HEALTHY {
                backoff = FIRST_BACKOFF;
            }
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(MAX_BACKOFF);
            self.restarts += 1;
            self.last_fault = Some(message);
        }
    }

    /// The fault with what the guest said last.
    fn explain(&self, fault: &Fault) -> String {
        let tail = self.runnable.template.output.tail();
        match tail.as_slice() {
            [] => fault.to_string(),
            lines => format!(
                "{fault}; last lines of standard error: {}",
                lines.join(" | ")
            ),
        }
    }

    fn running(&self) {
        let (restarts, last_fault) = (self.restarts, self.last_fault.clone());
        self.state.send_replace(ServiceState::Running {
            restarts,
            last_fault,
        });
    }

    /// One run in a new store.
    async fn once(&self) -> Result<(), Fault> {
        let runnable = &self.runnable;
        let _permit = acquire(runnable).await?;
        let breach = LimitBreach::default();
        let mut store = runnable.store(&breach)?;
        let result = match &self.entry {
            Entry::P2(pre) => {
                let command = pre
                    .instantiate_async(&mut store)
                    .await
                    .map_err(|error| runnable.fault(&breach, &error))?;
                self.running();
                command.wasi_cli_run().call_run(&mut store).await
            }
            Entry::P3(pre) => {
                let command = pre
                    .instantiate_async(&mut store)
                    .await
                    .map_err(|error| runnable.fault(&breach, &error))?;
                self.running();
                store
                    .run_concurrent(async |accessor| {
                        command.wasi_cli_run().call_run(accessor).await
                    })
                    .await
                    .flatten()
            }
        };
        match result {
            Ok(Ok(())) => Ok(()),
            Ok(Err(())) => Err(Fault::Trap {
                component: runnable.name().to_owned(),
                message: "it returned an error".to_owned(),
            }),
            Err(error) if matches!(error.downcast_ref(), Some(I32Exit(0))) => Ok(()),
            Err(error) => Err(runnable.fault(&breach, &error)),
        }
    }
}
