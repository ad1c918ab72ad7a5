//! What CI runs, with the time of each step.

use xshell::cmd;

use crate::error::Result;
use crate::project::Project;
use crate::steps::Steps;
use crate::{demo, generated, say, test};

pub fn run(project: &Project) -> Result<()> {
    say::line("ci: formatting, lints, generated files, tests, demo");
    let shell = project.shell()?;
    let mut steps = Steps::new();
    steps.loud("formatting", || {
        Ok(cmd!(shell, "cargo fmt --all -- --check").quiet().run()?)
    })?;
    steps.loud("lints", || {
        Ok(cmd!(
            shell,
            "cargo clippy --quiet --workspace --all-targets -- -D warnings"
        )
        .quiet()
        .run()?)
    })?;
    steps.loud("generated CRDs are current", || {
        generated::crds(project, true)
    })?;
    steps.loud("generated rules of roles are current", || {
        generated::rbac(project, true)
    })?;
    steps.loud("tests", || test::run(project))?;
    steps.loud("demo", || demo::run(project, true))?;
    steps.summary("ci passed.");
    Ok(())
}
