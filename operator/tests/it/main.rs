//! The operator against a real etcd and kube-apiserver, with hosts that speak the wire on a bus in this process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests: a failed unwrap is a failed test"
)]

mod account;
mod artifacts;
mod configuration;
mod crowd;
mod dropped;
mod embedded;
mod ends;
mod estate;
mod faults;
mod finalizers;
mod fixture;
mod hostnames;
mod hpa;
mod identity;
mod journey;
mod lag;
mod late;
mod leader;
mod life;
mod loss;
mod nats_loss;
mod outage;
mod placement;
mod process;
mod rollout_bounds;
mod rollouts;
mod routes;
mod scale;
mod scrape;
mod slots;
mod stale;
mod succession;
mod take_over;
mod told;
mod trouble;
mod versions;
mod watching;
mod witness;
