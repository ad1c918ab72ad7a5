//! The host: runs WebAssembly components for a control plane. One room per concern: `http` answers and
//! routes requests, `net` bounds what guests reach, `engine` and `workload` run them, `agent` is the bus
//! side; `run` puts them together, `cli` and `process` make a program of it.

pub mod agent;
pub mod cli;
pub mod engine;
pub mod http;
pub mod net;
pub mod process;
pub mod run;
pub mod workload;

pub use engine::{Engine, EngineOptions};
pub use run::{Exit, HostBuilder, HostDeps, HostOptions, Ready, RunError, run};
