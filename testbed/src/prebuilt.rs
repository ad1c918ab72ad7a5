//! The component that is committed for machines without the `wasm32-wasip2` target.
//!
//! Toolchains differ, so its bytes prove nothing: recorded beside it is a hash of the sources and the
//! lockfile that it was built from, and a test compares that with what is in the checkout.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

const LARGEST: u64 = 300 * 1024;

/// The committed component.
pub fn path() -> PathBuf {
    folder().join("http-hello.wasm")
}

/// Replaces the committed component by `built`, and records what it was built from.
pub fn record(built: &Path) -> Result<()> {
    let size = std::fs::metadata(built)
        .with_context(|| format!("no component at {}", built.display()))?
        .len();
    ensure!(
        size <= LARGEST,
        "{} has {size} bytes; at most {LARGEST} are committed",
        built.display()
    );
    std::fs::create_dir_all(folder())?;
    std::fs::copy(built, path())?;
    std::fs::write(hash_file(), format!("{}\n", hash_of_sources()?))?;
    Ok(())
}

/// An error, naming the command, when the committed component is not of the checked-out sources.
pub fn check() -> Result<()> {
    let recorded = std::fs::read_to_string(hash_file()).context("cannot read the recorded hash")?;
    let now = hash_of_sources()?;
    ensure!(
        recorded.trim() == now,
        "examples/http-hello changed after its prebuilt component was made (recorded {}, now {now}): run \
         `cargo xtask guests --record` and commit the result",
        recorded.trim()
    );
    Ok(())
}

fn folder() -> PathBuf {
    crate::bin::repository().join("examples/http-hello/prebuilt")
}

fn hash_file() -> PathBuf {
    folder().join("sources.sha256")
}

/// SHA-256 over name, length and content of each file that goes into the build, in order of name.
fn hash_of_sources() -> Result<String> {
    let examples = crate::bin::repository().join("examples");
    let mut files = vec![
        "Cargo.lock".into(),
        "Cargo.toml".into(),
        PathBuf::from("http-hello/Cargo.toml"),
    ];
    for entry in std::fs::read_dir(examples.join("http-hello/src"))? {
        files.push(Path::new("http-hello/src").join(entry?.file_name()));
    }
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let content = std::fs::read(examples.join(&file))
            .with_context(|| format!("cannot read {}", file.display()))?;
        hash.update(format!("{} {}\n", file.display(), content.len()));
        hash.update(content);
    }
    Ok(format!("{:x}", hash.finalize()))
}
