//! `prebuilt FILE`: records FILE as the committed component of `examples/http-hello`.

#![expect(clippy::print_stderr, reason = "the output of a command line")]

use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(built) = std::env::args_os().nth(1) else {
        eprintln!("prebuilt: name the built component (cargo xtask guests --record does)");
        return ExitCode::from(2);
    };
    match testbed::prebuilt::record(built.as_ref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("prebuilt: {error:#}");
            ExitCode::FAILURE
        }
    }
}
