//! One file per kind: its spec, its status, its columns.

pub mod artifact;
pub mod deployment;
pub mod host;
pub mod replica_set;
pub mod workload;
