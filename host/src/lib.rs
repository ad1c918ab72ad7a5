//! The host: runs WebAssembly components for a control plane. One room per concern: `http` answers and
//! routes requests, `net` bounds what guests reach, `engine` and `workload` run them, `agent` is the bus side.

pub mod agent;
pub mod engine;
pub mod http;
pub mod net;
pub mod workload;
