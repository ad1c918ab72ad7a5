//! One suite, two clusters: `E2E_CLUSTER=embedded` (the default) or `apiserver`; `cargo xtask e2e` sets it.

mod cluster;
mod follow;
mod load;
mod objects;

mod cordon;
mod departures;
mod hosts;
mod kubectl;
mod leaders;
mod lifecycle;
mod manifests;
mod pods;
mod prebuilt;
mod refusals;
mod rollouts;
mod scope;
mod shared_bus;
mod traces;
