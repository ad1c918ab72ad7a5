//! `tools [NAME…]`: fetches the servers and clients of the tests that are not on this machine.

#![expect(clippy::print_stderr, reason = "the output of a command line")]

use std::process::ExitCode;

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    match testbed::tools::fetch_missing(&names, &mut |line| eprintln!("tools: {line}")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tools: {error:#}");
            ExitCode::FAILURE
        }
    }
}
