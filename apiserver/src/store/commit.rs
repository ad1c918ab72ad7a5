//! Writes: checked, given a revision, made durable, then made visible, in that order.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, mpsc};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::oneshot;

use super::{Change, Disk, DiskError, Key, Object, Shared};

/// How many waiting writes share one commit at most: bounds the time the first of them waits.
const GROUP: usize = 256;

/// What must be true for a write to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// The key is free.
    Absent,
    /// The object is at this revision.
    Revision(u64),
}

/// What a write leaves behind.
#[derive(Debug)]
pub enum Op {
    Put(Value),
    /// The object is gone; the value is its last state, as watchers see it.
    Remove(Value),
}

/// One write with its conditions.
#[derive(Debug)]
pub struct Write {
    pub key: Key,
    pub expect: Expect,
    pub op: Op,
    /// Another object that must still be at this revision (a namespace must not begin to end
    /// between the check and the write).
    pub guard: Option<(Key, u64)>,
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum WriteError {
    #[error("the object exists already")]
    Exists,
    #[error("the object does not exist")]
    Missing,
    #[error("the object has been modified since revision {expected}")]
    Conflict { expected: u64 },
    #[error("what the write depends on has been modified")]
    Guard,
    #[error("the object cannot be encoded: {0}")]
    Encode(Arc<serde_json::Error>),
    #[error("the store cannot write to its disk: {0}")]
    Disk(Arc<DiskError>),
    #[error("the store is closed")]
    Closed,
}

pub(super) struct Committer {
    shared: Arc<Shared>,
    disk: Option<Disk>,
}

impl Committer {
    pub fn new(shared: Arc<Shared>, disk: Option<Disk>) -> Self {
        Self { shared, disk }
    }

    /// Commits a group. Each write is checked against what the ones before it leave.
    fn commit(&mut self, writes: Vec<Write>) -> Vec<Result<Arc<Object>, WriteError>> {
        let mut pending: HashMap<Key, Option<Arc<Object>>> = HashMap::new();
        let mut changes: Vec<Arc<Change>> = Vec::with_capacity(writes.len());
        let mut results = Vec::with_capacity(writes.len());
        {
            let state = self.shared.state.read();
            let mut revision = state.revision;
            for write in writes {
                let look = |key: &Key| match pending.get(key) {
                    Some(found) => found.clone(),
                    None => state.get(key).cloned(),
                };
                match prepare(write, revision + 1, look) {
                    Ok(change) => {
                        revision += 1;
                        let left = (!change.removed).then(|| Arc::clone(&change.after));
                        pending.insert(change.after.key.clone(), left);
                        results.push(Ok(Arc::clone(&change.after)));
                        changes.push(change);
                    }
                    Err(error) => results.push(Err(error)),
                }
            }
        }
        if let (Some(disk), false) = (&mut self.disk, changes.is_empty())
            && let Err(error) = disk.save(&changes)
        {
            let error = Arc::new(error);
            tracing::error!(%error, "the API server's store could not be written");
            return results
                .into_iter()
                .map(|result| result.and(Err(WriteError::Disk(Arc::clone(&error)))))
                .collect();
        }
        if !changes.is_empty() {
            let mut state = self.shared.state.write();
            for change in changes {
                state.publish(change);
            }
            self.shared.newest.send_replace(state.revision);
        }
        results
    }
}

fn prepare(
    write: Write,
    revision: u64,
    look: impl Fn(&Key) -> Option<Arc<Object>>,
) -> Result<Arc<Change>, WriteError> {
    if let Some((key, expected)) = &write.guard
        && look(key).is_none_or(|found| found.revision != *expected)
    {
        return Err(WriteError::Guard);
    }
    let before = look(&write.key);
    match (write.expect, &before) {
        (Expect::Absent, Some(_)) => return Err(WriteError::Exists),
        (Expect::Revision(_), None) => return Err(WriteError::Missing),
        (Expect::Revision(expected), Some(found)) if found.revision != expected => {
            return Err(WriteError::Conflict { expected });
        }
        _ => {}
    }
    let (value, removed) = match write.op {
        Op::Put(value) => (value, false),
        Op::Remove(value) => (value, true),
    };
    let after = Object::encode(write.key, revision, value)
        .map_err(|error| WriteError::Encode(Arc::new(error)))?;
    let after = Arc::new(after);
    Ok(Arc::new(Change {
        revision,
        before,
        after,
        removed,
        frame: OnceLock::new(),
    }))
}

type Reply = oneshot::Sender<Result<Arc<Object>, WriteError>>;

/// The way to the one committer.
#[derive(Clone)]
pub(super) enum Writer {
    /// Nothing blocks: the caller commits.
    Inline(Arc<Mutex<Committer>>),
    /// A disk's commit blocks for milliseconds: a thread of its own commits all that waits at once.
    Thread(mpsc::Sender<(Write, Reply)>),
}

impl Writer {
    pub fn thread(mut committer: Committer) -> Result<Self, DiskError> {
        let (sender, receiver) = mpsc::channel::<(Write, Reply)>();
        std::thread::Builder::new()
            .name("store-commit".into())
            .spawn(move || {
                while let Ok(first) = receiver.recv() {
                    let rest = receiver.try_iter().take(GROUP - 1);
                    let (writes, replies): (Vec<_>, Vec<_>) =
                        std::iter::once(first).chain(rest).unzip();
                    for (reply, result) in replies.into_iter().zip(committer.commit(writes)) {
                        // The caller may have gone; the write stands all the same.
                        let _ = reply.send(result);
                    }
                }
            })
            .map_err(DiskError::Thread)?;
        Ok(Self::Thread(sender))
    }

    pub async fn write(&self, write: Write) -> Result<Arc<Object>, WriteError> {
        match self {
            Self::Inline(committer) => committer
                .lock()
                .commit(vec![write])
                .pop()
                .unwrap_or(Err(WriteError::Closed)),
            Self::Thread(sender) => {
                let (reply, answer) = oneshot::channel();
                sender
                    .send((write, reply))
                    .map_err(|_| WriteError::Closed)?;
                answer.await.map_err(|_| WriteError::Closed)?
            }
        }
    }
}
