//! The HTTP front: listeners, the router from Host header to workload, and the drain of both.
//! Knows nothing of guests: whoever answers is an [`HttpHandler`].

mod access;
mod body;
mod connection;
mod dispatch;
mod entry;
mod handler;
mod host_name;
mod ingress;
mod listener;
mod metrics;
mod options;
mod problem;
mod request_id;
mod table;

pub use access::TARGET as ACCESS_LOG_TARGET;
pub(crate) use body::BoundedBody;
pub use body::RequestBodyError;
pub use entry::InFlight;
pub use handler::{
    BodyError, Drained, HandleError, HttpBinding, HttpBody, HttpHandler, Registration,
    RequestContext, RouteError, RouteGuard, Routes, Scheme, WorkloadIdentity,
};
pub use ingress::{Ingress, IngressOptions};
pub use metrics::HttpMetrics;
pub use options::HttpLimits;
