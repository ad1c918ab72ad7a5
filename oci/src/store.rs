//! Images on this machine: a standard OCI image layout (`oci-layout`, `index.json`, `blobs/sha256`), which `oras` and
//! `skopeo` read too.
//!
//! Invariants:
//! - A blob is written once, under the digest of its bytes, by rename; it is verified whenever it is read.
//! - `index.json` is replaced by rename, and only by whoever holds the lock file, so processes can share the folder.
//! - What carries a [`Lease`] is never collected, whoever wants the space; a lease ends with its holder's process.
//! - Opening creates nothing. Reading works in a folder that cannot be written.

mod blobs;
mod gc;
mod index;
mod lease;

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::artifact::{self, Artifact, Parsed};
use crate::digest::Digest;
use crate::error::Fault;
use crate::inspect::InspectError;
use crate::reference::Reference;

pub use gc::GcReport;
pub use index::ImageEntry;
pub use lease::Lease;

use blobs::Blobs;
use index::Index;

/// Room for images before the least recently used ones are collected, unless told otherwise.
const DEFAULT_CAPACITY: u64 = 10 * 1024 * 1024 * 1024;
const LOCK_FILE: &str = ".lock";

/// Why the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refused something.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The folder holds a layout of another version, or none of ours.
    #[error("{path} is not an image layout of version 1.0.0: {detail}")]
    Layout {
        /// The layout's marker file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// The index does not parse.
    #[error("{path} is damaged: {detail}; the next image that is stored replaces it")]
    Index {
        /// The index.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// A blob is not what its name says.
    #[error("{path} is damaged: its content has the digest {found}")]
    Damaged {
        /// The blob.
        path: PathBuf,
        /// What its bytes hash to.
        found: Digest,
    },
    /// An image's manifest is stored and one of its blobs is not.
    #[error("{path} is missing: the image is not complete")]
    Incomplete {
        /// The blob that is missing.
        path: PathBuf,
    },
    /// The stored image is of a kind that cannot run.
    #[error("the stored image cannot be used: {0}")]
    Unusable(String),
    /// What was to be stored is no component.
    #[error(transparent)]
    Component(#[from] InspectError),
}

impl StoreError {
    /// Whether fetching the image again would repair it.
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Index { .. } | Self::Damaged { .. } | Self::Incomplete { .. }
        )
    }
}

/// An image that is in the store and stays there as long as its lease.
#[derive(Debug, Clone)]
pub struct StoredImage {
    /// Digest of what the reference names: the manifest, or the list of manifests.
    pub digest: Digest,
    /// Digest of the component.
    pub layer_digest: Digest,
    /// The component.
    pub bytes: Bytes,
    /// Keeps it from being collected.
    pub lease: Lease,
}

/// An image layout on disk. Clones share it; so may other processes.
#[derive(Debug, Clone)]
pub struct LocalStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    blobs: Blobs,
    capacity: u64,
    leases: Mutex<HashMap<Digest, Weak<lease::Held>>>,
}

/// Every blob of one image, as fetched or built.
#[derive(Debug, Clone)]
pub(crate) struct ImageBlobs {
    pub digest: Digest,
    pub media_type: String,
    /// Lists, manifest and config: everything beside the component.
    pub documents: Vec<Bytes>,
    pub layer: Bytes,
    pub layer_digest: Digest,
}

impl From<Artifact> for ImageBlobs {
    fn from(artifact: Artifact) -> Self {
        Self {
            digest: artifact.digest,
            media_type: artifact.media_type,
            documents: vec![artifact.manifest, artifact.config],
            layer: artifact.layer,
            layer_digest: artifact.layer_digest,
        }
    }
}

impl LocalStore {
    /// The store in `root`, with room for 10 GiB. Nothing is created before something is stored.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        Self::with_capacity(root, DEFAULT_CAPACITY)
    }

    /// The store in `root`; above `capacity` bytes the least recently used images that nobody leases are collected.
    pub fn with_capacity(root: impl Into<PathBuf>, capacity: u64) -> Result<Self, StoreError> {
        let root = root.into();
        index::check_layout(&root)?;
        let blobs = Blobs::new(&root);
        Ok(Self {
            inner: Arc::new(Inner {
                root,
                blobs,
                capacity,
                leases: Mutex::default(),
            }),
        })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.inner.root
    }

    /// Stores a component under a reference and returns the digest of its image. Blocks on the disk.
    pub fn put_component(
        &self,
        reference: &Reference,
        component: Bytes,
    ) -> Result<Digest, StoreError> {
        let artifact = Artifact::of_component(component)?;
        Ok(self.put(reference, artifact.into())?.digest)
    }

    /// Stores an image under a reference, leased to the caller.
    pub(crate) fn put(
        &self,
        reference: &Reference,
        image: ImageBlobs,
    ) -> Result<StoredImage, StoreError> {
        let inner = &*self.inner;
        let lease = {
            let lock = inner.lock()?;
            index::write_layout(&inner.root, &inner.blobs)?;
            for document in &image.documents {
                inner.blobs.write(Digest::of(document), document)?;
            }
            inner.blobs.write(image.layer_digest, &image.layer)?;
            let mut index = Index::read_or_set_aside(&inner.root)?;
            let size = image.documents.first().map_or(0, Bytes::len);
            index.set(reference, image.digest, &image.media_type, size);
            index.write(&inner.root, &inner.blobs)?;
            let lease = inner.lease(image.digest, &lock)?;
            gc::collect(inner, inner.capacity, &lock)?;
            lease
        };
        Ok(StoredImage {
            digest: image.digest,
            layer_digest: image.layer_digest,
            bytes: image.layer,
            lease,
        })
    }

    /// The image of a reference, verified, or `None`. A reference with a digest finds any image of that digest.
    /// Blocks on the disk.
    pub fn get(&self, reference: &Reference) -> Result<Option<StoredImage>, StoreError> {
        let inner = &*self.inner;
        let found = inner.locked_for_reading(|lock| {
            let digest = match reference.digest() {
                Some(digest) => inner.blobs.contains(digest).then_some(digest),
                None => Index::read(&inner.root)?.find(reference),
            };
            let Some(digest) = digest else {
                return Ok(None);
            };
            inner.blobs.touch(digest);
            let lease = match lock {
                Some(lock) => inner.lease(digest, lock)?,
                None => Lease::unprotected(digest),
            };
            Ok(Some((digest, lease)))
        })?;
        let Some((digest, lease)) = found else {
            return Ok(None);
        };
        let layer_digest = self.component_of(digest)?;
        let bytes = inner.blobs.read(layer_digest)?;
        Ok(Some(StoredImage {
            digest,
            layer_digest,
            bytes,
            lease,
        }))
    }

    /// Every image with a name, sorted by it.
    pub fn list(&self) -> Result<Vec<ImageEntry>, StoreError> {
        Ok(Index::read(&self.inner.root)?.entries())
    }

    /// Takes a reference's name away. Its blobs go at the next collection. Tells whether there was such a name.
    pub fn remove(&self, reference: &Reference) -> Result<bool, StoreError> {
        let inner = &*self.inner;
        if !inner.root.exists() {
            return Ok(false);
        }
        let _lock = inner.lock()?;
        let mut index = Index::read(&inner.root)?;
        let removed = index.remove(reference);
        if removed {
            index.write(&inner.root, &inner.blobs)?;
        }
        Ok(removed)
    }

    /// Removes the least recently used images that nobody leases until at most `capacity` bytes are left.
    pub fn collect(&self, capacity: u64) -> Result<GcReport, StoreError> {
        let inner = &*self.inner;
        if !inner.root.exists() {
            return Ok(GcReport::default());
        }
        let lock = inner.lock()?;
        gc::collect(inner, capacity, &lock)
    }

    /// A blob's verified bytes, if it is there and what it should be; a damaged one counts as absent.
    pub(crate) fn blob(&self, digest: Digest) -> Option<Bytes> {
        self.inner
            .blobs
            .contains(digest)
            .then(|| self.inner.blobs.read(digest).ok())
            .flatten()
    }

    /// Stores a blob that no image names yet.
    pub(crate) fn put_blob(&self, digest: Digest, bytes: &[u8]) -> Result<(), StoreError> {
        let _lock = self.inner.lock()?;
        self.inner.blobs.write(digest, bytes)
    }

    fn component_of(&self, digest: Digest) -> Result<Digest, StoreError> {
        let unusable = |fault: Fault| StoreError::Unusable(fault.detail);
        let mut digest = digest;
        // A list leads to a manifest, and never to another list.
        for _ in 0..2 {
            let document = self.inner.blobs.read(digest)?;
            match artifact::parse_manifest(&document).map_err(unusable)? {
                Parsed::Image { layer, .. } => return Ok(layer.digest),
                Parsed::Index { image } => digest = image,
            }
        }
        Err(StoreError::Unusable("it is a list of lists".to_owned()))
    }
}

/// Proof that the store's lock is held.
#[derive(Debug)]
struct Locked {
    // Released by closing.
    _file: File,
}

impl Inner {
    fn lock(&self) -> Result<Locked, StoreError> {
        let path = self.root.join(LOCK_FILE);
        std::fs::create_dir_all(&self.root).map_err(io_error("create", &self.root))?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(io_error("open", &path))?;
        file.lock().map_err(io_error("lock", &path))?;
        Ok(Locked { _file: file })
    }

    /// Runs `read` under the lock, or without it where this process may not write: then it cannot lease either.
    fn locked_for_reading<T>(
        &self,
        read: impl FnOnce(Option<&Locked>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if !self.root.exists() {
            return read(None);
        }
        match self.lock() {
            Ok(lock) => read(Some(&lock)),
            Err(StoreError::Io { source, .. })
                if matches!(
                    source.kind(),
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
                ) =>
            {
                read(None)
            }
            Err(error) => Err(error),
        }
    }

    fn lease(&self, digest: Digest, _lock: &Locked) -> Result<Lease, StoreError> {
        let mut leases = self.leases.lock();
        leases.retain(|_, held| held.strong_count() > 0);
        if let Some(held) = leases.get(&digest).and_then(Weak::upgrade) {
            return Ok(Lease::held(digest, held));
        }
        let held = Arc::new(lease::Held::acquire(&self.root, digest)?);
        leases.insert(digest, Arc::downgrade(&held));
        Ok(Lease::held(digest, held))
    }
}

/// Makes a [`StoreError::Io`] of what a file operation returned.
fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}
