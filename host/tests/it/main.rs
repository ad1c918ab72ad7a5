//! Integration tests of the host over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod egress;
mod http;
