//! Components that tests run: built once by `cargo xtask guests`, never by a test.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// Where a workspace of components puts what it builds for `cargo xtask guests`.
const BUILT: &str = "target/wasm32-wasip2/release";

/// The component `name` of `testbed/guests/` or `examples/` (`http-hello`).
///
/// Looked for in `GUESTS_DIR`, else where `cargo xtask guests` leaves it.
pub fn path(name: &str) -> Result<PathBuf> {
    let file = format!("{}.wasm", name.replace('-', "_"));
    let folders = match std::env::var_os("GUESTS_DIR") {
        Some(folder) => vec![PathBuf::from(folder)],
        None => default_folders(),
    };
    find(&folders, &file)
        .with_context(|| format!("no component {name}: build it with `cargo xtask guests`"))
}

/// The bytes of the component `name`.
pub fn bytes(name: &str) -> Result<Vec<u8>> {
    let path = path(name)?;
    std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

fn default_folders() -> Vec<PathBuf> {
    let root = crate::bin::repository();
    // A test runs as <target>/<profile>/deps/<test>, a binary as <target>/<profile>/<name>.
    let running = std::env::current_exe().unwrap_or_default();
    let targets = running
        .ancestors()
        .skip(2)
        .take(2)
        .map(|target| target.join("guests"));
    targets
        .chain([
            root.join("target/guests"),
            root.join("testbed/guests").join(BUILT),
            root.join("examples").join(BUILT),
        ])
        .collect()
}

fn find(folders: &[PathBuf], file: &str) -> Result<PathBuf> {
    if let Some(path) = folders
        .iter()
        .map(|folder| folder.join(file))
        .find(|path| path.is_file())
    {
        return Ok(path);
    }
    let looked: Vec<_> = folders
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    bail!("{file} is not in {}", looked.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_component_names_the_folders_looked_into() {
        let error = find(&[PathBuf::from("a"), PathBuf::from("b")], "x.wasm")
            .unwrap_err()
            .to_string();
        assert_eq!(error, "x.wasm is not in a, b");
    }
}
