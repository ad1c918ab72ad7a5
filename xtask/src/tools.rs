//! Servers and clients of the tests: `testbed` knows which, xtask only starts it.

use xshell::cmd;

use crate::error::Result;
use crate::project::Project;

/// Fetches what is missing.
pub fn fetch(project: &Project, names: &[String]) -> Result<()> {
    let shell = project.shell()?;
    Ok(cmd!(
        shell,
        "cargo run --quiet --package testbed --bin tools -- {names...}"
    )
    .quiet()
    .run()?)
}
