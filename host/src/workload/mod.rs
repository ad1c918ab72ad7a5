//! Workloads: from what is asked for ([`spec`]) to components that answer. Who serves which import is
//! planned in [`resolve`], without side effects; [`Runnable`] is a component with everything prepared;
//! calls between components, HTTP, warm pools and services are ways to run one.
//!
//! There is one store per component instance, always: limits, context and traps are a store's. A component
//! that calls another has its own store waiting while the other runs in its own.

mod asked;
mod body;
mod callee;
mod crossing;
mod entry;
mod fault;
mod fresh;
mod http;
mod link;
mod outgoing;
mod output;
mod pool;
mod prepare;
mod reason;
pub mod resolve;
mod routes;
mod runnable;
mod runner;
mod running;
mod service;
mod shape;
mod sockets;
pub mod spec;
mod volumes;
mod warm;

pub use fault::Fault;
pub use http::WorkloadHttp;
pub use link::LinkError;
pub use prepare::PrepareError;
pub use routes::RoutesError;
pub use runnable::{Runnable, Template};
pub use runner::{Runner, RunnerOptions};
pub use running::{Platform, RunningWorkload, SERVICE, StartError, WorkloadImages};
pub use service::ServiceState;
pub use volumes::{VolumeError, Volumes};
