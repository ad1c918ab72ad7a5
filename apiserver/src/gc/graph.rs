//! Who owns whom.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;

use super::{FOREGROUND, ORPHAN};
use crate::store::{Key, Object};

/// What garbage collection knows of an object.
#[derive(Debug, Clone, Default)]
pub struct Links {
    pub uid: String,
    pub owners: Vec<Owner>,
    pub deleting: bool,
    pub finalizers: Vec<String>,
}

/// An entry of `metadata.ownerReferences`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Owner {
    pub api_version: String,
    pub kind: String,
    pub name: String,
    pub uid: String,
    pub block_owner_deletion: Option<bool>,
}

#[derive(Deserialize)]
struct Partial {
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    uid: String,
    owner_references: Vec<Owner>,
    finalizers: Vec<String>,
    deletion_timestamp: Option<String>,
}

impl Links {
    pub fn of(object: &Object) -> Self {
        match serde_json::from_slice::<Partial>(&object.json) {
            Ok(Partial { metadata }) => Self {
                uid: metadata.uid,
                owners: metadata.owner_references,
                deleting: metadata.deletion_timestamp.is_some(),
                finalizers: metadata.finalizers,
            },
            Err(error) => {
                tracing::error!(key = object.key.path(), %error, "an object's metadata is unreadable");
                Self::default()
            }
        }
    }

    /// Deleted, and waiting for its dependents.
    pub fn waits(&self) -> bool {
        self.deleting && (self.has(FOREGROUND) || self.has(ORPHAN))
    }

    pub fn has(&self, finalizer: &str) -> bool {
        self.finalizers.iter().any(|name| name == finalizer)
    }

    pub fn concerns_gc(&self) -> bool {
        !self.owners.is_empty() || self.waits()
    }
}

/// Objects and, per owner's uid, their dependents.
#[derive(Debug, Default)]
pub struct Graph {
    links: HashMap<Key, Links>,
    dependents: HashMap<String, BTreeSet<Key>>,
}

impl Graph {
    pub fn set(&mut self, key: &Key, links: Links) {
        self.remove(key);
        for owner in &links.owners {
            self.dependents
                .entry(owner.uid.clone())
                .or_default()
                .insert(key.clone());
        }
        if links.concerns_gc() || !links.uid.is_empty() {
            self.links.insert(key.clone(), links);
        }
    }

    pub fn remove(&mut self, key: &Key) -> Option<Links> {
        let links = self.links.remove(key)?;
        for owner in &links.owners {
            if let Some(dependents) = self.dependents.get_mut(&owner.uid) {
                dependents.remove(key);
                if dependents.is_empty() {
                    self.dependents.remove(&owner.uid);
                }
            }
        }
        Some(links)
    }

    pub fn dependents(&self, uid: &str) -> Vec<Key> {
        self.dependents
            .get(uid)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }
}
