//! `wash`, the developer's command.

mod cli;
mod cluster;
mod deploy;
mod failure;
mod output;
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
