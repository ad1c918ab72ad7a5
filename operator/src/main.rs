//! The operator as a process of its own.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match operator::cli::run(std::env::args_os()).await {
        Ok(code) => code,
        Err(error) => {
            operator::cli::report(&error);
            ExitCode::FAILURE
        }
    }
}
