//! Publishing components.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use testbed::bin;

/// `wash push` of a component to a registry, with a home of its own.
pub async fn push(component: &Path, reference: &str, home: &Path) -> Result<()> {
    let output = tokio::process::Command::new(bin::path("wash")?)
        .args(["push", reference])
        .arg(component)
        .env("HOME", home)
        .output()
        .await
        .context("cannot run wash")?;
    ensure!(
        output.status.success(),
        "wash push {reference}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
