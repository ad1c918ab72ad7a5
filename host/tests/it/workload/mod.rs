//! Workloads made of real guests.

mod http;
mod linking;
mod plugins;
mod pool;
mod runner;
mod service;
pub mod support;
mod volumes;
mod wasi03;
