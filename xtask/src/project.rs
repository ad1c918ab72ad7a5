//! Where things are.

use std::path::PathBuf;

use xshell::Shell;

use crate::clean::CHECKOUT;
use crate::error::{Error, Result};

/// The checkout and what lies around it.
#[derive(Debug)]
pub struct Project {
    pub root: PathBuf,
    /// Cargo's target folder.
    pub target: PathBuf,
    /// What is kept across checkouts.
    pub cache: PathBuf,
}

impl Project {
    pub fn open() -> Result<Self> {
        let root = std::env::var_os(CHECKOUT).map(PathBuf::from);
        let root = root.ok_or_else(|| Error::new("start it as `cargo xtask`"))?;
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(given) => std::path::absolute(PathBuf::from(given))?,
            None => root.join("target"),
        };
        Ok(Self {
            root,
            target,
            cache: cache()?,
        })
    }

    /// A shell in the root of the checkout.
    pub fn shell(&self) -> Result<Shell> {
        let shell = Shell::new()?;
        shell.change_dir(&self.root);
        Ok(shell)
    }

    /// The components that were built, by name (`http_hello.wasm`).
    pub fn guests(&self) -> PathBuf {
        self.target.join("guests")
    }

    /// A built binary of the dev profile.
    pub fn binary(&self, name: &str) -> PathBuf {
        self.target.join("debug").join(name)
    }

    /// A built binary of the profile `measured`.
    pub fn measured(&self, name: &str) -> PathBuf {
        self.target.join("measured").join(name)
    }

    /// The variables through which tests find what was built for them.
    pub fn test_environment(&self) -> Vec<(&'static str, PathBuf)> {
        vec![
            ("WASH_BIN", self.binary("wash")),
            ("RUNTIME_OPERATOR_BIN", self.binary("runtime-operator")),
            ("WASMCLOUD_HOST_BIN", self.binary("wasmcloud-host")),
            ("GUESTS_DIR", self.guests()),
        ]
    }
}

fn cache() -> Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => match std::env::var_os("HOME") {
            Some(home) => PathBuf::from(home).join(".cache"),
            None => return Err(Error::new("neither XDG_CACHE_HOME nor HOME is set")),
        },
    };
    Ok(base.join("wasmcloud"))
}
