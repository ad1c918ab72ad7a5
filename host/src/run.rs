//! A host put together: front, outgoing connections, workload room and agent, from start to goodbye.

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use host_api::Plugin;
use oci::Images;
use protocol::bus::SharedBus;
use service::{health::Health, metrics::Metrics, tls::ReloadingTls};
use tokio::{sync::watch, time::Instant};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    agent::{self, AgentDeps, AgentError, Front, HostIdentity, Machine},
    engine::Engine,
    http::{HttpMetrics, Ingress, IngressOptions},
    net::{EgressClients, EgressConfig},
    workload::{Platform, Runner, RunnerOptions},
};

/// How often changed certificates are looked for.
const TLS_RELOAD: Duration = Duration::from_secs(30);
/// What clients get for their last responses after every workload has stopped.
const CLOSING: Duration = Duration::from_secs(5);

/// Who a host is and what it allows.
pub struct HostOptions {
    /// Who it is.
    pub identity: HostIdentity,
    /// Its HTTP front.
    pub ingress: IngressOptions,
    /// What workloads may reach.
    pub egress: EgressConfig,
    /// Folder for ephemeral volumes.
    pub scratch: PathBuf,
    /// Folders under which workloads may mount `hostPath` volumes.
    pub volume_roots: Vec<PathBuf>,
    /// How long a stopping workload is still routed to in any case.
    pub endpoint_delay: Duration,
    /// How long a host that was told to stop leaves its workloads running, for others to take over.
    pub handover: Duration,
    /// How long open requests may take to end when a workload or the host stops.
    pub drain: Duration,
}

/// What a host runs on. Several hosts of one process share the engine, the images and the bus.
pub struct HostDeps {
    /// The engine of the process.
    pub engine: Arc<Engine>,
    /// The control connection.
    pub bus: SharedBus,
    /// Where components come from.
    pub images: Arc<Images>,
    /// Who the host is and what it allows.
    pub options: HostOptions,
    /// What serves host interfaces.
    pub plugins: Vec<Arc<dyn Plugin>>,
    /// Where the host publishes its figures.
    pub metrics: Metrics,
    /// Where the host says whether it is ready.
    pub health: Health,
    /// Told once the host answers; see [`HostBuilder::ready`].
    pub ready: watch::Sender<Option<Ready>>,
}

/// A host that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// Id on the bus.
    pub id: String,
    /// Name of the Host object.
    pub name: String,
    /// Bound address of the HTTP front, if there is one.
    pub http: Option<SocketAddr>,
}

/// How a host ended in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It was told to stop, drained and said goodbye.
    Stopped,
}

/// Why a host ended without being told to, or never began.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The HTTP front could not listen.
    #[error("cannot listen for HTTP on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: String,
        /// The cause.
        source: io::Error,
    },
    /// The bus side failed.
    #[error(transparent)]
    Agent(#[from] AgentError),
}

/// Puts [`HostDeps`] together: the built-in plugins, and more by one line each.
pub struct HostBuilder {
    deps: HostDeps,
}

impl HostBuilder {
    /// A host with the built-in plugins.
    pub fn new(
        engine: Arc<Engine>,
        bus: SharedBus,
        images: Arc<Images>,
        options: HostOptions,
    ) -> Self {
        let deps = HostDeps {
            engine,
            bus,
            images,
            options,
            plugins: plugins::all(),
            metrics: Metrics::new(),
            health: Health::new(),
            ready: watch::Sender::new(None),
        };
        Self { deps }
    }

    /// Adds a plugin.
    pub fn plugin(mut self, plugin: impl Plugin) -> Self {
        self.deps.plugins.push(Arc::new(plugin));
        self
    }

    /// Publishes figures and readiness through those of the process.
    pub fn observed(mut self, metrics: &Metrics, health: &Health) -> Self {
        self.deps.metrics = metrics.clone();
        self.deps.health = health.clone();
        self
    }

    /// Follows the host: `Some` as soon as it answers.
    pub fn ready(&self) -> watch::Receiver<Option<Ready>> {
        self.deps.ready.subscribe()
    }

    /// What [`run`] takes.
    pub fn build(self) -> HostDeps {
        self.deps
    }
}

/// Runs a host until `token` is cancelled, then drains: no new workloads, time for others to take over, every
/// workload stopped, goodbye on the bus, connections closed. A part that dies ends the host with an error.
pub async fn run(deps: HostDeps, token: CancellationToken) -> Result<Exit, RunError> {
    let HostDeps {
        engine,
        bus,
        images,
        options,
        plugins,
        metrics,
        health,
        ready,
    } = deps;
    let HostOptions {
        identity,
        ingress,
        egress,
        scratch,
        volume_roots,
        endpoint_delay,
        handover,
        drain,
    } = options;
    let part = metrics.sub_registry(
        "wasmcloud_host",
        vec![("host".to_owned(), identity.name.clone())],
    );
    let check = health.ready(format!("host {}", identity.name));
    let asked = ingress.address;
    let workload_ports = ingress.workload_ports.clone();
    let _reloading = ingress.tls.as_ref().map(|tls| follow(tls, &token));
    let ingress = Ingress::start(ingress, part.with(HttpMetrics::register)).map_err(|source| {
        RunError::Listen {
            address: asked.map(|address| address.to_string()).unwrap_or_default(),
            source,
        }
    })?;
    let http = ingress.address();
    let (cpu_millis, memory) = Machine::default().limits();
    let runner = RunnerOptions {
        endpoint_delay,
        memory,
        cpu_millis,
    };
    let reachable = egress.addresses;
    let platform = Platform {
        addresses: reachable,
        engine,
        plugins,
        routes: ingress.routes(),
        egress: Arc::new(EgressClients::new(egress)),
        scratch,
        volume_roots,
    };
    let agent = AgentDeps {
        bus: Arc::clone(&bus),
        workloads: Arc::new(Runner::new(platform, images, runner)),
        identity: identity.clone(),
        front: Front {
            port: http.map_or(0, |address| address.port()),
            addresses: addresses(http, &identity.hostname),
            workload_ports,
        },
        interval: agent::INTERVAL,
        handover,
        drain: Some(drain),
    };
    let served = agent::run(agent, token.clone());
    tokio::pin!(served);
    let mut status = bus.status();
    check.fail("connecting to the bus");
    let mut told = false;
    let outcome = loop {
        let connected = status.borrow_and_update().is_connected();
        if token.is_cancelled() {
            check.fail("draining");
        } else if connected {
            check.pass();
            if !told {
                told = true;
                let (id, name) = (identity.id.clone(), identity.name.clone());
                ready.send_replace(Some(Ready { id, name, http }));
            }
        } else {
            check.fail("the connection to the bus is lost");
        }
        tokio::select! {
            outcome = &mut served => break outcome,
            () = token.cancelled(), if !token.is_cancelled() => {}
            changed = status.changed() => if changed.is_err() {
                // Nobody reports the bus any more; the agent notices by itself.
                break served.await;
            },
        }
    };
    if !ingress.close(Instant::now() + CLOSING).await {
        tracing::warn!("some connections did not end in time and were cut");
    }
    outcome?;
    Ok(Exit::Stopped)
}

fn follow(tls: &Arc<ReloadingTls>, token: &CancellationToken) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(
        Arc::clone(tls).follow(TLS_RELOAD, token.clone()),
    ))
}

/// Where others reach the front: the bound address, or the host's name where it is bound to all.
fn addresses(http: Option<SocketAddr>, hostname: &str) -> Vec<String> {
    match http {
        None => Vec::new(),
        Some(address) if address.ip().is_unspecified() => vec![hostname.to_owned()],
        Some(address) => vec![address.ip().to_string()],
    }
}
