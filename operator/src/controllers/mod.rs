//! One folder for each kind, each the same steps: dereference (reads), validate, build (pure, calls `core`),
//! apply (writes), status (writes). A reconcile never depends on why it ran.

pub mod artifact;
pub mod config;
pub mod context;
pub mod deployment;
pub mod events;
pub mod host;
pub mod inventory;
pub mod pull_secrets;
pub mod queue;
pub mod replica_set;
pub mod route;
pub mod workload;
pub mod writes;

pub use context::{Context, Queues, WAITING};
