//! `wash`, the developer's command.

mod build;
mod cli;
mod cluster;
mod completion;
mod deploy;
mod failure;
mod inspect;
mod output;
mod progress;
mod pull;
mod push;
mod registry;
mod store;
mod up;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let output = cli.output;
    match cli::run(cli) {
        Ok(reply) => output.reply(&reply),
        Err(failure) => output.failure(&failure),
    }
}
