//! The operator against a real etcd and kube-apiserver, with hosts that speak the wire on a bus in this process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests: a failed unwrap is a failed test"
)]

mod artifacts;
mod configuration;
mod crowd;
mod dropped;
mod embedded;
mod estate;
mod faults;
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
mod rollouts;
mod routes;
mod scale;
mod scrape;
mod stale;
mod take_over;
mod told;
mod trouble;
mod witness;
