//! The crate as its users see it: generated CRDs, their rules, recorded objects of the reference.

#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "tests: a failed unwrap is a failed test, and `json!` values are made for one call"
)]

mod contract;
mod reference;
mod rules;
mod samples;
mod snapshot;
