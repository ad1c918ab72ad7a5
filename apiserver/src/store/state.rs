//! The objects in memory and the log of what changed.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tokio::sync::watch as signal;

use super::{Bucket, Key, Name, Object};

/// The requested revision is older than what is kept (or was never reached): list again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too old resource version: {requested} ({kept})")]
pub struct Expired {
    pub requested: u64,
    /// The oldest revision still answered.
    pub kept: u64,
}

/// Objects in key order and the revision at which they were so.
#[derive(Debug)]
pub struct Snapshot {
    pub revision: u64,
    pub objects: Vec<Arc<Object>>,
}

/// One change of one object.
#[derive(Debug)]
pub struct Change {
    pub revision: u64,
    /// The state before; `None`: created.
    pub before: Option<Arc<Object>>,
    /// The state after; for a removal the last state, at the removal's revision.
    pub after: Arc<Object>,
    pub removed: bool,
    /// The plain watch frame of this change, encoded once for all its watchers.
    pub frame: OnceLock<Bytes>,
}

pub(super) struct State {
    pub revision: u64,
    /// The revision the process started with: nothing before it is known.
    pub floor: u64,
    pub buckets: HashMap<Bucket, BucketState>,
    kept: usize,
}

pub(super) struct BucketState {
    pub objects: BTreeMap<Name, Arc<Object>>,
    pub log: VecDeque<Arc<Change>>,
    /// The newest revision whose change was dropped from the log.
    pub floor: u64,
    /// The revision of the newest change.
    pub last: u64,
    pub changed: signal::Sender<u64>,
}

impl State {
    pub fn new(kept: usize, revision: u64) -> Self {
        Self {
            revision,
            floor: revision,
            buckets: HashMap::new(),
            kept: kept.max(1),
        }
    }

    pub fn load(&mut self, object: Object) {
        let floor = self.floor;
        let bucket = self.bucket(&object.key.bucket);
        bucket.last = floor;
        bucket
            .objects
            .insert(object.key.name.clone(), Arc::new(object));
    }

    pub fn get(&self, key: &Key) -> Option<&Arc<Object>> {
        self.buckets.get(&key.bucket)?.objects.get(&key.name)
    }

    pub fn bucket(&mut self, bucket: &Bucket) -> &mut BucketState {
        let floor = self.floor;
        self.buckets
            .entry(bucket.clone())
            .or_insert_with(|| BucketState {
                objects: BTreeMap::new(),
                log: VecDeque::new(),
                floor,
                last: 0,
                changed: signal::Sender::new(0),
            })
    }

    /// Makes a change visible and wakes those who follow its bucket.
    pub fn publish(&mut self, change: Arc<Change>) {
        self.revision = change.revision;
        let kept = self.kept;
        let key = &change.after.key;
        let bucket = self.bucket(&key.bucket);
        if change.removed {
            bucket.objects.remove(&key.name);
        } else {
            bucket
                .objects
                .insert(key.name.clone(), Arc::clone(&change.after));
        }
        bucket.last = change.revision;
        bucket.log.push_back(change);
        while bucket.log.len() > kept {
            if let Some(dropped) = bucket.log.pop_front() {
                bucket.floor = dropped.revision;
            }
        }
        bucket.changed.send_replace(bucket.last);
    }
}

impl BucketState {
    /// The changes after `position`, oldest first.
    pub fn after(&self, position: u64) -> Result<Vec<Arc<Change>>, Expired> {
        if position < self.floor {
            return Err(Expired {
                requested: position,
                kept: self.floor,
            });
        }
        let start = self
            .log
            .partition_point(|change| change.revision <= position);
        Ok(self.log.range(start..).cloned().collect())
    }

    /// The objects as they were at `revision`: the present with the later changes undone.
    pub fn at(&self, revision: u64, floor: u64) -> Result<BTreeMap<Name, Arc<Object>>, Expired> {
        let kept = self.floor.max(floor);
        if revision < kept {
            return Err(Expired {
                requested: revision,
                kept,
            });
        }
        let mut objects = self.objects.clone();
        for change in self
            .log
            .iter()
            .rev()
            .take_while(|change| change.revision > revision)
        {
            let name = &change.after.key.name;
            match &change.before {
                Some(before) => objects.insert(name.clone(), Arc::clone(before)),
                None => objects.remove(name),
            };
        }
        Ok(objects)
    }
}
