//! Making `cargo build --target wasm32-wasip2` work.
//!
//! In this order: it works already; `rustup target add`; the target's std built from Debian's
//! sources of the same Rust version, for machines that reach a Debian archive but not rustup's
//! server. The last leaves the installed toolchain alone: what it makes lies in the cache.

mod deadline;
mod debian;
mod rustup;
mod std_build;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, Result};
use crate::project::Project;
use crate::say;

pub const TRIPLE: &str = "wasm32-wasip2";

/// How to build for the target.
#[derive(Debug)]
pub enum Target {
    /// With the toolchain as it is.
    Installed,
    /// With the target's std in a folder of its own.
    Sysroot(PathBuf),
}

impl Target {
    /// Makes a Cargo command that has `--target` use it.
    pub fn apply(&self, command: &mut Command) {
        // Flags of the caller are meant for the host.
        command
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("RUSTFLAGS");
        if let Target::Sysroot(folder) = self {
            // Encoded, as the folder's name may hold spaces.
            command.env(
                "CARGO_ENCODED_RUSTFLAGS",
                format!("--sysroot\x1f{}", folder.display()),
            );
        }
    }
}

/// Finds a way to build for the target, or says why there is none.
pub fn ensure(project: &Project) -> Result<Target> {
    let toolchain = Toolchain::active()?;
    if std_build::has_std(&toolchain.target_library()) {
        return Ok(Target::Installed);
    }
    let made = std_build::folder(project, &toolchain);
    if std_build::is_complete(&made) {
        return Ok(Target::Sysroot(made));
    }
    say::line(&format!("the {TRIPLE} target is missing: trying rustup"));
    let by_rustup = match rustup::add() {
        Ok(()) if std_build::has_std(&toolchain.target_library()) => return Ok(Target::Installed),
        Ok(()) => "rustup added it to another toolchain".to_owned(),
        Err(why) => why.to_string(),
    };
    say::line("rustup could not: building its std from Debian's sources (about a minute, once)");
    match std_build::make(project, &toolchain) {
        Ok(()) => Ok(Target::Sysroot(made)),
        Err(why) => Err(Error(format!(
            "no {TRIPLE} target: rustup: {by_rustup}; from sources: {why}. Run `rustup target add {TRIPLE}`"
        ))),
    }
}

/// The Rust toolchain in use.
#[derive(Debug)]
pub struct Toolchain {
    sysroot: PathBuf,
    version: String,
    commit: String,
    host: String,
}

impl Toolchain {
    fn active() -> Result<Self> {
        let ask = |args: &[&str]| -> Result<String> {
            let output = Command::new("rustc").args(args).output()?;
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        let sysroot = PathBuf::from(ask(&["--print", "sysroot"])?);
        let verbose = ask(&["-vV"])?;
        let field = |name: &str| -> Result<String> {
            let value = verbose.lines().find_map(|line| line.strip_prefix(name));
            value
                .map(str::to_owned)
                .ok_or_else(|| Error(format!("rustc -vV prints no \"{name}\"")))
        };
        Ok(Self {
            sysroot,
            version: field("release: ")?,
            commit: field("commit-hash: ")?,
            host: field("host: ")?,
        })
    }

    fn target_library(&self) -> PathBuf {
        library(&self.sysroot)
    }
}

fn library(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib").join(TRIPLE).join("lib")
}
