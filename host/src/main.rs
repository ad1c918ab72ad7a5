//! `wasmcloud-host`: a host that joins a control plane over NATS.

use std::{io::Write as _, process::ExitCode};

use clap::Parser;
use host::{cli::HostArgs, engine::compile, process};

/// Runs WebAssembly components for a wasmCloud control plane.
#[derive(Parser)]
#[command(name = "wasmcloud-host", version)]
struct Cli {
    #[command(flatten)]
    host: HostArgs,
}

fn main() -> ExitCode {
    if std::env::args_os()
        .nth(1)
        .is_some_and(|first| first == compile::SUBCOMMAND)
    {
        return compile::child_main();
    }
    let Err(error) = process::run(&Cli::parse().host) else {
        return ExitCode::SUCCESS;
    };
    // Nobody is left to tell if this fails.
    let _unheard = writeln!(std::io::stderr(), "error: {error:#}");
    ExitCode::FAILURE
}
