//! The end-to-end suite, on each kind of cluster.

use xshell::cmd;

use crate::cargo::SELECTION;
use crate::error::{Error, Result};
use crate::project::Project;
use crate::steps::Steps;
use crate::{cargo, guests, kind, say, tools};

/// The cluster that takes Docker.
const KIND: &str = "kind";

/// The clusters the suite runs on everywhere.
pub const CLUSTERS: [&str; 2] = ["embedded", "apiserver"];

/// `cargo xtask e2e --cluster …`: builds and fetches what the suite drives, and runs it.
pub fn run(project: &Project, cluster: &str) -> Result<()> {
    if cluster == KIND {
        return kind::run(project);
    }
    if !CLUSTERS.contains(&cluster) {
        return Err(Error(format!(
            "no cluster is called {cluster}; there are {}, {KIND}",
            CLUSTERS.join(", ")
        )));
    }
    say::line(&format!(
        "e2e on {cluster}: components, servers, binaries, suite"
    ));
    let mut steps = Steps::new();
    steps.step("components", || guests::build_all(project))?;
    steps.step("servers and clients", || tools::fetch(project, &[]))?;
    steps.step("binaries", || cargo::build_binaries(project))?;
    steps.loud(&format!("e2e on {cluster}"), || suite(project, cluster))?;
    steps.summary(&format!("e2e on {cluster}"));
    Ok(())
}

/// Runs the suite on binaries and components that are built.
pub fn suite(project: &Project, cluster: &str) -> Result<()> {
    let shell = project.shell()?;
    Ok(cmd!(
        shell,
        "cargo test --quiet {SELECTION...} --test platform --test conformance"
    )
    .env("E2E_CLUSTER", cluster)
    .envs(project.test_environment())
    .quiet()
    .run()?)
}
