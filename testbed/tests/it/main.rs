//! The starters against the real servers.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, outside the test functions themselves"
)]

mod fake_hosts;
mod kube;
mod manifests;
mod nats;
mod prebuilt;
mod process;
mod registry;
