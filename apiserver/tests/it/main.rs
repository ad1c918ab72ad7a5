//! The API server as clients see it: kube-rs over the in-memory service, raw requests, and a real
//! kubectl over TLS.

mod crud;
mod deletion;
mod golden_apply;
mod golden_patch;
mod golden_schema;
mod server;
mod watches;
