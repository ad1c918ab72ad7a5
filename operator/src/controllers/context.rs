//! What every controller is given.

use super::artifact::registries::Registries;
use super::events::Events;
use super::queue::{Next, Queue};
use super::workload::memory::Memory;
use super::workload::retry::Changed;
use crate::bus::{Fleet, HostClient, Observed};
use crate::core::heartbeat::Complaints;
use crate::core::host_status::Budget;
use crate::core::turns::Turns;
use crate::error::ReconcileError;
use crate::metrics::OperatorMetrics;
use crate::options::OperatorOptions;
use crate::schemas::Schemas;
use crate::trace::within;
use crate::watch::{Cache, Caches, Key};
use crd_types::{Workload, WorkloadDeployment, WorkloadReplicaSet};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{Client, Resource};
use parking_lot::Mutex;
use protocol::bus::TraceContext;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use tracing::field::Empty;

/// Reconciles of a kind under way that ask nobody but the API server: as many as it is asked things at a time. With
/// more, all would get on a little and none would be finished.
const ASKING: usize = crate::flow::AT_A_TIME;
/// The same where a host or a registry may keep one waiting for a minute. Each holds its object, its requests and what
/// it waits for, some 20 KB: ten thousand would take hundreds of megabytes.
pub const WAITING: usize = 1024;

/// One queue for each controller.
#[derive(Clone, Debug)]
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
    /// With at most so many Workloads under way.
    pub fn new(workloads: usize) -> Self {
        Self {
            deployments: Queue::new(ASKING),
            replica_sets: Queue::new(ASKING),
            workloads: Queue::new(workloads),
            hosts: Queue::new(ASKING),
            artifacts: Queue::new(WAITING),
            routes: Queue::new(ASKING),
            inventories: Queue::new(WAITING),
            pods: Queue::new(ASKING),
        }
    }

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

type Change<K> = fn(&Context, Option<&K>, Option<&K>);

/// What is done when an object comes, changes or goes: with what was and what is.
#[derive(Debug)]
pub struct Changes {
    /// Deployments.
    pub deployment: Change<WorkloadDeployment>,
    /// ReplicaSets.
    pub replica_set: Change<WorkloadReplicaSet>,
    /// Workloads.
    pub workload: Change<Workload>,
}

/// A kind whose statuses are ours, so that we know of our own writes before the watch tells of them.
pub trait Written: Resource<DynamicType = ()> + Sized {
    /// Where its objects are held.
    fn cache(context: &Context) -> &Cache<Self>;
    /// What follows from a change.
    fn change(context: &Context) -> Change<Self>;
}

macro_rules! written {
    ($kind:ty, $cache:ident, $change:ident) => {
        impl Written for $kind {
            fn cache(context: &Context) -> &Cache<Self> {
                &context.caches.$cache
            }
            fn change(context: &Context) -> Change<Self> {
                context.changes.$change
            }
        }
    };
}

written!(WorkloadDeployment, deployments, deployment);
written!(WorkloadReplicaSet, replica_sets, replica_set);
written!(Workload, workloads, workload);

/// What every controller is given.
#[derive(Debug)]
pub struct Context {
    /// What follows from changes of objects.
    pub changes: Changes,
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
    /// Pull secrets of namespaces' default accounts.
    pub pull_defaults: super::pull_secrets::Memory,
    /// State of the configuration of Deployments that are rolled out when it changes.
    pub revisions: super::config::Revisions,
    /// What was told of Services, and when their slices were written.
    pub routes: super::route::memory::Memory,
    /// Who was complained about lately for messages that are not believed.
    pub complaints: Mutex<Complaints>,
    /// Hosts that are being asked whether they still have their name.
    pub contests: Mutex<HashSet<String>>,
    /// Who may wait for a host's answer.
    pub turns: Mutex<Turns<Key>>,
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

/// What every line of a reconcile says: what it looks at, and the trace that hosts see. At this level so that no filter
/// takes it away from the lines it leaves. The controller adds `uid` and `host` when it knows them.
fn span(kind: &'static str, key: &Key, trace: &TraceContext) -> tracing::Span {
    tracing::error_span!(
        "reconcile",
        kind,
        object = %key,
        uid = Empty,
        host = Empty,
        trace_id = %trace.id()
    )
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
        let trace = TraceContext::new();
        let span = span(kind, &key, &trace);
        let looked = async move {
            let running = context.metrics.reconciles.begin(kind);
            match reconcile(context.clone(), key.clone()).await {
                Ok(next) => {
                    running.ended(match next {
                        Next::Wait => "success",
                        Next::After(_) => "requeue_after",
                        Next::BackOff | Next::BackOffWithin(_) | Next::Stale => "requeue",
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
        };
        within(trace, looked).instrument(span)
    };
    queue.run(work, token).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use tracing_subscriber::fmt::MakeWriter;
    use tracing_subscriber::layer::SubscriberExt;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Lines {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn w23_a_line_of_a_reconcile_says_what_it_is_about() {
        let lines = Lines::default();
        let json = tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_writer(lines.clone());
        // Only what is an error is shown, and its context with it.
        let shown = tracing_subscriber::registry()
            .with(tracing_subscriber::EnvFilter::new("error"))
            .with(json);
        let trace = TraceContext::new();
        tracing::subscriber::with_default(shown, || {
            let span = span("Workload", &Key::new("shop", "cart-0"), &trace);
            let _under_way = span.enter();
            tracing::Span::current().record("uid", "u-1");
            tracing::Span::current().record("host", "h-1");
            tracing::error!("it broke");
        });
        let line: serde_json::Value = serde_json::from_slice(&lines.0.lock()).unwrap();
        assert_eq!(line["message"], "it broke");
        let expected = serde_json::json!({
            "kind": "Workload", "object": "shop/cart-0", "uid": "u-1", "host": "h-1",
            "trace_id": trace.id().to_string(),
        });
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(line["span"][field], *value, "{field}: {line}");
        }
    }
}
