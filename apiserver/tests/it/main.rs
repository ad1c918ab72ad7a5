//! The API server as clients see it: kube-rs over the in-memory service, raw requests, and a real
//! kubectl over TLS; its pure parts against recorded answers of a real kube-apiserver.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod access;
mod apply;
mod builtin_schemas;
mod crud;
mod deletion;
mod durability;
mod golden_apply;
mod golden_patch;
mod golden_schema;
mod kubectl;
mod parity;
mod platform;
mod server;
mod watches;
