//! `oci-layout` and `index.json`, as the image specification's "Image Layout" describes them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use oci_client::manifest::OCI_IMAGE_INDEX_MEDIA_TYPE;
use serde::{Deserialize, Serialize};

use super::blobs::Blobs;
use super::{StoreError, io_error};
use crate::digest::Digest;
use crate::reference::Reference;

const LAYOUT: &str = "oci-layout";
const LAYOUT_VERSION: &str = "1.0.0";
const INDEX: &str = "index.json";
const REF_NAME: &str = "org.opencontainers.image.ref.name";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layout {
    image_layout_version: String,
}

/// A named image of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageEntry {
    /// Its name.
    pub reference: Reference,
    /// Digest of its manifest or list.
    pub digest: Digest,
}

/// The index. What other tools wrote into it is kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Index {
    schema_version: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    manifests: Vec<Descriptor>,
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            schema_version: 2,
            media_type: Some(OCI_IMAGE_INDEX_MEDIA_TYPE.to_owned()),
            manifests: Vec::new(),
            rest: serde_json::Map::new(),
        }
    }
}

/// Refuses a folder that holds a layout we do not know, before anything in it is touched.
pub(super) fn check_layout(root: &Path) -> Result<(), StoreError> {
    let path = root.join(LAYOUT);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io_error("read", &path)(error)),
    };
    let wrong = |detail: String| StoreError::Layout {
        path: path.clone(),
        detail,
    };
    let layout: Layout = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
    if layout.image_layout_version == LAYOUT_VERSION {
        Ok(())
    } else {
        Err(wrong(format!("it says {:?}", layout.image_layout_version)))
    }
}

/// Writes the marker file of a new layout. The store's lock is held.
pub(super) fn write_layout(root: &Path, blobs: &Blobs) -> Result<(), StoreError> {
    let path = root.join(LAYOUT);
    if path.is_file() {
        return check_layout(root);
    }
    blobs.replace(
        &path,
        format!("{{\"imageLayoutVersion\":\"{LAYOUT_VERSION}\"}}").as_bytes(),
    )
}

impl Index {
    /// Reads the index; a folder without one has no images.
    pub fn read(root: &Path) -> Result<Self, StoreError> {
        let path = root.join(INDEX);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(io_error("read", &path)(error)),
        };
        serde_json::from_slice(&text).map_err(|error| StoreError::Index {
            path,
            detail: error.to_string(),
        })
    }

    /// As [`Index::read`], but a damaged index is renamed and an empty one takes its place: images can be fetched
    /// again, and a machine that cannot start a workload because of one file is worse. The store's lock is held.
    pub fn read_or_set_aside(root: &Path) -> Result<Self, StoreError> {
        match Self::read(root) {
            Err(StoreError::Index { path, detail }) => {
                let aside: PathBuf = root.join(format!("{INDEX}.damaged"));
                tracing::warn!(path = %path.display(), detail, kept_as = %aside.display(), "the image index is damaged; starting a new one");
                fs::rename(&path, &aside).map_err(io_error("rename", &path))?;
                Ok(Self::default())
            }
            other => other,
        }
    }

    /// Replaces the index on disk. The store's lock is held.
    pub fn write(&self, root: &Path, blobs: &Blobs) -> Result<(), StoreError> {
        let path = root.join(INDEX);
        let text = serde_json::to_vec_pretty(self).map_err(|error| StoreError::Index {
            path: path.clone(),
            detail: error.to_string(),
        })?;
        blobs.replace(&path, &text)
    }

    pub fn find(&self, reference: &Reference) -> Option<Digest> {
        let name = reference.to_string();
        self.manifests
            .iter()
            .find(|entry| entry.name() == Some(&name))
            .and_then(|entry| entry.digest.parse().ok())
    }

    pub fn set(&mut self, reference: &Reference, digest: Digest, media_type: &str, size: usize) {
        self.remove(reference);
        self.manifests.push(Descriptor {
            media_type: media_type.to_owned(),
            digest: digest.to_string(),
            size: size as u64,
            annotations: BTreeMap::from([(REF_NAME.to_owned(), reference.to_string())]),
            rest: serde_json::Map::new(),
        });
    }

    pub fn remove(&mut self, reference: &Reference) -> bool {
        let name = reference.to_string();
        let before = self.manifests.len();
        self.manifests.retain(|entry| entry.name() != Some(&name));
        self.manifests.len() != before
    }

    /// Takes away every entry of a digest.
    pub fn forget(&mut self, digest: Digest) {
        let digest = digest.to_string();
        self.manifests.retain(|entry| entry.digest != digest);
    }

    /// Every digest the index points at.
    pub fn digests(&self) -> impl Iterator<Item = Digest> {
        self.manifests
            .iter()
            .filter_map(|entry| entry.digest.parse().ok())
    }

    pub fn entries(&self) -> Vec<ImageEntry> {
        let mut entries: Vec<ImageEntry> = self
            .manifests
            .iter()
            .filter_map(|entry| {
                Some(ImageEntry {
                    reference: entry.name()?.parse().ok()?,
                    digest: entry.digest.parse().ok()?,
                })
            })
            .collect();
        entries.sort_by(|a, b| a.reference.cmp(&b.reference));
        entries
    }
}

impl Descriptor {
    fn name(&self) -> Option<&String> {
        self.annotations.get(REF_NAME)
    }
}
