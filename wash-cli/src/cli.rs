//! The command line: what may be said, and which room answers it.

use clap::{Parser, Subcommand};
use service::telemetry::{self, LogOptions};

use crate::deploy;
use crate::failure::Failure;
use crate::output::{Output, Reply};

/// Build, ship and run WebAssembly components.
#[derive(Debug, Parser)]
#[command(name = "wash", version, propagate_version = true)]
pub struct Cli {
    /// How results are printed.
    #[arg(short, long, global = true, value_enum, default_value_t)]
    pub output: Output,
    /// Which log lines are written to stderr, in the syntax of RUST_LOG, which wins when set.
    #[arg(
        short,
        long,
        global = true,
        value_name = "FILTER",
        default_value = "warn"
    )]
    pub log_level: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Apply a manifest to a cluster
    Deploy(deploy::DeployArgs),
}

/// Does what the command line says.
pub fn run(cli: Cli) -> Result<Reply, Failure> {
    telemetry::init(&LogOptions {
        filter: cli.log_level,
        ..LogOptions::default()
    })?;
    match cli.command {
        Command::Deploy(args) => block_on(deploy::run(args, cli.output)),
    }
}

/// Runs a command that needs a runtime. A signal ends it with exit code 130, unless the command handles signals.
fn block_on<F>(command: F) -> Result<Reply, Failure>
where
    F: Future<Output = Result<Reply, Failure>>,
{
    service::crypto::install_ring();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(command)
}
