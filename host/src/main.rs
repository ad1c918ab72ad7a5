//! The host's binary.

use std::{io::Write as _, process::ExitCode};

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(host::engine::compile::SUBCOMMAND) {
        return host::engine::compile::child_main();
    }
    let _ = writeln!(
        std::io::stderr(),
        "usage: wasmcloud-host {}",
        host::engine::compile::SUBCOMMAND
    );
    ExitCode::from(2)
}
