//! Compiled components on disk.
//!
//! Machine code is trusted without checks once it is loaded, and Wasmtime keeps no checksum: one flipped
//! bit loads and computes wrong answers. So an entry is believed only if the directory and the file belong
//! to this user, and its SHA-256 and the engine's compatibility hash are right; anything else is a miss.
//!
//! An entry is `MAGIC`, compatibility hash, SHA-256 of the code, code. It is read whole and loaded from
//! memory: a file that changes under a memory map changes running code.

use super::{Digest, EngineError, compile::Artifact};
use sha2::{Digest as _, Sha256};
use std::{
    fmt::Write as _,
    fs::{self, DirBuilder},
    hash::{Hash as _, Hasher},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

const MAGIC: &[u8; 16] = b"wasmcloud-cwasm\x01";
const HEADER: usize = MAGIC.len() + 32 + 32;

/// A directory of compiled components.
#[derive(Clone)]
pub(super) struct Cache {
    dir: Arc<Path>,
    compatibility: Digest,
}

impl Cache {
    /// Creates the directory if need be, and refuses one that others could write to.
    pub(super) fn open(dir: &Path, engine: &wasmtime::Engine) -> Result<Self, EngineError> {
        let error = |problem: String| EngineError::CacheDir {
            path: dir.to_owned(),
            problem,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(|source| error(format!("cannot be created: {source}")))?;
        let meta = fs::symlink_metadata(dir)
            .map_err(|source| error(format!("cannot be read: {source}")))?;
        if !meta.is_dir() {
            return Err(error("is not a directory".to_owned()));
        }
        if !private(&meta) {
            return Err(error(format!(
                "belongs to user {} with mode {:o}; it must be this user's own, mode 700, because the \
                 machine code in it is executed",
                meta.uid(),
                meta.mode() & 0o7777
            )));
        }
        Ok(Self {
            dir: dir.into(),
            compatibility: compatibility(engine),
        })
    }

    /// The code compiled from the component with this digest, if it is here and sound.
    pub(super) fn read(&self, digest: Digest) -> Option<Artifact> {
        let path = self.path(digest);
        match self.read_entry(&path) {
            Ok(artifact) => Some(artifact),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "ignoring a cached component");
                None
            }
        }
    }

    fn read_entry(&self, path: &Path) -> io::Result<Artifact> {
        let refuse = |what| Err(io::Error::new(io::ErrorKind::InvalidData, what));
        if !private(&fs::symlink_metadata(path)?) {
            return refuse("it does not belong to this user alone");
        }
        let mut entry = fs::read(path)?;
        let Some((header, code)) = entry.split_at_checked(HEADER) else {
            return refuse("it is cut short");
        };
        let (magic, hashes) = header.split_at(MAGIC.len());
        let (compatibility, checksum) = hashes.split_at(32);
        if magic != MAGIC || compatibility != self.compatibility {
            return refuse("it is for another engine");
        }
        if Sha256::digest(code).as_slice() != checksum {
            return refuse("its checksum is wrong");
        }
        entry.drain(..HEADER);
        Ok(Artifact::verified(entry))
    }

    /// Keeps compiled code. Readers see all of the entry or nothing.
    pub(super) fn write(&self, digest: Digest, artifact: &Artifact) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.dir)?;
        file.write_all(MAGIC)?;
        file.write_all(&self.compatibility)?;
        file.write_all(&Sha256::digest(artifact.bytes()))?;
        file.write_all(artifact.bytes())?;
        file.flush()?;
        file.persist(self.path(digest))
            .map_err(|error| error.error)?;
        Ok(())
    }

    /// Both hashes are in the name, so engines of different versions share a directory.
    fn path(&self, digest: Digest) -> PathBuf {
        let mut name = String::with_capacity(2 * (32 + 8) + 7);
        for byte in digest.iter().chain(&self.compatibility[..8]) {
            // Writing to a string cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        name.push_str(".cwasm");
        self.dir.join(name)
    }
}

/// Owned by this user, and nothing is allowed to group and others: the six lowest bits are clear.
fn private(meta: &fs::Metadata) -> bool {
    meta.uid() == rustix::process::geteuid().as_raw() && meta.mode().trailing_zeros() >= 6
}

/// SHA-256 of everything that decides whether code of one engine runs on another.
fn compatibility(engine: &wasmtime::Engine) -> Digest {
    struct Sha(Sha256);
    impl Hasher for Sha {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }

        fn finish(&self) -> u64 {
            let digest = self.0.clone().finalize();
            u64::from_le_bytes([
                digest[0], digest[1], digest[2], digest[3], digest[4], digest[5], digest[6],
                digest[7],
            ])
        }
    }
    let mut hasher = Sha(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn cache(dir: &Path) -> Cache {
        let engine = wasmtime::Engine::new(&super::super::config::code()).unwrap();
        Cache::open(&dir.join("cwasm"), &engine).unwrap()
    }

    const KEY: Digest = [7; 32];

    #[test]
    fn what_was_written_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(dir.path());
        assert!(cache.read(KEY).is_none());
        cache
            .write(KEY, &Artifact::verified(b"code".to_vec()))
            .unwrap();
        assert_eq!(cache.read(KEY).unwrap().bytes(), b"code");
        assert!(cache.read([8; 32]).is_none());
    }

    #[test]
    fn every_flipped_bit_is_a_miss() {
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(dir.path());
        cache
            .write(KEY, &Artifact::verified(b"code".to_vec()))
            .unwrap();
        let path = cache.path(KEY);
        let sound = fs::read(&path).unwrap();
        for at in 0..sound.len() {
            let mut broken = sound.clone();
            broken[at] ^= 1;
            fs::write(&path, broken).unwrap();
            assert!(cache.read(KEY).is_none(), "byte {at}");
        }
        fs::write(&path, &sound[..HEADER - 1]).unwrap();
        assert!(cache.read(KEY).is_none());
        fs::write(&path, sound).unwrap();
        assert!(cache.read(KEY).is_some());
    }

    #[test]
    fn files_and_directories_open_to_others_are_not_trusted() {
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(dir.path());
        cache
            .write(KEY, &Artifact::verified(b"code".to_vec()))
            .unwrap();
        fs::set_permissions(cache.path(KEY), fs::Permissions::from_mode(0o620)).unwrap();
        assert!(cache.read(KEY).is_none());

        fs::set_permissions(&cache.dir, fs::Permissions::from_mode(0o770)).unwrap();
        let engine = wasmtime::Engine::new(&super::super::config::code()).unwrap();
        let error = Cache::open(&cache.dir, &engine).err().unwrap().to_string();
        assert!(error.contains("mode 770"), "{error}");
    }
}
