//! `wash deploy`: applies a manifest to any cluster and, with `--wait`, stays until what it describes is ready or says
//! in one line why it is not.

mod apply;
pub mod manifest;
pub mod readiness;
mod wait;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::cluster::ClusterArgs;
use crate::failure::Failure;
use crate::output::{Output, Reply};

pub use apply::apply;
pub use wait::wait_ready;

/// Arguments of `wash deploy`.
#[derive(Debug, Args)]
pub struct DeployArgs {
    /// Manifest: YAML (one or more documents) or JSON; `-` reads standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Stay until everything is ready
    #[arg(short, long)]
    wait: bool,
    /// How long to wait, for example 90s or 5m
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = humantime::parse_duration)]
    timeout: Duration,
    /// Take over fields that another manager owns
    #[arg(long)]
    force_conflicts: bool,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Runs `wash deploy`.
pub async fn run(args: DeployArgs, output: Output) -> Result<Reply, Failure> {
    let documents = manifest::read(&args.file)?;
    let (client, namespace) = args.cluster.connect().await?;
    let applied = apply(&client, &namespace, &documents, args.force_conflicts).await?;
    for object in &applied {
        output.progress(&format!("{object} applied"));
    }
    if args.wait {
        let followed = tokio::select! {
            followed = wait_ready(&applied, args.timeout, |line| output.progress(line)) => followed,
            _ = tokio::signal::ctrl_c() => Err(Failure::interrupted()),
        };
        followed?;
    }
    let names: Vec<String> = applied.iter().map(ToString::to_string).collect();
    let verb = if args.wait { "ready" } else { "applied" };
    Ok(Reply::new(
        format!("{} {verb}", names.join(", ")),
        json!({ "objects": names, "ready": args.wait }),
    ))
}
