//! The room as its users see it: over sockets, files and signals.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

mod admin;
mod shutdown;
mod tls;

use std::time::Duration;

/// No test waits longer than this for anything.
const DEADLINE: Duration = Duration::from_mins(1);

async fn within<F: Future>(what: &str, future: F) -> F::Output {
    let Ok(output) = tokio::time::timeout(DEADLINE, future).await else {
        panic!("waited {DEADLINE:?} for {what}");
    };
    output
}
