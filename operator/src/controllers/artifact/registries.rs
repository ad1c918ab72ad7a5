//! Registries as the Artifact controller sees them, and when each Artifact was last looked up there.

use crate::watch::Key;
use crd_types::Artifact;
use kube::{Resource, ResourceExt};
use oci::{CaFileError, ImagesOptions, Resolver};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Registries, and what is remembered of looks at them. After a restart every Artifact is due once.
#[derive(Debug)]
pub struct Registries {
    pub(super) resolver: Resolver,
    looks: Mutex<HashMap<Key, Look>>,
}

#[derive(Clone, Debug)]
struct Look {
    uid: String,
    generation: Option<i64>,
    failures: u32,
    due: Option<Instant>,
}

impl Registries {
    /// Touches no network.
    pub fn new(options: ImagesOptions) -> Result<Self, CaFileError> {
        Ok(Self {
            resolver: Resolver::new(options)?,
            looks: Mutex::default(),
        })
    }

    /// How long until the Artifact is due; zero when it is, `None` when not before its spec changes.
    pub(super) fn due_in(&self, key: &Key, artifact: &Artifact) -> Option<Duration> {
        let looks = self.looks.lock();
        let Some(look) = looks.get(key).filter(|l| l.is_of(artifact)) else {
            return Some(Duration::ZERO);
        };
        look.due
            .map(|due| due.saturating_duration_since(Instant::now()))
    }

    /// Failures in a row at this generation of the Artifact.
    pub(super) fn failures(&self, key: &Key, artifact: &Artifact) -> u32 {
        let looks = self.looks.lock();
        looks
            .get(key)
            .filter(|l| l.is_of(artifact))
            .map_or(0, |l| l.failures)
    }

    /// Notes a look at the Artifact's registry.
    pub(super) fn looked(
        &self,
        key: &Key,
        artifact: &Artifact,
        failures: u32,
        again: Option<Duration>,
    ) {
        let look = Look {
            uid: artifact.uid().unwrap_or_default(),
            generation: artifact.meta().generation,
            failures,
            due: again.map(|again| Instant::now() + again),
        };
        self.looks.lock().insert(key.clone(), look);
    }

    /// The Artifact is gone.
    pub(super) fn forget(&self, key: &Key) {
        self.looks.lock().remove(key);
    }
}

impl Look {
    fn is_of(&self, artifact: &Artifact) -> bool {
        artifact.uid().as_ref() == Some(&self.uid) && artifact.meta().generation == self.generation
    }
}
