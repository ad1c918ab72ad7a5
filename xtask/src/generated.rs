//! Files that are generated and committed.

use xshell::cmd;

use crate::cargo;
use crate::error::Result;
use crate::project::Project;

/// Where the CRDs' YAML lies.
const CRDS: &str = "charts/runtime-operator/crds";
/// Where the rules lie that the chart's roles are made of.
const RBAC: &str = "charts/runtime-operator/rbac";

/// Writes the CRDs' YAML, or checks it.
pub fn crds(project: &Project, check: bool) -> Result<()> {
    let crds = cargo::helper(project, "crds")?;
    let shell = project.shell()?;
    let check = check.then_some("--check");
    Ok(cmd!(shell, "{crds} {check...} {CRDS}").quiet().run()?)
}

/// Writes the operator's rules, or checks them.
pub fn rbac(project: &Project, check: bool) -> Result<()> {
    let rbac = cargo::helper(project, "rbac")?;
    let shell = project.shell()?;
    let check = check.then_some("--check");
    Ok(cmd!(shell, "{rbac} {check...} {RBAC}").quiet().run()?)
}

/// Writes the Rust code of the bus messages, or checks it.
pub fn protos(project: &Project, check: bool) -> Result<()> {
    let shell = project.shell()?;
    let check = check.then_some("--check");
    Ok(cmd!(
        shell,
        "cargo run --quiet --package protocol-codegen -- {check...}"
    )
    .quiet()
    .run()?)
}
