//! Making room: first what nothing points at, then the least recently used images.

use std::collections::{BTreeMap, HashSet};
use std::time::SystemTime;

use serde::Serialize;

use super::blobs::BlobFile;
use super::index::Index;
use super::{Inner, Locked, StoreError, lease};
use crate::artifact::{self, Parsed};
use crate::digest::Digest;

/// What a collection did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GcReport {
    /// Images whose names were taken away.
    pub images: Vec<Digest>,
    /// Bytes freed.
    pub freed: u64,
    /// Bytes left.
    pub left: u64,
}

/// Brings the store down to `capacity` bytes if it can without touching what is leased.
pub(super) fn collect(inner: &Inner, capacity: u64, lock: &Locked) -> Result<GcReport, StoreError> {
    let mut blobs: BTreeMap<Digest, BlobFile> = inner
        .blobs
        .all()?
        .into_iter()
        .map(|blob| (blob.digest, blob))
        .collect();
    let mut report = GcReport {
        left: blobs.values().map(|blob| blob.size).sum(),
        ..GcReport::default()
    };
    if report.left <= capacity {
        return Ok(report);
    }
    inner.blobs.delete_unfinished();
    let leased = lease::leased(&inner.root, lock)?;
    let mut index = Index::read(&inner.root)?;
    sweep(inner, &index, &leased, &mut blobs, &mut report)?;

    let mut by_age: Vec<(SystemTime, Digest)> = index
        .digests()
        .filter(|digest| !leased.contains(digest))
        .map(|digest| {
            (
                blobs
                    .get(&digest)
                    .map_or(SystemTime::UNIX_EPOCH, |blob| blob.used),
                digest,
            )
        })
        .collect();
    by_age.sort();
    by_age.dedup();
    for (_, digest) in by_age {
        if report.left <= capacity {
            break;
        }
        // The name goes first: a crash in between leaves blobs without a name, never a name without blobs.
        index.forget(digest);
        index.write(&inner.root, &inner.blobs)?;
        report.images.push(digest);
        sweep(inner, &index, &leased, &mut blobs, &mut report)?;
    }
    tracing::info!(
        images = report.images.len(),
        freed = report.freed,
        left = report.left,
        "image store collected"
    );
    Ok(report)
}

/// Deletes every blob that neither a name nor a lease leads to.
fn sweep(
    inner: &Inner,
    index: &Index,
    leased: &HashSet<Digest>,
    blobs: &mut BTreeMap<Digest, BlobFile>,
    report: &mut GcReport,
) -> Result<(), StoreError> {
    let mut used = HashSet::new();
    for root in index.digests().chain(leased.iter().copied()) {
        mark(inner, root, &mut used);
    }
    let unused: Vec<BlobFile> = blobs
        .values()
        .filter(|blob| !used.contains(&blob.digest))
        .copied()
        .collect();
    for blob in unused {
        inner.blobs.delete(blob.digest)?;
        blobs.remove(&blob.digest);
        report.freed += blob.size;
        report.left -= blob.size;
    }
    Ok(())
}

fn mark(inner: &Inner, digest: Digest, used: &mut HashSet<Digest>) {
    if !used.insert(digest) {
        return;
    }
    // A damaged document leads nowhere; what only it led to can be fetched again with it.
    let Ok(document) = inner.blobs.read(digest) else {
        return;
    };
    match artifact::parse_manifest(&document) {
        Ok(Parsed::Image { config, layer }) => {
            used.insert(layer.digest);
            used.extend(config.map(|config| config.digest));
        }
        Ok(Parsed::Index { image }) => mark(inner, image, used),
        // Put there by another tool, and not for us: everything it names by digest is kept.
        Err(_) => used.extend(named_digests(&document)),
    }
}

fn named_digests(document: &[u8]) -> Vec<Digest> {
    fn walk(value: &serde_json::Value, found: &mut Vec<Digest>) {
        match value {
            serde_json::Value::String(text) => found.extend(text.parse::<Digest>()),
            serde_json::Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            serde_json::Value::Object(fields) => {
                fields.values().for_each(|field| walk(field, found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    if let Ok(value) = serde_json::from_slice(document) {
        walk(&value, &mut found);
    }
    found
}
