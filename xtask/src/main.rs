//! Everything a contributor or CI runs: `cargo xtask --help`.
//!
//! Depends on nothing of the workspace and on nothing heavy, so that its first line appears at once;
//! what needs our crates is a binary of one of them, started from here.

mod arrows;
mod bench;
mod cargo;
mod ci;
mod clean;
mod demo;
mod docs;
mod e2e;
mod error;
mod flags;
mod generated;
mod guests;
mod kind;
mod project;
mod say;
mod steps;
mod test;
mod tools;
mod wasm_target;

use std::process::ExitCode;

use error::Result;
use flags::{BenchCmd, XtaskCmd};
use project::Project;

fn main() -> ExitCode {
    clean::restart_without_cargos_variables();
    let flags = flags::Xtask::from_env_or_exit();
    match run(flags.subcommand) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::line(&format!("xtask: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: XtaskCmd) -> Result<()> {
    let project = Project::open()?;
    match command {
        XtaskCmd::Demo(flags) => demo::run(&project, flags.once),
        XtaskCmd::Test(_) => test::run(&project),
        XtaskCmd::Tools(flags) => tools::fetch(&project, &flags.names),
        XtaskCmd::Guests(flags) => guests::run(&project, flags.record),
        XtaskCmd::Crds(flags) => generated::crds(&project, flags.check),
        XtaskCmd::Rbac(flags) => generated::rbac(&project, flags.check),
        XtaskCmd::Docs(flags) => docs::run(&project, flags.check),
        XtaskCmd::Protos(flags) => generated::protos(&project, flags.check),
        XtaskCmd::E2e(flags) => e2e::run(&project, &flags.cluster),
        XtaskCmd::Bench(flags) => match flags.subcommand {
            BenchCmd::ControlPlane(flags) => bench::control_plane(&project, &flags),
        },
        XtaskCmd::Ci(_) => ci::run(&project),
        XtaskCmd::Deps(_) => arrows::check(&project),
    }
}
