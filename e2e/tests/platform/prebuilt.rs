//! The committed component is what its sources say.

use anyhow::{Context, Result, ensure};
use testbed::{bin, prebuilt, wait};

#[tokio::test]
async fn the_committed_component_has_the_world_of_its_sources() {
    wait::within(wait::TEST, "wash inspect", inspect())
        .await
        .unwrap()
        .unwrap();
}

async fn inspect() -> Result<()> {
    prebuilt::check()?;
    let output = tokio::process::Command::new(bin::path("wash")?)
        .arg("inspect")
        .arg(prebuilt::path())
        .output()
        .await
        .context("cannot run wash")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "wash inspect: {text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    ensure!(
        text.contains("export wasi:http/incoming-handler@0.2"),
        "{text}"
    );
    Ok(())
}
