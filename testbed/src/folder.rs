//! The folder of a server: its configuration, data and log.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Result;

/// A folder that goes with its test, unless the test fails.
#[derive(Debug)]
pub struct Folder(Option<tempfile::TempDir>, PathBuf);

impl Folder {
    pub fn new(name: &str) -> Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix(&format!("testbed-{name}-"))
            .tempdir()?;
        let path = dir.path().to_owned();
        Ok(Self(Some(dir), path))
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.1.join(name)
    }

    /// Writes a file that only its owner reads.
    pub fn write(&self, name: &str, content: &str) -> Result<PathBuf> {
        let path = self.join(name);
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)?;
        file.write_all(content.as_bytes())?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(dir) = self.0.take()
        {
            let _ = dir.keep();
        }
    }
}

/// A path as a quoted string of a configuration file.
pub fn quoted(path: &Path) -> String {
    format!("{:?}", path.to_string_lossy())
}
