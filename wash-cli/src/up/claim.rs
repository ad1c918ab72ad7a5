//! One `wash up` per data folder.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use anyhow::Context;

use crate::failure::Failure;

/// Name of the lock file in the data folder.
const LOCK: &str = "lock";

/// The claim on a data folder. It ends with the process, however that ends.
#[derive(Debug)]
pub struct Claim {
    _lock: File,
}

/// Creates the folder, readable by its owner alone, and claims it.
pub fn claim(data_dir: &Path) -> Result<Claim, Failure> {
    create_private(data_dir)?;
    let path = data_dir.join(LOCK);
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(Claim { _lock: lock }),
        Err(TryLockError::WouldBlock) => Err(Failure::with_hint(
            anyhow::anyhow!("another `wash up` uses {}", data_dir.display()),
            "stop it, or name another folder with --data-dir",
        )),
        Err(TryLockError::Error(error)) => Err(anyhow::Error::from(error)
            .context(format!("cannot lock {}", path.display()))
            .into()),
    }
}

fn create_private(dir: &Path) -> Result<(), Failure> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|error| {
        Failure::with_hint(
            anyhow::Error::from(error)
                .context(format!("cannot create the data folder {}", dir.display())),
            "name a folder you may write to with --data-dir",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_claimed_once() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("deep/data");
        let held = claim(&data).unwrap();
        let refused = claim(&data).unwrap_err();
        assert!(refused.message().contains("another `wash up` uses"));
        drop(held);
        claim(&data).unwrap();
    }
}
