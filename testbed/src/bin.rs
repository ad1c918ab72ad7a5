//! Binaries of this workspace that tests drive from outside.

use std::env;
use std::path::PathBuf;

use anyhow::{Result, bail};

/// The built binary `name` (`wash`, `runtime-operator`, `wasmcloud-host`).
///
/// `WASH_BIN`, `RUNTIME_OPERATOR_BIN` and `WASMCLOUD_HOST_BIN` name them; without the variable it
/// is the one beside the running test in Cargo's target folder.
pub fn path(name: &str) -> Result<PathBuf> {
    let variable = format!("{}_BIN", name.to_uppercase().replace('-', "_"));
    if let Some(given) = env::var_os(&variable) {
        let given = PathBuf::from(given);
        if given.is_file() {
            return Ok(given);
        }
        bail!(
            "{variable} names {}, which is no file; build it with `cargo build`",
            given.display()
        );
    }
    let test = std::env::current_exe()?;
    match test
        .ancestors()
        .skip(1)
        .take(3)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
    {
        Some(path) => Ok(path),
        None => bail!(
            "no binary {name}: build it with `cargo build`, or set {variable} (cargo xtask test does both)"
        ),
    }
}

/// The root of the repository: of this run, not of the build, since checkouts may share a target folder.
pub(crate) fn repository() -> PathBuf {
    let named = ["CARGO_MANIFEST_DIR", "WASMCLOUD_CHECKOUT"];
    let here = named.into_iter().find_map(env::var_os).map(PathBuf::from);
    let here = here.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let root = here.ancestors().find(|f| f.join("Cargo.lock").is_file());
    root.unwrap_or(&here).to_owned()
}
