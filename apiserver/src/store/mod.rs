//! Objects by key under one monotonic revision, with watches from any revision still kept.
//!
//! Everything is held in memory; a [`Disk`] makes it durable. A write is visible to readers and
//! watchers only after it is durable, so nobody ever acts on something a crash could take back.
//!
//! Invariants:
//! - Revisions are assigned in commit order, without gaps that a reader could observe.
//! - A bucket's log holds every change after its `floor`; older positions are answered with [`Expired`].
//! - A watcher holds no queue of its own: it reads the bucket's log at its own position, so a slow
//!   watcher costs no memory and is told to list again once the log has moved past it.

mod commit;
mod disk;
mod key;
mod object;
mod state;
mod watch;

pub use commit::{Expect, Op, Write, WriteError};
pub use disk::{Disk, DiskError};
pub use key::{Bucket, Key, Name};
pub use object::Object;
pub use state::{Change, Expired, Snapshot};
pub use watch::{Everything, Watch};

use std::ops::Bound;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use tokio::sync::watch as signal;

use commit::{Committer, Writer};
use state::State;

/// The store; clones share it.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    writer: Writer,
}

struct Shared {
    state: RwLock<State>,
    /// The newest revision, for those who follow every bucket.
    newest: signal::Sender<u64>,
}

impl Store {
    /// A store that lives as long as the process. `kept` is how many changes each bucket remembers.
    pub fn in_memory(kept: usize) -> Self {
        let shared = Shared::new(State::new(kept, 1));
        let committer = Committer::new(Arc::clone(&shared), None);
        Self {
            shared,
            writer: Writer::Inline(Arc::new(Mutex::new(committer))),
        }
    }

    /// A store whose every acknowledged write is on `disk`.
    pub fn on_disk(disk: Disk, kept: usize) -> Result<Self, DiskError> {
        let (revision, objects) = disk.load()?;
        let mut state = State::new(kept, revision.max(1));
        for object in objects {
            state.load(object);
        }
        let shared = Shared::new(state);
        let committer = Committer::new(Arc::clone(&shared), Some(disk));
        Ok(Self {
            shared,
            writer: Writer::thread(committer)?,
        })
    }

    /// Applies one write; answers with the object as stored (for a removal: its last state).
    pub async fn write(&self, write: Write) -> Result<Arc<Object>, WriteError> {
        self.writer.write(write).await
    }

    /// The newest revision.
    pub fn revision(&self) -> u64 {
        self.shared.state.read().revision
    }

    /// The revision of the last change in `bucket` (0: never changed since the start).
    pub fn bucket_revision(&self, bucket: &Bucket) -> u64 {
        self.shared
            .state
            .read()
            .buckets
            .get(bucket)
            .map_or(0, |b| b.last)
    }

    pub fn get(&self, key: &Key) -> Option<Arc<Object>> {
        self.shared.state.read().get(key).cloned()
    }

    /// The objects of a bucket (of one namespace when given) after `after`, as they are now.
    pub fn list(&self, bucket: &Bucket, namespace: Option<&str>, after: Option<&Name>) -> Snapshot {
        let state = self.shared.state.read();
        let objects = state.buckets.get(bucket).map_or_else(Vec::new, |b| {
            range(&b.objects, namespace, after)
                .map(|(_, object)| Arc::clone(object))
                .collect()
        });
        Snapshot {
            revision: state.revision,
            objects,
        }
    }

    /// The same as it was at `revision`, rebuilt from the log; [`Expired`] when that is gone.
    pub fn list_at(
        &self,
        bucket: &Bucket,
        namespace: Option<&str>,
        after: Option<&Name>,
        revision: u64,
    ) -> Result<Snapshot, Expired> {
        let state = self.shared.state.read();
        let Some(found) = state.buckets.get(bucket) else {
            return Ok(Snapshot {
                revision,
                objects: Vec::new(),
            });
        };
        let at = found.at(revision, state.floor)?;
        let objects = range(&at, namespace, after)
            .map(|(_, object)| Arc::clone(object))
            .collect();
        Ok(Snapshot { revision, objects })
    }

    /// Changes of `bucket` after `from`.
    pub fn watch(&self, bucket: &Bucket, from: u64) -> Result<Watch, Expired> {
        Watch::start(Arc::clone(&self.shared), bucket.clone(), from)
    }

    /// A snapshot and the changes after it, with nothing lost between the two.
    pub fn list_and_watch(&self, bucket: &Bucket, namespace: Option<&str>) -> (Snapshot, Watch) {
        let snapshot = self.list(bucket, namespace, None);
        let watch = Watch::at(Arc::clone(&self.shared), bucket.clone(), snapshot.revision);
        (snapshot, watch)
    }

    /// Changes of every bucket after `from`.
    pub fn everything(&self, from: u64) -> Everything {
        Everything::new(Arc::clone(&self.shared), from)
    }

    /// Every object of every bucket, with the revision this was true at.
    pub fn all(&self) -> Snapshot {
        let state = self.shared.state.read();
        let objects = state
            .buckets
            .values()
            .flat_map(|b| b.objects.values().cloned())
            .collect();
        Snapshot {
            revision: state.revision,
            objects,
        }
    }
}

impl Shared {
    fn new(state: State) -> Arc<Self> {
        let newest = signal::Sender::new(state.revision);
        Arc::new(Self {
            state: RwLock::new(state),
            newest,
        })
    }
}

type Objects = std::collections::BTreeMap<Name, Arc<Object>>;

fn range<'a>(
    objects: &'a Objects,
    namespace: Option<&'a str>,
    after: Option<&Name>,
) -> impl Iterator<Item = (&'a Name, &'a Arc<Object>)> {
    let start = match (after, namespace) {
        (Some(after), _) => Bound::Excluded(after.clone()),
        (None, Some(namespace)) => Bound::Included(Name::new(namespace, "")),
        (None, None) => Bound::Unbounded,
    };
    objects
        .range((start, Bound::Unbounded))
        .skip_while(move |(name, _)| namespace.is_some_and(|ns| &*name.namespace < ns))
        .take_while(move |(name, _)| namespace.is_none_or(|ns| &*name.namespace == ns))
}

#[cfg(test)]
mod tests;
