//! What every controller is given.

use super::artifact::registries::Registries;
use super::events::Events;
use super::queue::{Next, Queue};
use super::workload::memory::Memory;
use super::workload::retry::Changed;
use crate::bus::{Fleet, HostClient, Observed};
use crate::core::heartbeat::Complaints;
use crate::core::host_status::Budget;
use crate::error::ReconcileError;
use crate::metrics::OperatorMetrics;
use crate::options::OperatorOptions;
use crate::schemas::Schemas;
use crate::watch::{Caches, Key};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Client;
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// One queue for each controller.
#[derive(Clone, Debug, Default)]
pub struct Queues {
    /// Deployments.
    pub deployments: Queue,
    /// ReplicaSets.
    pub replica_sets: Queue,
    /// Workloads.
    pub workloads: Queue,
    /// Hosts, by object name.
    pub hosts: Queue,
    /// Artifacts.
    pub artifacts: Queue,
    /// Services that stand before Workloads.
    pub routes: Queue,
    /// Hosts that are asked what they have, by id.
    pub inventories: Queue,
    /// Pods of hosts.
    pub pods: Queue,
}

impl Queues {
    /// Each queue and the kind it is of.
    pub fn named(&self) -> [(&'static str, &Queue); 8] {
        [
            ("Deployment", &self.deployments),
            ("ReplicaSet", &self.replica_sets),
            ("Workload", &self.workloads),
            ("Host", &self.hosts),
            ("Artifact", &self.artifacts),
            ("Route", &self.routes),
            ("Inventory", &self.inventories),
            ("HostPod", &self.pods),
        ]
    }
}

/// What every controller is given.
#[derive(Debug)]
pub struct Context {
    /// Settings.
    pub options: OperatorOptions,
    /// Who starts workloads, as hosts see it.
    pub control_plane: String,
    /// Objects as last seen.
    pub caches: Caches,
    /// Hosts as last heard.
    pub fleet: Arc<Fleet>,
    /// Commands to hosts.
    pub hosts: HostClient,
    /// Reports that hosts sent of their own accord.
    pub observed: Observed,
    /// Tries, and what is promised of each host.
    pub memory: Memory,
    /// Host names as resolved at the last start, by uid: configuration may have brought some.
    pub names: Mutex<HashMap<String, BTreeSet<String>>>,
    /// What was told of Services, and when their slices were written.
    pub routes: super::route::memory::Memory,
    /// Who was complained about lately for messages that are not believed.
    pub complaints: Mutex<Complaints>,
    /// Hosts that may have room for what waits.
    pub changed: Changed,
    /// Registries, as far as Artifacts ask them.
    pub registries: Registries,
    /// Writes that Host statuses may take for load figures.
    pub host_budget: Mutex<Budget>,
    /// Events for users.
    pub events: Events,
    /// Work to do.
    pub queues: Queues,
    /// What the installed CRDs declare.
    pub schemas: Schemas,
    /// Bounds the inventories taken at a time.
    pub inventories: Semaphore,
    /// The API server.
    pub client: ApiClient,
    /// What is told of all this.
    pub metrics: OperatorMetrics,
}

/// The API server's client, with a `Debug` that says nothing.
#[derive(Clone)]
pub struct ApiClient(pub Client);

impl std::fmt::Debug for ApiClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiClient")
    }
}

impl Context {
    /// The client.
    pub fn client(&self) -> Client {
        self.client.0.clone()
    }
}

/// The time for statuses.
pub fn now() -> Time {
    // Kubernetes' times have whole seconds; more would be cut off and look like a change.
    let seconds = jiff::Timestamp::now().as_second();
    Time(jiff::Timestamp::from_second(seconds).unwrap_or_default())
}

/// Runs one controller until the token is cancelled: what is stale is looked at again at once, other errors are
/// logged and tried again after growing delays.
pub async fn drive<F, Fut>(
    kind: &'static str,
    queue: Queue,
    context: Arc<Context>,
    reconcile: F,
    token: CancellationToken,
) where
    F: Fn(Arc<Context>, Key) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Next, ReconcileError>> + Send + 'static,
{
    let work = move |key: Key| {
        let (context, reconcile) = (context.clone(), reconcile.clone());
        async move {
            let running = context.metrics.reconciles.begin(kind);
            match reconcile(context.clone(), key.clone()).await {
                Ok(next) => {
                    running.ended(match next {
                        Next::Wait => "success",
                        Next::After(_) => "requeue_after",
                        Next::BackOff | Next::Stale => "requeue",
                    });
                    next
                }
                Err(error) if error.is_stale() => {
                    running.failed(&error);
                    tracing::debug!(kind, %key, %error, "state has moved on");
                    Next::Stale
                }
                Err(error) => {
                    running.failed(&error);
                    tracing::warn!(kind, %key, %error, "reconcile failed; trying again");
                    Next::BackOff
                }
            }
        }
    };
    queue.run(work, token).await;
}
