//! The front as a whole: the listener for names, the listeners of workloads' own ports, and who holds what.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Weak},
    time::Duration,
};

use arc_swap::ArcSwap;
use futures::{FutureExt, future::BoxFuture};
use parking_lot::Mutex;
use protocol::WorkloadPorts;
use service::tls::ReloadingTls;
use tokio::time::Instant;

use super::{
    dispatch::{Dispatch, Target},
    entry::Entry,
    handler::{Drained, HttpBinding, HttpHandler, Registration, RouteError, RouteGuard, Routes},
    listener::{Listener, Shared},
    metrics::HttpMetrics,
    options::HttpLimits,
    table::Table,
};

/// What a front needs.
pub struct IngressOptions {
    /// Where requests by Host header are answered; without it only workloads' own ports are.
    pub address: Option<SocketAddr>,
    /// TLS on every listener.
    pub tls: Option<Arc<ReloadingTls>>,
    /// Bounds for clients.
    pub limits: HttpLimits,
    /// Which ports of their own workloads may have.
    pub workload_ports: WorkloadPorts,
}

/// The HTTP front of a host. Dropping it closes every listener and connection.
pub struct Ingress {
    inner: Arc<Inner>,
    named: Option<Listener>,
}

struct Inner {
    shared: Arc<Shared>,
    workload_ports: WorkloadPorts,
    has_names: bool,
    table: Arc<ArcSwap<Table>>,
    /// Changes are one at a time; requests never take this.
    ports: Mutex<HashMap<SocketAddr, OwnPort>>,
}

/// A workload's own port, shared by the replicas of one owner.
struct OwnPort {
    namespace: Arc<str>,
    owner: Arc<str>,
    dispatch: Arc<Dispatch>,
    listener: Listener,
}

impl Ingress {
    /// Binds and serves. To be called on the runtime that shall serve, which must not be the guests'.
    pub fn start(options: IngressOptions, metrics: HttpMetrics) -> io::Result<Self> {
        let table = Arc::new(ArcSwap::from_pointee(Table::default()));
        let shared = Arc::new(Shared::new(options.limits, metrics, options.tls));
        let named = options
            .address
            .map(|address| {
                let target = Target::Names(Arc::clone(&table));
                let dispatch =
                    Dispatch::new(target, Arc::clone(&shared.limits), shared.metrics.clone());
                Listener::start(&shared, address, Arc::new(dispatch))
            })
            .transpose()?;
        let inner = Inner {
            shared,
            workload_ports: options.workload_ports,
            has_names: named.is_some(),
            table,
            ports: Mutex::default(),
        };
        Ok(Self {
            inner: Arc::new(inner),
            named,
        })
    }

    /// Where requests by Host header are answered.
    pub fn address(&self) -> Option<SocketAddr> {
        self.named.as_ref().map(Listener::address)
    }

    /// Where workloads register.
    pub fn routes(&self) -> Arc<dyn Routes> {
        Arc::new(Router(Arc::clone(&self.inner)))
    }

    /// Closes every listener, asks clients to leave, and lets open requests end until `deadline`; then
    /// connections are cut. Whether all ended in time. Workloads should have drained before.
    pub async fn close(&self, deadline: Instant) -> bool {
        let ports: Vec<OwnPort> = self
            .inner
            .ports
            .lock()
            .drain()
            .map(|(_, port)| port)
            .collect();
        let own = futures::future::join_all(ports.iter().map(|port| port.listener.close(deadline)));
        let named = async {
            match &self.named {
                Some(listener) => listener.close(deadline).await,
                None => true,
            }
        };
        let (own, named) = futures::future::join(own, named).await;
        named && own.into_iter().all(|in_time| in_time)
    }
}

struct Router(Arc<Inner>);

impl Routes for Router {
    fn register(
        &self,
        handler: Arc<dyn HttpHandler>,
        binding: HttpBinding,
    ) -> Result<RouteGuard, RouteError> {
        let inner = &self.0;
        if binding.hostnames.is_empty() && binding.address.is_none() {
            return Err(RouteError::Unroutable(
                "the workload asks for neither a host name nor a port".to_owned(),
            ));
        }
        if !binding.hostnames.is_empty() && !inner.has_names {
            return Err(RouteError::Unroutable(
                "this host answers no host names: it was started without --http-addr".to_owned(),
            ));
        }
        let metrics = inner.shared.metrics.workload(handler.workload());
        let entry = Entry::new(handler, metrics);
        let mut ports = inner.ports.lock();
        let table = inner.table.load().with(&entry, &binding.hostnames)?;
        let (port, address) = match binding.address {
            Some(asked) => inner
                .open_port(&mut ports, asked, &entry)
                .map(|(port, bound)| (Some(port), Some(bound)))?,
            None => (None, None),
        };
        if !binding.hostnames.is_empty() {
            inner.table.store(Arc::new(table));
        }
        Ok(RouteGuard::new(Held {
            inner: Arc::downgrade(inner),
            entry,
            port,
            address,
        }))
    }
}

impl Inner {
    /// Puts `entry` behind its port; returns the key it is held under and the bound address.
    fn open_port(
        self: &Arc<Self>,
        ports: &mut HashMap<SocketAddr, OwnPort>,
        asked: SocketAddr,
        entry: &Arc<Entry>,
    ) -> Result<(SocketAddr, SocketAddr), RouteError> {
        let address =
            self.workload_ports
                .admit(asked)
                .map_err(|refused| RouteError::PortNotAllowed {
                    address: refused.asked,
                    allowed: refused.allowed,
                })?;
        let workload = entry.handler().workload();
        if let Some(port) = ports.get(&address) {
            if port.namespace != workload.namespace || port.owner != workload.owner {
                return Err(RouteError::PortTaken {
                    address,
                    holder: format!("{}/{} has it", port.namespace, port.owner),
                });
            }
            if let Target::Own(entries) = &port.dispatch.target {
                let mut all = Vec::clone(&entries.load());
                all.push(Arc::clone(entry));
                entries.store(Arc::new(all));
            }
            return Ok((address, port.listener.address()));
        }
        let target = Target::Own(ArcSwap::from_pointee(vec![Arc::clone(entry)]));
        let dispatch = Arc::new(Dispatch::new(
            target,
            Arc::clone(&self.shared.limits),
            self.shared.metrics.clone(),
        ));
        let listener =
            Listener::start(&self.shared, address, Arc::clone(&dispatch)).map_err(|error| {
                RouteError::PortTaken {
                    address,
                    holder: error.to_string(),
                }
            })?;
        let bound = listener.address();
        let (namespace, owner) = (Arc::clone(&workload.namespace), Arc::clone(&workload.owner));
        ports.insert(
            address,
            OwnPort {
                namespace,
                owner,
                dispatch,
                listener,
            },
        );
        Ok((address, bound))
    }

    fn remove(&self, entry: &Arc<Entry>, port: Option<SocketAddr>) {
        let mut ports = self.ports.lock();
        self.table.store(Arc::new(self.table.load().without(entry)));
        let Some(key) = port else { return };
        let Some(own) = ports.get(&key) else { return };
        let Target::Own(entries) = &own.dispatch.target else {
            return;
        };
        let rest: Vec<_> = entries
            .load()
            .iter()
            .filter(|other| !Arc::ptr_eq(other, entry))
            .map(Arc::clone)
            .collect();
        if !rest.is_empty() {
            entries.store(Arc::new(rest));
            return;
        }
        entries.store(Arc::new(rest));
        if let Some(own) = ports.remove(&key) {
            own.listener.retire(&self.shared);
        }
    }
}

/// A registration, held by its guard.
struct Held {
    inner: Weak<Inner>,
    entry: Arc<Entry>,
    port: Option<SocketAddr>,
    address: Option<SocketAddr>,
}

impl Registration for Held {
    fn drain(&self, endpoint_delay: Duration, deadline: Instant) -> BoxFuture<'static, Drained> {
        let entry = Arc::clone(&self.entry);
        async move { entry.drain(endpoint_delay, deadline).await }.boxed()
    }

    fn in_flight(&self) -> usize {
        self.entry.active()
    }

    fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    fn remove(&self) {
        if let Some(inner) = self.inner.upgrade() {
            inner.remove(&self.entry, self.port);
        }
    }
}
