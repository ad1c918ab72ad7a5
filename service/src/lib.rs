//! What every long-running process of the platform has, once: an admin listener with health and metrics,
//! log output, certificates that reload, signals that become an ordered shutdown, and restarts with back-off.
//!
//! Nothing here knows what the process does. A part receives a [`tokio_util::sync::CancellationToken`], reports
//! what it needs through [`health::Health`] and [`metrics::Metrics`], and returns when the token is cancelled.

pub mod admin;
pub mod crypto;
pub mod health;
pub mod metrics;
pub mod process;
pub mod shutdown;
pub mod supervisor;
pub mod telemetry;
pub mod tls;
