//! Wires everything together: watches fill caches and queues, the bus fills the fleet, controllers work.

use crate::bus::{Announced, Fleet, Heard, HostClient, Observed, Said, listen, watch_over};
use crate::controllers::context::{ApiClient, drive};
use crate::controllers::events::Events;
use crate::controllers::workload::memory::Memory;
use crate::controllers::{
    Context, Queues, artifact, deployment, host, replica_set, route, workload,
};
use crate::core::host_status::Budget;
use crate::error::OperatorError;
use crate::leader::{self, Held};
use crate::metrics::OperatorMetrics;
use crate::options::OperatorOptions;
use crate::schemas::Schemas;
use crate::watch::{self, Caches, Key, UNPLACED};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, ResourceExt};
use parking_lot::Mutex;
use protocol::bus::SharedBus;
use service::metrics::Metrics;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

mod follow;
mod schemas;

/// Load-figure writes of all Hosts together.
const HOST_WRITES_PER_MINUTE: u32 = 30;
/// How long an announcement may follow a first heartbeat before the host is asked whether it has the extension.
const ANNOUNCEMENT_GRACE: Duration = Duration::from_millis(500);

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
        serve(deps, metrics, token).await?;
        return Ok(Exit::Stopped);
    };
    let elector = leader::Elector::new(deps.client.clone(), &deps.options.namespace, identity);
    if elector.acquire(&token).await == Held::Stopped {
        return Ok(Exit::Stopped);
    }
    metrics.leads(true);
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

async fn serve(
    deps: OperatorDeps,
    metrics: OperatorMetrics,
    token: CancellationToken,
) -> Result<(), OperatorError> {
    let context = Arc::new(context(&deps, metrics).await?);
    context.metrics.show(&context);
    let tracker = TaskTracker::new();
    let stop = token.child_token();
    connection(&deps.bus, &context, &tracker, &stop);
    schemas::read(&context).await;
    follow::all(&context, &deps, &tracker, &stop).await;
    tracker.spawn(schemas::keep(context.clone(), stop.clone()));
    for host in context.caches.hosts.all() {
        context
            .fleet
            .expect(host::build::beat_of_object(&host), Instant::now());
        context.queues.hosts.add(Key::of(host.as_ref()));
    }
    let intake = tokio::spawn(listen(
        deps.bus.clone(),
        heard(context.clone(), tracker.clone()),
        context.metrics.heartbeats.clone(),
        stop.clone(),
    ));
    tracker.spawn(watch_fleet(context.clone(), stop.clone()));
    controllers(&context, &tracker, &stop);
    tracing::info!(namespace = %context.options.namespace, control_plane = %context.control_plane, "operator is at work");
    let ended = intake.await;
    stop.cancel();
    tracker.close();
    tracker.wait().await;
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
    let fleet = Arc::new(Fleet::new(options.liveness));
    Ok(Context {
        hosts: HostClient::new(deps.bus.clone(), fleet.clone()).counted(metrics.calls.clone()),
        events: Events::new(deps.client.clone(), instance(&options)),
        schemas: Schemas::default(),
        client: ApiClient(deps.client.clone()),
        caches: Caches::default(),
        observed: Observed::default(),
        memory: Memory::default(),
        names: Mutex::default(),
        routes: route::memory::Memory::default(),
        host_budget: Mutex::new(Budget::new(HOST_WRITES_PER_MINUTE, Instant::now())),
        queues: Queues::default(),
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

/// Tells the fleet when the bus connection comes and goes.
fn connection(
    bus: &SharedBus,
    context: &Arc<Context>,
    tracker: &TaskTracker,
    stop: &CancellationToken,
) {
    let (mut status, fleet, stop) = (bus.status(), context.fleet.clone(), stop.clone());
    fleet.connection(status.borrow_and_update().is_connected(), Instant::now());
    tracker.spawn(async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                changed = status.changed() => if changed.is_err() { return },
            }
            let up = status.borrow_and_update().is_connected();
            fleet.connection(up, Instant::now());
        }
    });
}

/// What is done with each message of a host.
fn heard(context: Arc<Context>, tracker: TaskTracker) -> impl Fn(Said) + Send + 'static {
    move |said| match said {
        Said::Beat(beat) => took_beat(&context, &tracker, beat),
        Said::Announced(id, announced) => {
            if context.fleet.announced(&id, announced) {
                host_changed(&context, &id);
            }
        }
        Said::Goodbye(id) => {
            context.fleet.left(&id, Instant::now());
            host_lost(&context, &id);
        }
        Said::State {
            host,
            workload,
            report,
        } => {
            for object in context.caches.workloads.find(&watch::by_uid(&workload)) {
                context.observed.put(&workload, &host, report.clone());
                context.queues.workloads.add(Key::of(object.as_ref()));
            }
        }
    }
}

fn took_beat(context: &Arc<Context>, tracker: &TaskTracker, beat: crate::bus::Beat) {
    let id = beat.id.clone();
    let (heard, replaced) = context.fleet.heard(beat, Instant::now());
    for old in replaced {
        host_lost(context, &old);
    }
    match heard {
        Heard::Same => {}
        Heard::Changed => host_changed(context, &id),
        Heard::Arrived => {
            host_changed(context, &id);
            let context = context.clone();
            tracker.spawn(async move {
                tokio::time::sleep(ANNOUNCEMENT_GRACE).await;
                if !context.hosts.extended(&id) && context.hosts.has_extension(&id).await {
                    let announced = Announced {
                        protocol: protocol::EXTENSION_LEVEL,
                        ..Announced::default()
                    };
                    if context.fleet.announced(&id, announced) {
                        host_changed(&context, &id);
                    }
                }
            });
        }
    }
}

/// A host came or changed: its object follows, and what waits for a host looks again.
fn host_changed(context: &Context, id: &str) {
    if let Some(view) = context.fleet.get(id) {
        context
            .queues
            .hosts
            .add(Key::new(&context.options.namespace, &view.beat.name));
    }
    look_at_waiting(context);
    work_of(context, id);
}

/// What has no host is looked at again.
fn look_at_waiting(context: &Context) {
    for waiting in context.caches.workloads.find(UNPLACED) {
        context.queues.workloads.add(Key::of(waiting.as_ref()));
    }
}

/// A host is lost: its endpoints leave, its workloads are replaced.
fn host_lost(context: &Context, id: &str) {
    tracing::warn!(host = %id, "host is lost");
    if let Some(view) = context.fleet.get(id) {
        context
            .queues
            .hosts
            .add(Key::new(&context.options.namespace, &view.beat.name));
    }
    work_of(context, id);
}

fn routes_of(context: &Context, host: &str) {
    for placed in context.caches.workloads.find(&watch::on_host(host)) {
        if let Some(service) = watch::service_of(&placed) {
            let namespace = placed.namespace().unwrap_or_default();
            context.queues.routes.add(Key::new(namespace, service));
        }
    }
}

fn work_of(context: &Context, host: &str) {
    for placed in context.caches.workloads.find(&watch::on_host(host)) {
        let key = Key::of(placed.as_ref());
        if let Some(service) = watch::service_of(&placed) {
            context.queues.routes.add(Key::new(&key.namespace, service));
        }
        context.queues.workloads.add(key);
    }
}

async fn watch_fleet(context: Arc<Context>, stop: CancellationToken) {
    let answered = {
        let (context, tracker) = (context.clone(), TaskTracker::new());
        Arc::new(move |beat| took_beat(&context, &tracker, beat))
    };
    let lost = {
        let context = context.clone();
        move |id: String| host_lost(&context, &id)
    };
    let (fleet, hosts) = (context.fleet.clone(), context.hosts.clone());
    watch_over(
        fleet,
        hosts,
        context.options.probe_interval,
        answered,
        lost,
        stop,
    )
    .await;
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
