//! What is in use is not collected.
//!
//! A lease is a file named after a digest that its holder keeps locked. The lock ends with the process however it
//! ends, so a crash leaves no image that can never be collected.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Locked, StoreError, io_error};
use crate::digest::Digest;

const FOLDER: &str = ".leases";

/// Keeps an image in the store as long as it lives. Clones are one lease.
#[derive(Debug, Clone)]
pub struct Lease {
    digest: Digest,
    held: Option<Arc<Held>>,
}

impl Lease {
    /// The image's digest.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    pub(super) fn held(digest: Digest, held: Arc<Held>) -> Self {
        Self {
            digest,
            held: Some(held),
        }
    }

    /// For a store this process may not write to.
    pub(crate) fn unprotected(digest: Digest) -> Self {
        Self { digest, held: None }
    }

    /// Whether the image is really kept; not so in a store that cannot be written.
    pub fn is_protected(&self) -> bool {
        self.held.is_some()
    }
}

#[derive(Debug)]
pub(super) struct Held {
    path: PathBuf,
    _locked: File,
}

impl Held {
    /// Takes a lease. The store's lock is held, so no collection is under way.
    pub fn acquire(root: &Path, digest: Digest) -> Result<Self, StoreError> {
        let folder = root.join(FOLDER);
        fs::create_dir_all(&folder).map_err(io_error("create", &folder))?;
        let path = folder.join(format!("{}.{:016x}", digest.hex(), rand::random::<u64>()));
        let file = File::options()
            .create_new(true)
            .write(true)
            .open(&path)
            .map_err(io_error("create", &path))?;
        file.lock().map_err(io_error("lock", &path))?;
        Ok(Self {
            path,
            _locked: file,
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // A file that stays is not locked any more and goes at the next collection.
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "cannot remove the file of an ended lease");
        }
    }
}

/// The digests that somebody leases; files of leases whose holder is gone are removed.
pub(super) fn leased(root: &Path, _lock: &Locked) -> Result<HashSet<Digest>, StoreError> {
    let folder = root.join(FOLDER);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HashSet::new()),
        Err(error) => return Err(io_error("list", &folder)(error)),
    };
    let mut leased = HashSet::new();
    for entry in entries {
        let path = entry.map_err(io_error("list", &folder))?.path();
        let digest = path
            .file_stem()
            .and_then(|stem| format!("sha256:{}", stem.to_str()?).parse().ok());
        let Some(digest) = digest else { continue };
        match File::options().write(true).open(&path) {
            // Ended between the listing and now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // Not ours to look at: another user's lease counts.
            Err(_) => drop(leased.insert(digest)),
            Ok(file) => match file.try_lock() {
                Ok(()) => drop(fs::remove_file(&path)),
                Err(_) => drop(leased.insert(digest)),
            },
        }
    }
    Ok(leased)
}
