//! `rustup target add`, bounded: behind a network that swallows everything it would retry for minutes.

use std::process::Command;
use std::time::Duration;

use super::{TRIPLE, deadline};
use crate::error::{Error, Result};

const LIMIT: Duration = Duration::from_mins(1);

/// Adds the target to the active toolchain.
pub fn add() -> Result<()> {
    let mut command = Command::new("rustup");
    command
        .args(["target", "add", TRIPLE])
        .env("RUSTUP_MAX_RETRIES", "0");
    let status = deadline::run(&mut command, LIMIT)?;
    if status.success() {
        Ok(())
    } else {
        Err(Error(format!(
            "`rustup target add {TRIPLE}` failed ({status})"
        )))
    }
}
