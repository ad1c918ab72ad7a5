//! The workloads of a host by their ids, for the bus side: every call answers at once, the work goes on in a
//! task per workload, and each change of state is told.

use super::{
    asked::{self, Asked},
    entry::{Entry, Facts},
    reason,
    running::{Platform, RunningWorkload, WorkloadImages},
    service::ServiceState,
    spec::{ImageSpec, WorkloadSpec},
};
use crate::agent::{Counts, StartRequest, Started, StateChange, Workloads};
use async_trait::async_trait;
use futures::future::try_join_all;
use host_api::Versions;
use oci::{Images, PullError, PulledImage};
use parking_lot::Mutex;
use protocol::{
    Reason,
    ext::{Capacity, ImageDigest, Inventory, InventoryItem, InventoryRequest, WorkloadReport},
    v2::{WitInterface, WorkloadState},
};
use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::broadcast;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// Changes that a slow listener may miss before it must ask for everything.
const CHANGES_KEPT: usize = 1024;
/// Entries of an inventory page at most: a page of long names still fits a message.
const PAGE: u32 = 500;

/// Options of a [`Runner`].
#[derive(Clone, Copy, Debug)]
pub struct RunnerOptions {
    /// How long a stopping workload is still routed to, because whoever routes to this host learns late.
    pub endpoint_delay: Duration,
    /// Bytes of memory this host may use, for its announced capacity.
    pub memory: u64,
    /// Thousandths of processors this host may use, for its announced capacity.
    pub cpu_millis: u64,
}

/// Runs the workloads of one host.
pub struct Runner(Arc<Inner>);

struct Inner {
    platform: Platform,
    images: Arc<Images>,
    options: RunnerOptions,
    entries: Mutex<BTreeMap<String, Arc<Entry>>>,
    changes: broadcast::Sender<StateChange>,
    closed: AtomicBool,
    tasks: TaskTracker,
}

impl Runner {
    /// A host without workloads.
    pub fn new(platform: Platform, images: Arc<Images>, options: RunnerOptions) -> Self {
        Self(Arc::new(Inner {
            platform,
            images,
            options,
            entries: Mutex::default(),
            changes: broadcast::channel(CHANGES_KEPT).0,
            closed: AtomicBool::new(false),
            tasks: TaskTracker::new(),
        }))
    }
}

#[async_trait]
impl Workloads for Runner {
    async fn start(&self, request: StartRequest) -> Started {
        let inner = &self.0;
        if inner.closed.load(Ordering::Acquire) {
            return Started::Refused {
                reason: Reason::HostDraining,
                message: "the host is stopping and takes no workloads".to_owned(),
            };
        }
        let asked = asked::read(&request);
        let mut entries = inner.entries.lock();
        if let Some(entry) = entries.get(&request.id) {
            return Started::AlreadyThere {
                report: entry.report(),
                same: entry.is_for(&request),
            };
        }
        let asked = match asked {
            Ok(asked) => asked,
            Err(refusal) => {
                return Started::Refused {
                    reason: refusal.reason,
                    message: refusal.message,
                };
            }
        };
        let facts = facts(&asked.spec, inner.platform.engine.memory_limit());
        let entry = Arc::new(Entry::new(&request, &facts, inner.changes.clone()));
        let accepted = entry.report();
        entries.insert(request.id, entry.clone());
        drop(entries);
        // Pulling and starting belong to the command that asked for them.
        inner
            .tasks
            .spawn(inner.clone().run(entry, asked).in_current_span());
        Started::Accepted(accepted)
    }

    fn report(&self, id: &str) -> Option<WorkloadReport> {
        Some(self.0.entries.lock().get(id)?.report())
    }

    fn stop(&self, id: &str, drain: Option<Duration>) -> Option<WorkloadReport> {
        let entry = self.0.entries.lock().get(id)?.clone();
        Some(entry.begin_stop(drain))
    }

    fn inventory(&self, page: &InventoryRequest) -> Inventory {
        let limit = match page.limit {
            0 => PAGE,
            limit => limit.min(PAGE),
        } as usize;
        let entries = self.0.entries.lock();
        let start = match page.r#continue.as_str() {
            "" => Bound::Unbounded,
            last => Bound::Excluded(last.to_owned()),
        };
        let mut rest = entries.range((start, Bound::Unbounded));
        let items: Vec<InventoryItem> = rest
            .by_ref()
            .take(limit)
            .map(|(_, entry)| entry.item())
            .collect();
        let more = rest.next().is_some();
        let last = items.last().filter(|_| more);
        Inventory {
            r#continue: last.map(|item| item.id.clone()).unwrap_or_default(),
            items,
        }
    }

    fn changes(&self) -> broadcast::Receiver<StateChange> {
        self.0.changes.subscribe()
    }

    fn counts(&self) -> Counts {
        let entries = self.0.entries.lock();
        let running = entries.values().filter(|entry| entry.is_running());
        Counts {
            workloads: entries.len() as u64,
            components: running.map(|entry| entry.components).sum(),
        }
    }

    fn capacity(&self) -> (Capacity, Capacity) {
        let permits = self.0.platform.engine.permits();
        let total = Capacity {
            instances: permits.total().into(),
            memory: self.0.options.memory,
            cpu_millis: self.0.options.cpu_millis,
        };
        let held = Capacity {
            instances: permits.total().saturating_sub(permits.free()).into(),
            memory: self
                .0
                .entries
                .lock()
                .values()
                .map(|entry| entry.memory)
                .sum(),
            cpu_millis: 0,
        };
        (total, held)
    }

    fn imports(&self) -> Vec<WitInterface> {
        let wasi = [
            ("cli", "0.2.0", "environment,exit,stderr,stdin,stdout"),
            ("clocks", "0.2.0", "monotonic-clock,wall-clock"),
            ("filesystem", "0.2.0", "preopens,types"),
            ("http", "0.2.0", "outgoing-handler,types"),
            ("io", "0.2.0", "error,poll,streams"),
            ("random", "0.2.0", "insecure,insecure-seed,random"),
            (
                "sockets",
                "0.2.0",
                "instance-network,ip-name-lookup,network,tcp,tcp-create-socket,udp,udp-create-socket",
            ),
            ("cli", "0.3.0", "environment,exit,stderr,stdin,stdout"),
            ("clocks", "0.3.0", "monotonic-clock,system-clock"),
            ("filesystem", "0.3.0", "preopens,types"),
            ("http", "0.3.0", "client,types"),
            ("random", "0.3.0", "insecure,insecure-seed,random"),
            ("sockets", "0.3.0", "ip-name-lookup,types"),
        ];
        let built_in = wasi.map(|(package, version, interfaces)| {
            offer("wasi", package, version, interfaces.split(','))
        });
        let served = self
            .0
            .platform
            .plugins
            .iter()
            .flat_map(|plugin| plugin.serves())
            .flat_map(|served| {
                let versions: &[&str] = match served.versions {
                    Versions::Any => &[""],
                    Versions::Compatible(versions) => versions,
                };
                let (namespace, package) = served
                    .package
                    .split_once(':')
                    .unwrap_or((served.package, ""));
                versions.iter().map(move |version| {
                    offer(
                        namespace,
                        package,
                        version,
                        served.interfaces.iter().copied(),
                    )
                })
            });
        built_in.into_iter().chain(served).collect()
    }

    fn exports(&self) -> Vec<WitInterface> {
        vec![
            offer("wasi", "http", "0.2.0", ["incoming-handler"]),
            offer("wasi", "http", "0.3.0", ["handler"]),
            offer("wasi", "cli", "0.2.0", ["run"]),
            offer("wasi", "cli", "0.3.0", ["run"]),
        ]
    }

    fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
    }

    async fn stop_all(&self, drain: Option<Duration>) {
        self.close();
        let entries: Vec<_> = self.0.entries.lock().values().cloned().collect();
        for entry in entries {
            entry.begin_stop(drain);
        }
        self.0.tasks.close();
        self.0.tasks.wait().await;
        self.0.tasks.reopen();
    }
}

fn offer<'a>(
    namespace: &str,
    package: &str,
    version: &str,
    interfaces: impl IntoIterator<Item = &'a str>,
) -> WitInterface {
    WitInterface {
        namespace: namespace.to_owned(),
        package: package.to_owned(),
        version: version.to_owned(),
        interfaces: interfaces.into_iter().map(str::to_owned).collect(),
        ..WitInterface::default()
    }
}

/// Memory counts as far as instances stay: pools and the service.
fn facts(spec: &WorkloadSpec, default_memory: usize) -> Facts {
    let memory = |limit: Option<usize>| limit.unwrap_or(default_memory) as u64;
    let pools = spec
        .components
        .iter()
        .map(|component| memory(component.resources.memory_limit) * u64::from(component.pool_size));
    let service = spec
        .service
        .iter()
        .map(|service| memory(service.resources.memory_limit));
    Facts {
        components: spec.components.len() as u64 + u64::from(spec.service.is_some()),
        memory: pools.chain(service).sum(),
        drain: spec.drain,
    }
}

impl Inner {
    /// The whole life of a workload.
    async fn run(self: Arc<Self>, entry: Arc<Entry>, asked: Asked) {
        let running = tokio::select! {
            biased;
            () = entry.stop.cancelled() => None,
            pulled = self.pull(&asked, &entry) => match pulled {
                // Runs to its end also when it shall stop: what was bound must be unbound.
                Ok(images) => self.start(&entry, &asked.spec, images).await,
                Err(error) => {
                    entry.enter(WorkloadState::Error, Some(reason::of_pull(&error)), &error.to_string());
                    None
                }
            },
        };
        // The request's secrets are not needed any more.
        drop(asked);
        match running {
            Some((running, _leases)) => {
                watch(&entry, &running).await;
                running
                    .stop(self.options.endpoint_delay, entry.drain())
                    .await;
            }
            None => entry.stop.cancelled().await,
        }
        self.entries.lock().remove(&entry.id);
        entry.enter(WorkloadState::NotFound, None, "Workload has stopped");
    }

    async fn pull(&self, asked: &Asked, entry: &Entry) -> Result<Vec<PulledImage>, PullError> {
        let pull = |image: &ImageSpec| {
            let (images, image) = (self.images.clone(), image.clone());
            async move {
                images
                    .pull(&image.reference, image.policy, image.credentials.as_ref())
                    .await
            }
        };
        let wanted = || asked.images.iter().chain(&asked.service_image);
        let pulled = try_join_all(wanted().map(pull)).await?;
        let names = asked
            .spec
            .components
            .iter()
            .map(|component| component.name.clone());
        let digests = wanted().zip(&pulled).zip(names.chain([String::new()])).map(
            |((image, pulled), name)| ImageDigest {
                name,
                reference: image.reference.to_string(),
                digest: pulled.digest.to_string(),
            },
        );
        entry.set_images(digests.collect());
        Ok(pulled)
    }

    /// The workload, and what keeps its images in the store.
    async fn start(
        &self,
        entry: &Entry,
        spec: &WorkloadSpec,
        pulled: Vec<PulledImage>,
    ) -> Option<(RunningWorkload, Vec<oci::Lease>)> {
        let leases = pulled.iter().map(|image| image.lease.clone()).collect();
        let mut bytes = pulled.into_iter().map(|image| image.bytes);
        let images = WorkloadImages {
            components: bytes.by_ref().take(spec.components.len()).collect(),
            service: bytes.next(),
        };
        match RunningWorkload::start(spec, images, &self.platform).await {
            Ok(running) => {
                if running.service().is_none() {
                    entry.enter(WorkloadState::Running, None, "Workload is running");
                }
                Some((running, leases))
            }
            Err(error) => {
                let text = chain(&error);
                entry.enter(WorkloadState::Error, Some(reason::of_start(&error)), &text);
                None
            }
        }
    }
}

/// Tells the service's states until the workload shall stop.
async fn watch(entry: &Entry, running: &RunningWorkload) {
    let Some(mut service) = running.service() else {
        return entry.stop.cancelled().await;
    };
    loop {
        let state = service.borrow_and_update().clone();
        match state {
            ServiceState::Starting => {}
            ServiceState::Running {
                restarts,
                last_fault,
            } => {
                entry.note_restarts(restarts);
                match last_fault {
                    Some(fault) => {
                        let text = format!("service restarted after: {fault}");
                        entry.enter(WorkloadState::Running, None, &text);
                    }
                    None => entry.enter(WorkloadState::Running, None, "Workload is running"),
                }
            }
            ServiceState::Completed { restarts } => {
                entry.note_restarts(restarts);
                entry.enter(
                    WorkloadState::Completed,
                    Some(Reason::Completed),
                    "service returned without an error",
                );
            }
            ServiceState::Failed { restarts, message } => {
                entry.note_restarts(restarts);
                let text = format!("service failed after {restarts} restarts: {message}");
                entry.enter(WorkloadState::Error, Some(Reason::CrashLoop), &text);
            }
        }
        tokio::select! {
            () = entry.stop.cancelled() => return,
            changed = service.changed() => if changed.is_err() {
                // The supervisor has ended, and said so before.
                return entry.stop.cancelled().await;
            },
        }
    }
}

/// An error with its causes, as far as its own text does not hold them.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
