//! `wasmcloud-host`: a host that joins a control plane over NATS.

use std::process::ExitCode;

use clap::Parser;
use host::{cli::HostArgs, engine::compile, process};

/// Runs WebAssembly components for a wasmCloud control plane.
#[derive(Parser)]
#[command(name = "wasmcloud-host", version)]
struct Cli {
    #[command(flatten)]
    host: HostArgs,
}

fn main() -> anyhow::Result<ExitCode> {
    if std::env::args_os()
        .nth(1)
        .is_some_and(|first| first == compile::SUBCOMMAND)
    {
        return Ok(compile::child_main());
    }
    let Cli { host } = Cli::parse();
    service::telemetry::init(&host.log())?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(process::serve(&host, |builder| builder))?;
    Ok(ExitCode::SUCCESS)
}
