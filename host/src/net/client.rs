//! The outgoing HTTP client: one pool per workload, bounded, with nothing shared between workloads.

use std::{error::Error as _, sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use http::{
    HeaderMap, HeaderName, Request, Response, Uri, Version,
    header::{
        CONNECTION, CONTENT_TYPE, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
        TRANSFER_ENCODING, UPGRADE,
    },
    uri::{Authority, Scheme},
};
use http_body_util::BodyExt;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use parking_lot::Mutex;
use rustls::ClientConfig;
use tokio::sync::Semaphore;

use super::{
    address::AddressPolicy,
    connect::{CONNECT_TIMEOUT, Connector, Dialer, authority},
    egress::{Egress, EgressError, EgressOptions, EgressPools},
    host_pattern::HostName,
    policy::{EgressPolicy, Listed},
    proxy::Proxies,
    resolve::{Resolver, SystemResolver},
    trust,
};
use crate::http::{BoundedBody, HttpBody, WorkloadIdentity};

/// Idle connections are kept this long; common load balancers keep theirs for 60 s and more.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// What a host's outgoing HTTP needs.
pub struct EgressConfig {
    /// Whom TLS trusts; see [`trust::client_config`].
    pub tls: ClientConfig,
    /// Which addresses components may reach.
    pub addresses: AddressPolicy,
    /// Proxies of the host's environment.
    pub proxies: Proxies,
    /// Open connections of one workload.
    pub max_connections: usize,
    /// How long a request waits for one of them.
    pub connection_wait: Duration,
}

/// Hands out per-workload clients.
pub struct EgressClients {
    dialer: Arc<Dialer>,
    tls: ClientConfig,
    max_connections: usize,
}

impl EgressClients {
    /// Clients that ask the system's resolver.
    pub fn new(config: EgressConfig) -> Self {
        Self::with_resolver(config, Arc::new(SystemResolver))
    }

    /// Clients that ask `resolver`.
    pub fn with_resolver(config: EgressConfig, resolver: Arc<dyn Resolver>) -> Self {
        let dialer = Dialer {
            resolver,
            addresses: config.addresses,
            proxies: config.proxies,
            connection_wait: config.connection_wait,
        };
        Self {
            dialer: Arc::new(dialer),
            tls: config.tls,
            max_connections: config.max_connections.max(1),
        }
    }
}

impl EgressPools for EgressClients {
    fn for_workload(&self, _workload: &WorkloadIdentity) -> Arc<dyn Egress> {
        Arc::new(WorkloadClient(Arc::new(Pools {
            dialer: Arc::clone(&self.dialer),
            tls: trust::for_workload(&self.tls, &[b"h2", b"http/1.1"]),
            tls_h2: trust::for_workload(&self.tls, &[b"h2"]),
            permits: Arc::new(Semaphore::new(self.max_connections)),
            limit: self.max_connections,
            clients: Mutex::default(),
        })))
    }
}

struct WorkloadClient(Arc<Pools>);

type HttpClient = Client<Connector, HttpBody>;

/// A workload's pools: one for each set of addresses that its components' lists name, since a pooled
/// connection to a private address must not serve a component that did not name it.
pub(super) struct Pools {
    dialer: Arc<Dialer>,
    tls: Arc<ClientConfig>,
    tls_h2: Arc<ClientConfig>,
    permits: Arc<Semaphore>,
    limit: usize,
    clients: Mutex<Vec<Pool>>,
}

struct Pool {
    listed: Listed,
    h2_only: bool,
    client: HttpClient,
}

impl Pools {
    /// Closes connections that no request uses.
    pub(super) fn close_idle(&self) {
        // A pool's idle connections live as long as its client.
        let idle = std::mem::take(&mut *self.clients.lock());
        drop(idle);
    }

    fn client(self: &Arc<Self>, listed: &Listed, h2_only: bool) -> HttpClient {
        let mut clients = self.clients.lock();
        if let Some(pool) = clients
            .iter()
            .find(|pool| pool.h2_only == h2_only && pool.listed == *listed)
        {
            return pool.client.clone();
        }
        let connector = Connector {
            dialer: Arc::clone(&self.dialer),
            listed: listed.clone(),
            tls: Arc::clone(if h2_only { &self.tls_h2 } else { &self.tls }),
            permits: Arc::clone(&self.permits),
            limit: self.limit,
            pools: Arc::downgrade(self),
        };
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(self.limit)
            .http2_only(h2_only)
            .http2_keep_alive_interval(Duration::from_secs(20))
            .build(connector);
        clients.push(Pool {
            listed: listed.clone(),
            h2_only,
            client: client.clone(),
        });
        client
    }
}

impl Egress for WorkloadClient {
    fn send(
        &self,
        policy: &EgressPolicy,
        request: Request<HttpBody>,
        options: EgressOptions,
    ) -> BoxFuture<'static, Result<Response<HttpBody>, EgressError>> {
        let prepared = prepare(policy, request, options.use_tls);
        let (request, grpc) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return futures::future::ready(Err(error)).boxed(),
        };
        let client = self.0.client(policy.listed(), grpc);
        async move {
            let target = request.uri().clone();
            let sending = CONNECT_TIMEOUT.scope(options.connect_timeout, client.request(request));
            let whole = options
                .connect_timeout
                .saturating_add(options.first_byte_timeout);
            let response = tokio::time::timeout(whole, sending)
                .await
                .map_err(|_| EgressError::FirstByteTimeout {
                    target: authority(&target),
                })?
                .map_err(|error| cause(&error, &target))?;
            let silence = options.between_bytes_timeout;
            let mut response = response.map(|body| {
                BoundedBody::of_response(body, silence, |_| EgressError::BetweenBytesTimeout.into())
                    .boxed_unsync()
            });
            remove_hop_by_hop(response.headers_mut());
            Ok(response)
        }
        .boxed()
    }
}

/// Checks a request against `policy` and brings it into the form that is sent; whether it is gRPC.
fn prepare(
    policy: &EgressPolicy,
    request: Request<HttpBody>,
    use_tls: bool,
) -> Result<(Request<HttpBody>, bool), EgressError> {
    let invalid = |problem: &str| EgressError::InvalidRequest(problem.to_owned());
    let (mut parts, body) = request.into_parts();
    let given = parts
        .uri
        .authority()
        .ok_or_else(|| invalid("the request has no authority"))?;
    if given.as_str().contains('@') {
        return Err(invalid("an authority with a user is not allowed"));
    }
    let host = HostName::parse(given.host()).map_err(EgressError::InvalidRequest)?;
    let scheme = if use_tls { Scheme::HTTPS } else { Scheme::HTTP };
    let port = given.port_u16().unwrap_or(if use_tls { 443 } else { 80 });
    if port == 0 {
        return Err(invalid("port 0 cannot be connected to"));
    }
    if !policy.allows(scheme.as_str(), &host, port) {
        return Err(EgressError::HostDenied {
            target: format!("{scheme}://{given}"),
        });
    }
    // One spelling for each target: what was checked is what is pooled, dialled and named in the request.
    let name = match &host {
        HostName::Name(name) => name.clone(),
        HostName::Address(std::net::IpAddr::V6(address)) => format!("[{address}]"),
        HostName::Address(address) => address.to_string(),
    };
    let authority = match given.port_u16() {
        Some(port) => format!("{name}:{port}"),
        None => name,
    };
    let authority = Authority::try_from(authority)
        .map_err(|error| EgressError::InvalidRequest(error.to_string()))?;
    let mut uri = std::mem::take(&mut parts.uri).into_parts();
    uri.scheme = Some(scheme);
    uri.authority = Some(authority);
    uri.path_and_query
        .get_or_insert(http::uri::PathAndQuery::from_static("/"));
    parts.uri =
        Uri::from_parts(uri).map_err(|error| EgressError::InvalidRequest(error.to_string()))?;
    let grpc = parts
        .headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    // The client writes Host from the target that was checked; a guest's own could name another.
    parts.headers.remove(HOST);
    let trailers = parts
        .headers
        .get(TE)
        .is_some_and(|te| te.as_bytes().eq_ignore_ascii_case(b"trailers"));
    remove_hop_by_hop(&mut parts.headers);
    if trailers && grpc {
        parts
            .headers
            .insert(TE, http::HeaderValue::from_static("trailers"));
    }
    parts.version = if grpc {
        Version::HTTP_2
    } else {
        Version::HTTP_11
    };
    parts.extensions.clear();
    Ok((Request::from_parts(parts, body), grpc))
}

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Removes what concerns one connection only (RFC 9110 7.6.1).
fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in [
        CONNECTION,
        KEEP_ALIVE,
        PROXY_CONNECTION,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        TE,
        TRANSFER_ENCODING,
        UPGRADE,
    ] {
        headers.remove(name);
    }
}

/// The reason within the client's error: ours if the connector gave one.
fn cause(error: &hyper_util::client::legacy::Error, target: &Uri) -> EgressError {
    let mut problem = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(own) = inner.downcast_ref::<EgressError>() {
            return own.clone();
        }
        problem = inner.to_string();
        source = inner.source();
    }
    if error.is_connect() {
        EgressError::ConnectionRefused {
            target: authority(target),
            problem,
        }
    } else {
        EgressError::Protocol {
            target: authority(target),
            problem,
        }
    }
}
