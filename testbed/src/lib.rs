//! Real servers for tests: found or built once, started on free loopback ports, stopped when dropped.
//!
//! - [`tools`]: where the servers' binaries come from, pinned.
//! - [`nats`], [`registry`], [`kube`]: one starter per server. Each owns its data folder and its
//!   processes; dropping it ends both, and a test process that is killed takes them along too.
//! - [`tls`]: a certificate authority for tests.
//! - [`fake_hosts`]: hosts that speak the wire and run nothing, thousands in one process.
//! - [`wait`]: waiting for a condition with a deadline that reports what was seen last.
//! - [`guests`], [`bin`], [`prebuilt`]: components and binaries that `cargo xtask` built beforehand.
//!
//! Nothing here is part of the product: a missing server is an error that names the command which
//! fetches it, never a reason to skip a test.

pub mod bin;
pub mod fake_hosts;
mod folder;
pub mod guests;
pub mod kube;
pub mod nats;
mod port;
pub mod prebuilt;
mod process;
pub mod registry;
pub mod tls;
pub mod tools;
pub mod wait;

pub use port::free as free_port;
pub use process::Process;
