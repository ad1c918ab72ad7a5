//! The command line: what may be said, and which room answers it.

use clap::{Args, Parser, Subcommand};
use host::cli::HostArgs;
use service::telemetry::{self, LogOptions};

use crate::cordon::{self, CordonArgs, Wish};
use crate::failure::Failure;
use crate::output::{Output, Reply};
use crate::{build, completion, deploy, inspect, pull, push, rollout, up};

/// Build, ship and run WebAssembly components.
#[derive(Parser)]
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

#[derive(Subcommand)]
enum Command {
    /// Run the whole platform in this process: API server, operator and hosts
    Up(up::UpArgs),
    /// Build a component from a Cargo project, or make one of a core module
    Build(build::BuildArgs),
    /// Push a component to a registry, or put it into the local image store
    Push(push::PushArgs),
    /// Pull a component from a registry into the local image store
    Pull(pull::PullArgs),
    /// Push to and pull from OCI registries
    #[command(subcommand, alias = "docker")]
    Oci(OciCommand),
    /// Show what is in a component: a file or an image
    Inspect(inspect::InspectArgs),
    /// Apply a manifest to a cluster
    Deploy(deploy::DeployArgs),
    /// Follow, pause, restart and undo rollouts of WorkloadDeployments
    #[command(subcommand)]
    Rollout(rollout::RolloutCommand),
    /// Run a host that joins a control plane over NATS, the same as `wasmcloud-host`; or say what a host takes
    Host(Box<HostCommand>),
    /// Print the completion script of a shell
    Completion(completion::CompletionArgs),
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
struct HostCommand {
    #[command(subcommand)]
    action: Option<HostAction>,
    #[command(flatten)]
    serve: HostArgs,
}

#[derive(Subcommand)]
enum HostAction {
    /// Give a host no new workloads; what runs there stays
    Cordon(CordonArgs),
    /// Give a host new workloads again
    Uncordon(CordonArgs),
}

#[derive(Subcommand)]
enum OciCommand {
    /// The same as `wash push`
    Push(push::PushArgs),
    /// The same as `wash pull`
    Pull(pull::PullArgs),
}

/// Does what the command line says.
pub fn run(cli: Cli) -> Result<Reply, Failure> {
    let log = match &cli.command {
        Command::Host(host) if host.action.is_none() => host.serve.log(),
        _ => LogOptions {
            filter: cli.log_level,
            ..LogOptions::default()
        },
    };
    telemetry::init(&log)?;
    match cli.command {
        Command::Up(args) => block_on(up::run(args, cli.output)),
        Command::Build(args) => block_on(interruptible(build::run(args))),
        Command::Push(args) | Command::Oci(OciCommand::Push(args)) => {
            block_on(interruptible(push::run(args, cli.output)))
        }
        Command::Pull(args) | Command::Oci(OciCommand::Pull(args)) => {
            block_on(interruptible(pull::run(args, cli.output)))
        }
        Command::Inspect(args) => block_on(interruptible(inspect::run(args, cli.output))),
        Command::Deploy(args) => block_on(deploy::run(args, cli.output)),
        Command::Rollout(command) => block_on(interruptible(rollout::run(command, cli.output))),
        Command::Host(command) => match command.action {
            None => block_on(serve_host(command.serve)),
            Some(HostAction::Cordon(args)) => {
                block_on(interruptible(cordon::run(args, Wish::Cordon)))
            }
            Some(HostAction::Uncordon(args)) => {
                block_on(interruptible(cordon::run(args, Wish::Uncordon)))
            }
        },
        Command::Completion(args) => Ok(completion::run(&args)),
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

/// Runs until a signal ends it, and then drains.
async fn serve_host(args: HostArgs) -> Result<Reply, Failure> {
    host::process::serve(&args, |builder| builder).await?;
    Ok(Reply::default())
}

/// Lets Ctrl-C end a command that has nothing to put in order.
async fn interruptible<F>(command: F) -> Result<Reply, Failure>
where
    F: Future<Output = Result<Reply, Failure>>,
{
    tokio::select! {
        outcome = command => outcome,
        Ok(()) = tokio::signal::ctrl_c() => Err(Failure::interrupted()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
