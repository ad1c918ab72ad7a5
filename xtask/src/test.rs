//! `cargo xtask test`: every test, after fetching and building what they need.

use xshell::cmd;

use crate::cargo::SELECTION;
use crate::error::Result;
use crate::project::Project;
use crate::steps::Steps;
use crate::{arrows, cargo, docs, e2e, generated, guests, say, tools};

pub fn run(project: &Project) -> Result<()> {
    say::line(
        "test: dependencies, components, servers, binaries, every crate's tests, end to end on both clusters",
    );
    say::line(
        "The first run compiles everything and fetches the servers: 15 to 25 minutes on two cores.",
    );
    let mut steps = Steps::new();
    steps.step("who imports whom", || arrows::check(project))?;
    steps.step("components", || guests::build_all(project))?;
    steps.step("binaries", || cargo::build_binaries(project))?;
    steps.step("servers and clients", || tools::fetch(project, &[]))?;
    steps.step("generated CRDs are current", || {
        generated::crds(project, true)
    })?;
    steps.step("generated rules of roles are current", || {
        generated::rbac(project, true)
    })?;
    steps.step("generated messages are current", || {
        generated::protos(project, true)
    })?;
    steps.step("the book is current and its links lead somewhere", || {
        docs::run(project, true)
    })?;
    // The first cluster's end-to-end suite is one of the workspace's tests.
    let [first, others @ ..] = e2e::CLUSTERS;
    steps.loud(&format!("tests of every crate, e2e on {first}"), || {
        workspace(project, first)
    })?;
    for cluster in others {
        steps.loud(&format!("e2e on {cluster}"), || {
            e2e::suite(project, cluster)
        })?;
    }
    steps.summary("All tests passed.");
    Ok(())
}

fn workspace(project: &Project, cluster: &str) -> Result<()> {
    let shell = project.shell()?;
    Ok(cmd!(shell, "cargo test {SELECTION...} --no-fail-fast")
        .env("E2E_CLUSTER", cluster)
        .envs(project.test_environment())
        .quiet()
        .run()?)
}
