//! `wash`, the developer's command.

mod build;
mod cli;
mod cluster;
mod completion;
mod cordon;
mod deploy;
mod failure;
mod inspect;
mod output;
mod progress;
mod pull;
mod push;
mod registry;
mod rollout;
mod store;
mod up;

use std::process::ExitCode;

use clap::Parser;
use host::engine::compile;

fn main() -> ExitCode {
    // Hosts compile components in a child process: this program, started with this word.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|first| first == compile::SUBCOMMAND)
    {
        return compile::child_main();
    }
    let cli = cli::Cli::parse();
    let output = cli.output;
    match cli::run(cli) {
        Ok(reply) => output.reply(&reply),
        Err(failure) => output.failure(&failure),
    }
}
