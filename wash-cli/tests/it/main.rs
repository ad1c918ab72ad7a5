//! The binary, driven from outside: what it prints, how it exits, what it leaves behind.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod build;
mod help;
mod host;
mod images;
mod process;
