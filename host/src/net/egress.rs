//! The seam for outgoing HTTP: a guest's request goes through its workload's [`Egress`].

use std::{net::IpAddr, sync::Arc, time::Duration};

use futures::future::BoxFuture;

use super::policy::EgressPolicy;
use crate::http::{HttpBody, WorkloadIdentity};

/// How one outgoing request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EgressOptions {
    /// `https` instead of `http`.
    pub use_tls: bool,
    /// Longest time until a connection stands, TLS included.
    pub connect_timeout: Duration,
    /// Longest time from the request to the head of its response.
    pub first_byte_timeout: Duration,
    /// Longest silence within the response body.
    pub between_bytes_timeout: Duration,
}

impl Default for EgressOptions {
    fn default() -> Self {
        let timeout = Duration::from_mins(10);
        Self {
            use_tls: false,
            connect_timeout: timeout,
            first_byte_timeout: timeout,
            between_bytes_timeout: timeout,
        }
    }
}

/// Why an outgoing request got no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// The component's `allowedHosts` does not list the target.
    #[error("{target} is not in the component's allowedHosts")]
    HostDenied {
        /// Scheme and authority asked for.
        target: String,
    },
    /// The name resolved to an address that guests of this host may not reach.
    #[error(
        "{host} is at {address}, a {range} address, which components may not reach from this host"
    )]
    AddressDenied {
        /// The name asked for.
        host: String,
        /// What it resolved to.
        address: IpAddr,
        /// The kind of range, in words.
        range: &'static str,
    },
    /// The name has no address.
    #[error("{host} could not be resolved: {problem}")]
    Dns {
        /// The name asked for.
        host: String,
        /// What the resolver said.
        problem: String,
    },
    /// No connection.
    #[error("connection to {target} was refused: {problem}")]
    ConnectionRefused {
        /// Where to.
        target: String,
        /// What the system said.
        problem: String,
    },
    /// The TLS handshake failed.
    #[error("TLS with {target} failed: {problem}")]
    Tls {
        /// Where to.
        target: String,
        /// What rustls said.
        problem: String,
    },
    /// No connection within `connect_timeout`.
    #[error("no connection to {target} in time")]
    ConnectTimeout {
        /// Where to.
        target: String,
    },
    /// No response within `first_byte_timeout`.
    #[error("no response from {target} in time")]
    FirstByteTimeout {
        /// Where to.
        target: String,
    },
    /// The response body fell silent for `between_bytes_timeout`. Seen as the body's error.
    #[error("the response body fell silent")]
    BetweenBytesTimeout,
    /// The workload's connections are all in use, and none came free in time.
    #[error("the workload has its limit of {limit} outgoing connections in use")]
    ConnectionLimit {
        /// The limit.
        limit: usize,
    },
    /// The request cannot be sent as it is.
    #[error("the request is not valid: {0}")]
    InvalidRequest(String),
    /// The peer broke the protocol or the connection.
    #[error("{target} broke the exchange: {problem}")]
    Protocol {
        /// Where to.
        target: String,
        /// What hyper said.
        problem: String,
    },
}

/// Outgoing HTTP of one workload: its components share the connections, each with its own policy.
pub trait Egress: Send + Sync {
    /// Sends `request` (with an absolute URI) if `policy` allows its target, and returns the response's
    /// head with a streaming body.
    fn send(
        &self,
        policy: &EgressPolicy,
        request: http::Request<HttpBody>,
        options: EgressOptions,
    ) -> BoxFuture<'static, Result<http::Response<HttpBody>, EgressError>>;
}

/// Hands each workload its own [`Egress`]: no connection, TLS session or limit is shared between workloads.
pub trait EgressPools: Send + Sync {
    /// A new pool, closed when the last clone is dropped.
    fn for_workload(&self, workload: &WorkloadIdentity) -> Arc<dyn Egress>;
}
