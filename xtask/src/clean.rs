//! The environment as it was before `cargo run` added to it.
//!
//! Cargo tells a program that it runs about the program's own package. Some build scripts (ring's)
//! read the same variables: with ours in place of none, each build from here would redo what a plain
//! `cargo build` has done, and the other way round. Where the checkout is, is kept under a name of our own: where
//! checkouts share a target folder, the program may have been built in another one.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::say;

/// Names the checkout that this program works on.
pub const CHECKOUT: &str = "WASMCLOUD_CHECKOUT";

const ADDED: [&str; 4] = [
    "CARGO_PKG_",
    "CARGO_MANIFEST_",
    "CARGO_BIN_",
    "CARGO_CRATE_",
];

/// Starts this program anew, in this process, without the variables. Returns when there are none.
pub fn restart_without_cargos_variables() {
    let names = std::env::vars_os().map(|(name, _)| name);
    let added: Vec<_> = names
        .filter(|name| {
            ADDED
                .iter()
                .any(|prefix| name.to_string_lossy().starts_with(prefix))
        })
        .collect();
    let (false, Ok(program)) = (added.is_empty(), std::env::current_exe()) else {
        return;
    };
    let mut command = Command::new(program);
    command.args(std::env::args_os().skip(1));
    if let Some(here) = std::env::var_os("CARGO_MANIFEST_DIR")
        && let Some(root) = Path::new(&here).parent()
    {
        command.env(CHECKOUT, root);
    }
    for name in added {
        command.env_remove(name);
    }
    let error = command.exec();
    say::line(&format!(
        "xtask: cannot restart without Cargo's variables, going on with them: {error}"
    ));
}
