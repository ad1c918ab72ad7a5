//! Components: built once, found by tests through `GUESTS_DIR`.

use std::path::{Path, PathBuf};

use xshell::cmd;

use crate::cargo;
use crate::error::{Error, Result, While};
use crate::project::Project;
use crate::say;
use crate::wasm_target::{self, Target};

/// Workspaces of components.
const EXAMPLES: &str = "examples";
const TEST_GUESTS: &str = "testbed/guests";

/// `cargo xtask guests`
pub fn run(project: &Project, record: bool) -> Result<()> {
    build_all(project)?;
    say::line(&format!("components are in {}", project.guests().display()));
    if record {
        let prebuilt = cargo::helper(project, "prebuilt")?;
        let component = project.guests().join("http_hello.wasm");
        let shell = project.shell()?;
        cmd!(shell, "{prebuilt} {component}").quiet().run()?;
        say::line("recorded examples/http-hello/prebuilt: commit it");
    }
    Ok(())
}

/// Builds every component of the examples and of the tests.
pub fn build_all(project: &Project) -> Result<()> {
    let target = wasm_target::ensure(project)?;
    for workspace in [EXAMPLES, TEST_GUESTS] {
        build(project, &target, workspace, &[])?;
    }
    Ok(())
}

/// Where the demo's component came from.
#[derive(Debug)]
pub enum Hello {
    Built(PathBuf),
    /// The committed one, and why it was not built.
    Prebuilt(PathBuf, String),
}

/// Builds the demo's component; without the target, the committed one.
pub fn hello(project: &Project) -> Result<Hello> {
    let target = match wasm_target::ensure(project) {
        Ok(target) => target,
        Err(why) => {
            let prebuilt = project
                .root
                .join("examples/http-hello/prebuilt/http-hello.wasm");
            cargo::expect_file(&prebuilt, "cargo xtask guests --record")?;
            return Ok(Hello::Prebuilt(prebuilt, why.to_string()));
        }
    };
    build(project, &target, EXAMPLES, &["--package", "http-hello"])?;
    Ok(Hello::Built(project.guests().join("http_hello.wasm")))
}

fn build(project: &Project, target: &Target, workspace: &str, packages: &[&str]) -> Result<()> {
    // Beside Cargo's own folder, not in it: the host's artefacts are cleaned and cached apart.
    let built = project.target.join("guests-build");
    let mut command = cargo::cargo();
    command
        .current_dir(project.root.join(workspace))
        .args([
            "build",
            "--release",
            "--locked",
            "--target",
            wasm_target::TRIPLE,
            "--target-dir",
        ])
        .arg(&built)
        .args(packages);
    target.apply(&mut command);
    cargo::build(
        command,
        &format!("building the components of {workspace}"),
        0,
    )?;
    publish(
        &built.join(wasm_target::TRIPLE).join("release"),
        &project.guests(),
    )
}

/// Copies the components, each whole or not at all: tests may be reading the old one.
fn publish(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    let mut any = false;
    for entry in std::fs::read_dir(from).doing(from.display())? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "wasm") {
            continue;
        }
        let Some(name) = path.file_name() else {
            continue;
        };
        let partial = to.join(format!(
            ".{}.{}",
            name.to_string_lossy(),
            std::process::id()
        ));
        std::fs::copy(&path, &partial)?;
        std::fs::rename(&partial, to.join(name))?;
        any = true;
    }
    if any {
        Ok(())
    } else {
        Err(Error(format!(
            "no component was built into {}",
            from.display()
        )))
    }
}
