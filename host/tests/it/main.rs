//! Integration tests of the host: real guests, sockets and processes.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod agent;
mod egress;
mod engine;
mod http;
mod process;
mod workload;
