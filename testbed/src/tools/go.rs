//! Tools built from the Go modules that are pinned in `testbed/servers/`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::pins::Tool;

/// Builds the main package of a pinned module.
pub fn build(tool: &Tool, module: &str, package: &str, ldflags: &str, made: &Path) -> Result<()> {
    let sources = crate::bin::repository()
        .join("testbed/servers")
        .join(module);
    let built = Command::new("go")
        .current_dir(&sources)
        .env("CGO_ENABLED", "0")
        .env("GOFLAGS", "-mod=readonly")
        .args([
            "build",
            "-trimpath",
            "-ldflags",
            &format!("-s -w {ldflags}"),
            "-o",
        ])
        .arg(made)
        .arg(package)
        .output();
    let output = match built {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!(
            "{name} {version} is not on this machine, and there is no Go to build it with: install Go 1.26 or newer \
             (https://go.dev/dl), or put {name} {version} on PATH",
            name = tool.name,
            version = tool.version
        ),
        Err(error) => return Err(error).context("cannot run go"),
    };
    ensure!(
        output.status.success(),
        "go could not build {package} in {}:\n{}",
        sources.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
