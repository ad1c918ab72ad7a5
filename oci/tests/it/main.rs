//! The room over real files, processes and registries.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod faults;
mod fixture;
mod layout;
mod processes;
mod registry;
