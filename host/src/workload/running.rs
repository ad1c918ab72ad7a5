//! A workload from its start to its stop.

use super::{
    callee::Callee,
    http::{HttpComponent, PoolLimits, WorkloadHttp},
    prepare::{self, Bindings, Part, PrepareError, Prepared, Surroundings},
    routes::{self, RoutesError},
    service::{Entry, Service, ServiceState},
    spec::{LocalResources, WorkloadSpec},
    volumes::Volumes,
};
use crate::{
    engine::{CompileError, Engine},
    http::{Drained, HttpHandler, RouteGuard, Routes, WorkloadIdentity},
    net::{AddressPolicy, EgressPools},
};
use bytes::Bytes;
use futures::future::try_join_all;
use host_api::{ComponentIdentity, Plugin};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::{sync::watch, time::Instant};

/// What workloads of one host run with.
pub struct Platform {
    /// The process' engine.
    pub engine: Arc<Engine>,
    /// What serves host interfaces.
    pub plugins: Vec<Arc<dyn Plugin>>,
    /// Where workloads register for requests.
    pub routes: Arc<dyn Routes>,
    /// Connections for outgoing requests.
    pub egress: Arc<dyn EgressPools>,
    /// Addresses components may reach by socket.
    pub addresses: AddressPolicy,
    /// Where ephemeral volumes are made.
    pub scratch: PathBuf,
    /// Under which directories `hostPath` volumes may be.
    pub volume_roots: Vec<PathBuf>,
}

/// The bytes of a workload's components.
#[derive(Clone, Debug, Default)]
pub struct WorkloadImages {
    /// In the order of the components.
    pub components: Vec<Bytes>,
    /// Of the service, if there is one.
    pub service: Option<Bytes>,
}

/// A workload could not be started. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A component could not be compiled.
    #[error("component `{component}`: {source}")]
    Compile {
        /// Which component.
        component: String,
        /// Why.
        #[source]
        source: CompileError,
    },
    /// The components cannot be made to run.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The workload cannot be routed to.
    #[error(transparent)]
    Routes(#[from] RoutesError),
    /// The service cannot be run as one.
    #[error("the service does not export `wasi:cli/run`")]
    NoRun,
    /// Two components have one name.
    #[error("two components are called `{0}`")]
    DuplicateName(String),
}

/// The name under which the service of a workload appears among its components.
pub const SERVICE: &str = "service";

/// A workload that answers, until [`RunningWorkload::stop`] or until dropped, which cuts everything off.
pub struct RunningWorkload {
    route: Option<RouteGuard>,
    http: Option<Arc<WorkloadHttp>>,
    service: Option<Service>,
    callees: Vec<Arc<Callee>>,
    bindings: Bindings,
    _volumes: Volumes,
}

impl RunningWorkload {
    /// Compiles, links, binds and registers everything.
    pub async fn start(
        spec: &WorkloadSpec,
        images: WorkloadImages,
        platform: &Platform,
    ) -> Result<Self, StartError> {
        let parts = load(spec, images, &platform.engine).await?;
        let volumes = Volumes::prepare(&spec.volumes, &platform.scratch, &platform.volume_roots)
            .map_err(PrepareError::from)?;
        let identity = http_identity(spec);
        let around = Surroundings {
            engine: &platform.engine,
            plugins: &platform.plugins,
            declared: &spec.host_interfaces,
            volumes: &volumes,
            egress: platform.egress.for_workload(&identity),
            addresses: platform.addresses,
            front: tokio::runtime::Handle::current(),
        };
        let mut prepared = prepare::prepare(parts, &around).await?;
        match expose(spec, identity, &prepared, platform) {
            Ok((http, route, service)) => Ok(Self {
                route,
                http,
                service,
                callees: prepared.callees,
                bindings: prepared.bindings,
                _volumes: volumes,
            }),
            Err(error) => {
                prepared.bindings.release().await;
                Err(error)
            }
        }
    }

    /// The service's state and its changes, if there is one.
    pub fn service(&self) -> Option<watch::Receiver<ServiceState>> {
        self.service.as_ref().map(Service::state)
    }

    /// What answers the workload's requests, if it takes any.
    pub fn http(&self) -> Option<Arc<dyn HttpHandler>> {
        self.http.clone().map(|http| http as Arc<dyn HttpHandler>)
    }

    /// Drains for at most `drain`, of which `endpoint_delay` pass in any case, then stops everything.
    pub async fn stop(mut self, endpoint_delay: Duration, drain: Duration) {
        if let Some(route) = self.route.take()
            && let Drained::Deadline { in_flight } =
                route.drain(endpoint_delay, Instant::now() + drain).await
        {
            tracing::warn!(in_flight, "a workload is stopped with requests in flight");
        }
        if let Some(http) = self.http.take() {
            http.kill();
        }
        self.service = None;
        for callee in &self.callees {
            callee.cool();
        }
        self.bindings.release().await;
    }
}

impl Drop for RunningWorkload {
    fn drop(&mut self) {
        if let Some(http) = &self.http {
            http.kill();
        }
        for callee in &self.callees {
            callee.cool();
        }
    }
}

/// Compiles all components at once; the engine bounds how many really are.
async fn load(
    spec: &WorkloadSpec,
    images: WorkloadImages,
    engine: &Arc<Engine>,
) -> Result<Vec<Part>, StartError> {
    let names = spec
        .components
        .iter()
        .map(|component| component.name.as_str());
    let mut seen = std::collections::HashSet::new();
    if let Some(twice) = names
        .chain(spec.service.iter().map(|_| SERVICE))
        .find(|n| !seen.insert(*n))
    {
        return Err(StartError::DuplicateName(twice.to_owned()));
    }
    let part = |name: &str, bytes: Bytes, resources: &LocalResources| {
        let identity = Arc::new(ComponentIdentity {
            workload: spec.identity.clone(),
            component: name.to_owned(),
        });
        let resources = resources.clone();
        async move {
            let loaded = engine
                .load(bytes)
                .await
                .map_err(|source| StartError::Compile {
                    component: identity.component.clone(),
                    source,
                })?;
            Ok::<_, StartError>(Part {
                identity,
                loaded,
                resources,
                pool_size: 0,
                max_invocations: None,
            })
        }
    };
    let components = spec
        .components
        .iter()
        .zip(images.components)
        .map(|(component, bytes)| part(&component.name, bytes, &component.resources));
    let service = spec
        .service
        .iter()
        .zip(images.service)
        .map(|(service, bytes)| part(SERVICE, bytes, &service.resources));
    let mut parts = try_join_all(components.chain(service)).await?;
    for (part, component) in parts.iter_mut().zip(&spec.components) {
        part.pool_size = component.pool_size;
        part.max_invocations = component.max_invocations;
    }
    Ok(parts)
}

fn http_identity(spec: &WorkloadSpec) -> WorkloadIdentity {
    WorkloadIdentity {
        id: spec.identity.id.as_str().into(),
        namespace: spec.identity.namespace.as_str().into(),
        name: spec.identity.name.as_str().into(),
        owner: spec.owner.as_str().into(),
    }
}

type Exposed = (
    Option<Arc<WorkloadHttp>>,
    Option<RouteGuard>,
    Option<Service>,
);

/// Everything that lets the outside reach the workload; routes last, so that nothing is routed to what is
/// not there.
fn expose(
    spec: &WorkloadSpec,
    identity: WorkloadIdentity,
    prepared: &Prepared,
    platform: &Platform,
) -> Result<Exposed, StartError> {
    let service = match (&spec.service, prepared.components.last()) {
        (Some(service), Some(runnable)) => {
            let entry = Entry::new(runnable)
                .map_err(|error| PrepareError::Instantiate {
                    component: SERVICE.to_owned(),
                    message: format!("{error:#}"),
                })?
                .ok_or(StartError::NoRun)?;
            Some(Service::start(
                runnable.clone(),
                entry,
                service.max_restarts,
            ))
        }
        _ => None,
    };
    let Some(binding) = routes::binding(&spec.host_interfaces, &spec.service_hostnames)? else {
        return Ok((None, None, service));
    };
    let mut handlers = Vec::new();
    for (index, runnable) in prepared
        .components
        .iter()
        .enumerate()
        .take(spec.components.len())
    {
        let http =
            HttpComponent::new(runnable.clone()).map_err(|error| PrepareError::Instantiate {
                component: runnable.name().to_owned(),
                message: format!("{error:#}"),
            })?;
        if let Some(http) = http {
            handlers.push((index, http));
        }
    }
    // A middleware exports the handler and imports the next one; requests enter at the one nobody imports.
    let entry = handlers
        .iter()
        .position(|(index, _)| !prepared.is_imported(*index, "wasi", "http"))
        .unwrap_or(0);
    if handlers.is_empty() {
        return Err(RoutesError::NoHandler.into());
    }
    let (index, component) = handlers.swap_remove(entry);
    let component_spec = &spec.components[index];
    let pool = PoolLimits {
        size: component_spec.pool_size,
        max_invocations: component_spec.max_invocations,
        max_concurrency: component_spec.max_concurrency,
    };
    let http = WorkloadHttp::new(identity, component, pool, component_spec.limits);
    let route = platform
        .routes
        .register(http.clone(), binding)
        .map_err(RoutesError::from)?;
    Ok((Some(http), Some(route), service))
}
