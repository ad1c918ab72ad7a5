//! Decisions without IO: no client, no bus, no clock but one passed in. Everything here is a function of what
//! it is given, so that every order of events leads to the same plan.

pub mod aliases;
pub mod artifact_status;
pub mod artifacts;
pub mod backoff;
pub mod conditions;
pub mod config_layers;
pub mod config_refs;
pub mod declared;
pub mod durations;
pub mod environment;
pub mod event_flow;
pub mod heartbeat;
pub mod host_status;
pub mod hostnames;
pub mod http;
pub mod inventory;
pub mod ledger;
pub mod liveness;
pub mod names;
pub mod owed;
pub mod owner;
pub mod pull_secret;
pub mod replicas;
pub mod rollout;
pub mod routes;
pub mod scheduler;
