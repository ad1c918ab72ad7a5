//! Desired state to host commands: Deployments become ReplicaSets, ReplicaSets Workloads, and each Workload runs on a
//! host that the operator commands over the bus.
//!
//! [`run`] serves until its token is cancelled, against any API server and any bus.

pub mod bus;
pub mod cli;
mod controllers;
pub mod core;
mod error;
mod flow;
mod install;
pub mod leader;
pub mod metrics;
mod options;
mod progress;
pub mod rbac;
mod run;
mod schemas;
mod trace;
mod watch;

pub use bus::Waits;
pub use error::OperatorError;
pub use install::install_crds;
pub use options::OperatorOptions;
pub use progress::{Progress, Stage};
pub use run::{Exit, OperatorDeps, run};
