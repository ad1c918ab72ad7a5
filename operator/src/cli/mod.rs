//! The command line of `runtime-operator`.

mod admin;
mod flags;
mod options;
mod rbac;
mod scrapers;
mod serve;
mod values;

use anyhow::{Context, Result};
use flags::{Arguments, Command};
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// The flags and commands, for those who describe them.
pub fn command() -> clap::Command {
    flags::command()
}

/// Runs the program with these arguments, the first of which is its name.
pub async fn run(arguments: impl IntoIterator<Item = OsString>) -> Result<ExitCode> {
    let arguments = match Arguments::read(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            error.print().context("writing the usage")?;
            return Ok(ExitCode::from(code));
        }
    };
    service::telemetry::init(&arguments.logs.options())?;
    service::crypto::install_ring();
    match arguments.command {
        Some(Command::InstallCrds) => {
            let client = serve::client(arguments.kubernetes.kubeconfig.as_deref()).await?;
            crate::install_crds(&client).await?;
            tracing::info!("the CRDs are installed");
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Rbac { install_crds }) => rbac::print(&arguments, install_crds),
        None => serve::run(arguments).await,
    }
}

/// Writes an error for whoever started the program.
pub fn report(error: &anyhow::Error) {
    let text = format!("error: {error:#}\n");
    // Nothing is left to be done about an error stream that takes nothing.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
