//! Content-addressed files.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;

use super::{StoreError, io_error};
use crate::digest::Digest;

/// `blobs/sha256` and the folder files are made in before they are moved there.
#[derive(Debug)]
pub(super) struct Blobs {
    folder: PathBuf,
    unfinished: PathBuf,
}

/// A blob as seen in the folder.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlobFile {
    pub digest: Digest,
    pub size: u64,
    pub used: SystemTime,
}

impl Blobs {
    pub fn new(root: &Path) -> Self {
        Self {
            folder: root.join("blobs").join("sha256"),
            unfinished: root.join(".unfinished"),
        }
    }

    pub fn path(&self, digest: Digest) -> PathBuf {
        self.folder.join(digest.hex())
    }

    pub fn contains(&self, digest: Digest) -> bool {
        self.path(digest).is_file()
    }

    /// Reads and verifies.
    pub fn read(&self, digest: Digest) -> Result<Bytes, StoreError> {
        let path = self.path(digest);
        let bytes = match fs::read(&path) {
            Ok(bytes) => Bytes::from(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::Incomplete { path });
            }
            Err(error) => return Err(io_error("read", &path)(error)),
        };
        let found = Digest::of(&bytes);
        if found == digest {
            Ok(bytes)
        } else {
            Err(StoreError::Damaged { path, found })
        }
    }

    /// Writes a blob whose digest is known, unless it is there undamaged. The store's lock is held.
    pub fn write(&self, digest: Digest, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.path(digest);
        let found = Digest::of(bytes);
        if found != digest {
            return Err(StoreError::Damaged { path, found });
        }
        if self.contains(digest) && self.read(digest).is_ok() {
            self.touch(digest);
            return Ok(());
        }
        self.replace(&path, bytes)
    }

    /// Puts a complete file in place of whatever was there. The store's lock is held.
    pub fn replace(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        fs::create_dir_all(&self.folder).map_err(io_error("create", &self.folder))?;
        fs::create_dir_all(&self.unfinished).map_err(io_error("create", &self.unfinished))?;
        let mut file = tempfile::NamedTempFile::new_in(&self.unfinished)
            .map_err(io_error("write in", &self.unfinished))?;
        file.write_all(bytes).map_err(io_error("write", path))?;
        file.as_file().sync_all().map_err(io_error("write", path))?;
        file.persist(path)
            .map_err(|error| io_error("write", path)(error.error))?;
        if let Some(folder) = path.parent() {
            // The rename itself survives a power cut only once the folder is written.
            File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(io_error("write", folder))?;
        }
        Ok(())
    }

    /// Remembers that a blob was used now. Only the order of collection depends on it.
    pub fn touch(&self, digest: Digest) {
        let touched = File::options()
            .append(true)
            .open(self.path(digest))
            .and_then(|file| file.set_modified(SystemTime::now()));
        if let Err(error) = touched {
            tracing::trace!(%digest, %error, "cannot note the use of a blob");
        }
    }

    /// Every blob. Files with other names are not ours and are left alone.
    pub fn all(&self) -> Result<Vec<BlobFile>, StoreError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io_error("list", &self.folder)(error)),
        };
        let mut blobs = Vec::new();
        for entry in entries {
            let entry = entry.map_err(io_error("list", &self.folder))?;
            let digest = entry
                .file_name()
                .to_str()
                .and_then(|name| format!("sha256:{name}").parse().ok());
            if let (Some(digest), Ok(meta)) = (digest, entry.metadata()) {
                let used = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                blobs.push(BlobFile {
                    digest,
                    size: meta.len(),
                    used,
                });
            }
        }
        Ok(blobs)
    }

    pub fn delete(&self, digest: Digest) -> Result<(), StoreError> {
        let path = self.path(digest);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(io_error("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Removes what a process that died was writing. The store's lock is held, so nobody else is writing.
    pub fn delete_unfinished(&self) {
        if let Err(error) = fs::remove_dir_all(&self.unfinished)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.unfinished.display(), %error, "cannot remove unfinished files");
        }
    }
}
