//! The seam between the HTTP front and what runs components: whoever can answer requests implements
//! [`HttpHandler`] and asks [`Routes`] to send it some.

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use tokio::time::Instant;

/// Why a body ended early. Boxed, because guests, hyper and limits each have their own.
pub type BodyError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// A streaming body in either direction.
pub type HttpBody = http_body_util::combinators::UnsyncBoxBody<bytes::Bytes, BodyError>;

/// Who a handler, a connection pool or a log line belongs to. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WorkloadIdentity {
    /// Id of this workload on the bus; unique on a host.
    pub id: Arc<str>,
    /// Namespace of the workload; the tenant in every question of ownership.
    pub namespace: Arc<str>,
    /// Name of the workload.
    pub name: Arc<str>,
    /// What the workload is a replica of, within its namespace (its Deployment, else its own name).
    /// Replicas of one owner share a port of their own.
    pub owner: Arc<str>,
}

impl fmt::Display for WorkloadIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// How a request reached the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain text.
    Http,
    /// TLS, ended by this host.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// What the front knows about a request beside the request itself.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// Value of `x-request-id`: the client's if it was sane, else fresh.
    pub request_id: Arc<str>,
    /// How the request reached the host.
    pub scheme: Scheme,
    /// The connection's other end (a proxy's, if there is one).
    pub peer: SocketAddr,
    /// When the head of the response must be there. The front answers 504 at that time and drops the
    /// handler's future; a handler may be stricter.
    pub deadline: Option<Instant>,
}

/// Why a request got no response. Each has its HTTP status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandleError {
    /// The workload has as many requests in flight as it may.
    #[error("the workload is at its limit of concurrent requests")]
    Overloaded {
        /// When it is worth to try again.
        retry_after: Duration,
    },
    /// No instance of the host is free, for any workload, and the wait for one is over.
    #[error("the host has no free instance")]
    HostOverloaded {
        /// When it is worth to try again.
        retry_after: Duration,
    },
    /// The workload is stopping and takes nothing new.
    #[error("the workload is draining")]
    Draining,
    /// The deadline passed.
    #[error("the workload did not answer in time")]
    Timeout,
    /// The guest asked for more memory than its limit.
    #[error("the component reached its memory limit")]
    OutOfMemory,
    /// The guest trapped. The text goes to the log, never to the client.
    #[error("the component trapped: {0}")]
    Trap(String),
    /// The guest returned without setting a response.
    #[error("the component returned without a response")]
    NoResponse,
    /// The guest answered with an error code of `wasi:http` in place of a response.
    #[error("the component answered with an error: {0}")]
    Guest(String),
    /// The request's body passed the workload's limit.
    #[error("the request body is larger than the workload's limit of {limit} bytes")]
    BodyTooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The host failed, not the guest. The text goes to the log, never to the client.
    #[error("the host could not run the component: {0}")]
    Host(String),
}

impl HandleError {
    /// The status a client sees.
    pub const fn status(&self) -> http::StatusCode {
        match self {
            Self::Overloaded { .. } | Self::HostOverloaded { .. } | Self::Draining => {
                http::StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Timeout => http::StatusCode::GATEWAY_TIMEOUT,
            Self::BodyTooLarge { .. } => http::StatusCode::PAYLOAD_TOO_LARGE,
            Self::OutOfMemory
            | Self::Trap(_)
            | Self::NoResponse
            | Self::Guest(_)
            | Self::Host(_) => http::StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// Answers HTTP requests for one workload.
pub trait HttpHandler: Send + Sync {
    /// Whose requests these are.
    fn workload(&self) -> &WorkloadIdentity;

    /// Requests begun whose response body has not ended. The front picks the least loaded of several.
    fn in_flight(&self) -> usize;

    /// Answers one request. Dropping the future or the response body means that the client is gone.
    fn handle(
        self: Arc<Self>,
        request: http::Request<HttpBody>,
        context: RequestContext,
    ) -> BoxFuture<'static, Result<http::Response<HttpBody>, HandleError>>;
}

/// Under which names, or at which port, a workload wants its requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpBinding {
    /// Host names, in any case, without a port. Several workloads may hold one name; a name with a dot
    /// belongs to the first namespace that holds it on this host.
    pub hostnames: Vec<String>,
    /// A port of the workload's own (`config.address`), answered for any Host header and shared by the
    /// replicas of one owner.
    pub address: Option<SocketAddr>,
}

/// Why a binding was refused. Nothing of a refused binding is registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// Another namespace holds the name on this host.
    #[error("host name {hostname:?} belongs to a workload of namespace {namespace:?} on this host")]
    HostnameTaken {
        /// The name asked for.
        hostname: String,
        /// The namespace holding it.
        namespace: String,
    },
    /// Not a host name (RFC 1123) or IP address.
    #[error("host name {hostname:?} is not valid: {problem}")]
    HostnameInvalid {
        /// What was asked for.
        hostname: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Another owner or another process holds the port.
    #[error("address {address} is taken: {holder}")]
    PortTaken {
        /// The address asked for.
        address: SocketAddr,
        /// Who holds it.
        holder: String,
    },
    /// The host's `--workload-ports` does not allow it.
    #[error("address {address} is not allowed on this host: workload ports are {allowed}")]
    PortNotAllowed {
        /// The address asked for.
        address: SocketAddr,
        /// What is allowed.
        allowed: String,
    },
    /// Names were asked for on a host without `--http-addr`, or neither a name nor a port was asked for.
    #[error("{0}")]
    Unroutable(String),
}

/// How a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// Every request had its whole response.
    Idle,
    /// The deadline came first; so many requests were still open.
    Deadline {
        /// Requests that had no complete response.
        in_flight: usize,
    },
}

/// What a registration can do; implemented by the front, wrapped by [`RouteGuard`].
pub trait Registration: Send + Sync {
    /// See [`RouteGuard::drain`].
    fn drain(&self, endpoint_delay: Duration, deadline: Instant) -> BoxFuture<'static, Drained>;
    /// See [`RouteGuard::in_flight`].
    fn in_flight(&self) -> usize;
    /// See [`RouteGuard::address`].
    fn address(&self) -> Option<SocketAddr>;
    /// Takes the workload off the router. May be called again.
    fn remove(&self);
}

/// A workload's place on the router. Dropping it removes the workload at once.
pub struct RouteGuard(Box<dyn Registration>);

impl RouteGuard {
    /// Wraps a registration.
    pub fn new(registration: impl Registration + 'static) -> Self {
        Self(Box::new(registration))
    }

    /// Marks the workload as draining: it is still routed to, but connections are asked to go elsewhere
    /// (`Connection: close`, GOAWAY) and siblings are preferred. Ends when `endpoint_delay` has passed and
    /// no response body is open, or at `deadline`; then the workload is off the router.
    pub async fn drain(&self, endpoint_delay: Duration, deadline: Instant) -> Drained {
        let drained = self.0.drain(endpoint_delay, deadline).await;
        self.0.remove();
        drained
    }

    /// Requests routed here whose response body or upgraded stream has not ended.
    pub fn in_flight(&self) -> usize {
        self.0.in_flight()
    }

    /// The bound address, if the workload has a port of its own.
    pub fn address(&self) -> Option<SocketAddr> {
        self.0.address()
    }
}

impl Drop for RouteGuard {
    fn drop(&mut self) {
        self.0.remove();
    }
}

impl fmt::Debug for RouteGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouteGuard")
            .field("in_flight", &self.in_flight())
            .finish_non_exhaustive()
    }
}

/// Where workloads register for requests.
pub trait Routes: Send + Sync {
    /// Puts `handler` on the router, all of `binding` or nothing.
    fn register(
        &self,
        handler: Arc<dyn HttpHandler>,
        binding: HttpBinding,
    ) -> Result<RouteGuard, RouteError>;
}
