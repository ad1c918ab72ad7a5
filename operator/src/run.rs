//! Wires everything together: watches fill caches and queues, the bus fills the fleet, controllers work.

use crate::bus::{Fleet, Gates, HostClient, Observed, listen};
use crate::controllers::artifact::registries::Registries;
use crate::controllers::context::{ApiClient, drive};
use crate::controllers::events::Events;
use crate::controllers::workload::memory::Memory;
use crate::controllers::workload::retry::{self, Changed};
use crate::controllers::{
    Context, Queues, artifact, config, deployment, host, inventory, replica_set, route, workload,
};
use crate::core::host_status::Budget;
use crate::core::owed::Owed;
use crate::error::OperatorError;
use crate::flow;
use crate::leader::{self, Held};
use crate::metrics::OperatorMetrics;
use crate::options::OperatorOptions;
use crate::progress::Stage;
use crate::schemas::Schemas;
use crate::watch::{Caches, Key};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, ResourceExt};
use parking_lot::Mutex;
use protocol::bus::SharedBus;
use service::metrics::Metrics;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

mod follow;
mod hear;
mod reread;
mod schemas;
mod verify;

/// Load-figure writes of all Hosts together.
const HOST_WRITES_PER_MINUTE: u32 = 30;
/// A Lease that is not ours by then is another's.
const LEASE_PATIENCE: Duration = Duration::from_secs(3);

/// What an operator works with.
#[derive(Clone)]
pub struct OperatorDeps {
    /// The API server.
    pub client: Client,
    /// The bus to the hosts.
    pub bus: SharedBus,
    /// Settings.
    pub options: OperatorOptions,
    /// Where the operator registers its metrics.
    pub metrics: Metrics,
}

impl OperatorDeps {
    /// With metrics that nobody reads.
    pub fn new(client: Client, bus: SharedBus, options: OperatorOptions) -> Self {
        Self {
            client,
            bus,
            options,
            metrics: Metrics::new(),
        }
    }
}

/// How the operator ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It was asked to.
    Stopped,
    /// Another operator leads now.
    LeaseLost,
}

/// Serves until the token is cancelled or the Lease is lost.
pub async fn run(mut deps: OperatorDeps, token: CancellationToken) -> Result<Exit, OperatorError> {
    let metrics = OperatorMetrics::register(&deps.metrics);
    deps.client = metrics.requests.count(deps.client);
    let Some(identity) = deps.options.leader_identity.clone() else {
        metrics.leads(true);
        deps.client = flow::limited(deps.client);
        serve(deps, metrics, token).await?;
        return Ok(Exit::Stopped);
    };
    // The Lease is renewed past everything else that waits for the API server.
    let elector = leader::Elector::new(deps.client.clone(), &deps.options.namespace, identity);
    if acquire(&elector, &deps.options, &token).await == Held::Stopped {
        return Ok(Exit::Stopped);
    }
    metrics.leads(true);
    deps.client = flow::limited(deps.client);
    let work = token.child_token();
    let (served, held) = tokio::join!(
        async {
            let result = serve(deps, metrics.clone(), work.clone()).await;
            work.cancel();
            result
        },
        async {
            let held = elector.keep(&work).await;
            metrics.leads(false);
            work.cancel();
            held
        }
    );
    served?;
    Ok(if held == Held::Lost {
        Exit::LeaseLost
    } else {
        Exit::Stopped
    })
}

async fn acquire(
    elector: &leader::Elector,
    options: &OperatorOptions,
    token: &CancellationToken,
) -> Held {
    let mut acquire = pin!(elector.acquire(token));
    if let Ok(held) = tokio::time::timeout(LEASE_PATIENCE, &mut acquire).await {
        return held;
    }
    options.progress.set(Stage::StandingBy);
    let held = acquire.await;
    options.progress.set(Stage::Starting);
    held
}

async fn serve(
    deps: OperatorDeps,
    metrics: OperatorMetrics,
    token: CancellationToken,
) -> Result<(), OperatorError> {
    let context = Arc::new(context(&deps, metrics).await?);
    context.metrics.show(&context);
    let tracker = TaskTracker::new();
    let stop = token.child_token();
    hear::connection(&deps.bus, &context, &tracker, &stop);
    // What hosts say is taken off the bus from here on, and believed once the lists are there to check it against.
    let heard = hear::heard(context.clone(), tracker.clone(), stop.clone());
    let (listening, mut listens) = tokio::sync::oneshot::channel();
    let (begin, begun) = tokio::sync::oneshot::channel();
    let gates = Gates { listening, begun };
    let counted = context.metrics.heartbeats.clone();
    let bus = deps.bus.clone();
    let mut intake = tokio::spawn(listen(bus, heard, gates, counted, stop.clone()));
    schemas::read(&context).await;
    follow::all(&context, &deps, &tracker, &stop).await;
    tracker.spawn(schemas::keep(context.clone(), stop.clone()));
    for host in context.caches.hosts.all() {
        let beat = host::build::beat_of_object(&host);
        let now = Instant::now();
        // Whoever noted them may have done so because of starts that are still to arrive.
        let owed = host
            .status
            .iter()
            .flat_map(|s| &s.owed_stops)
            .map(|stop| Owed {
                stop: stop.clone(),
                starts: 1,
                until: now + context.options.late_starts,
                since: now,
            });
        context.fleet.expect(beat, owed.collect(), now);
        context.queues.hosts.add(Key::of(host.as_ref()));
    }
    if begin.send(()).is_err() {
        tracing::debug!("the intake has ended; that is reported below");
    }
    tracker.spawn(hear::watch_fleet(context.clone(), stop.clone()));
    controllers(&context, &tracker, &stop);
    // Whichever comes first: an intake that ended early is reported below.
    tokio::select! {
        listens = &mut listens => if listens.is_ok() {
            context.options.progress.set(Stage::Working);
        },
        () = stop.cancelled() => {}
    }
    tracing::info!(namespace = %context.options.namespace, control_plane = %context.control_plane, "operator is at work");
    let ended = (&mut intake).await;
    context.options.progress.set(Stage::Starting);
    stop.cancel();
    tracker.close();
    tracker.wait().await;
    context.events.close().await;
    match ended {
        Ok(result) => result.map_err(OperatorError::from),
        Err(_) => Err(OperatorError::Bus(protocol::bus::BusError::Closed)),
    }
}

async fn context(deps: &OperatorDeps, metrics: OperatorMetrics) -> Result<Context, OperatorError> {
    let options = deps.options.clone();
    let control_plane = match &options.control_plane_id {
        Some(id) => id.clone(),
        None => Api::<Namespace>::all(deps.client.clone())
            .get(&options.namespace)
            .await
            .map_err(|source| OperatorError::Namespace {
                namespace: options.namespace.clone(),
                source: Box::new(source),
            })?
            .uid()
            .unwrap_or_default(),
    };
    let fleet = Arc::new(Fleet::new(options.liveness).with_thresholds(options.thresholds));
    Ok(Context {
        changes: follow::changes(),
        hosts: HostClient::new(deps.bus.clone(), fleet.clone())
            .waiting(options.waits)
            .counted(metrics.calls.clone()),
        events: Events::new(
            deps.client.clone(),
            options.namespace.clone(),
            &instance(&options),
            &metrics,
        ),
        schemas: Schemas::default(),
        client: ApiClient(deps.client.clone()),
        caches: Caches::default(),
        observed: Observed::default(),
        memory: Memory::default(),
        names: Mutex::default(),
        revisions: config::Revisions::default(),
        pull_defaults: workload::default_secrets::Memory::default(),
        routes: route::memory::Memory::default(),
        changed: Changed::default(),
        complaints: Mutex::default(),
        registries: Registries::new(options.registries.clone())?,
        host_budget: Mutex::new(Budget::new(HOST_WRITES_PER_MINUTE, Instant::now())),
        queues: Queues::default(),
        inventories: Semaphore::new(inventory::AT_A_TIME),
        fleet,
        control_plane,
        options,
        metrics,
    })
}

fn instance(options: &OperatorOptions) -> String {
    options
        .leader_identity
        .clone()
        .unwrap_or_else(|| format!("runtime-operator.{}", options.namespace))
}

fn controllers(context: &Arc<Context>, tracker: &TaskTracker, stop: &CancellationToken) {
    let queues = context.queues.clone();
    let (c, s) = (context, stop);
    tracker.spawn(drive(
        "Deployment",
        queues.deployments,
        c.clone(),
        deployment::reconcile,
        s.clone(),
    ));
    tracker.spawn(drive(
        "ReplicaSet",
        queues.replica_sets,
        c.clone(),
        replica_set::reconcile,
        s.clone(),
    ));
    tracker.spawn(drive(
        "Workload",
        queues.workloads,
        c.clone(),
        workload::reconcile,
        s.clone(),
    ));
    tracker.spawn(retry::run(c.clone(), s.clone()));
    tracker.spawn(drive(
        "Host",
        queues.hosts,
        c.clone(),
        host::reconcile,
        s.clone(),
    ));
    tracker.spawn(drive(
        "Route",
        queues.routes,
        c.clone(),
        route::reconcile,
        s.clone(),
    ));
    tracker.spawn(drive(
        "HostPod",
        queues.pods,
        c.clone(),
        host::pods::reconcile,
        s.clone(),
    ));
    tracker.spawn(drive(
        "Inventory",
        queues.inventories,
        c.clone(),
        inventory::reconcile,
        s.clone(),
    ));
    tracker.spawn(config::poll(c.clone(), s.clone()));
    if context.options.watch_config {
        for namespace in follow::served(&context.options) {
            tracker.spawn(config::watch(c.clone(), namespace, s.clone()));
        }
    }
    if !context.options.disable_artifact_controller {
        tracker.spawn(drive(
            "Artifact",
            queues.artifacts,
            c.clone(),
            artifact::reconcile,
            s.clone(),
        ));
    }
}
