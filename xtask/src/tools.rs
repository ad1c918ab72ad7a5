//! Servers and clients of the tests: `testbed` knows which, xtask only starts it.

use xshell::cmd;

use crate::cargo;
use crate::error::Result;
use crate::project::Project;

/// Fetches what is missing.
pub fn fetch(project: &Project, names: &[String]) -> Result<()> {
    let tools = cargo::helper(project, "tools")?;
    let shell = project.shell()?;
    Ok(cmd!(shell, "{tools} {names...}").quiet().run()?)
}
