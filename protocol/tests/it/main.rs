//! The bus on both implementations, and the messages recorded from the reference.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed expectation ends the test"
)]
mod conformance;
mod golden;
