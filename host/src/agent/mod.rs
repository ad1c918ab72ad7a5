//! The bus side of a host: it takes commands, says that it is there, and tells what changed. What the commands mean is
//! decided behind [`Workloads`].

pub mod workloads;

pub use workloads::{Counts, StartRequest, Started, StateChange, Workloads};
