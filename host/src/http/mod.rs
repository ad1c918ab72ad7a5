//! The HTTP front: listeners, the router from Host header to workload, and the drain of both.
//! Knows nothing of guests: whoever answers is an [`HttpHandler`].

mod handler;

pub use handler::{
    BodyError, Drained, HandleError, HttpBinding, HttpBody, HttpHandler, Registration,
    RequestContext, RouteError, RouteGuard, Routes, Scheme, WorkloadIdentity,
};
