//! Following the log of one bucket, or of all.

use std::sync::Arc;

use tokio::sync::watch as signal;

use super::{Bucket, Change, Expired, Shared};

/// A position in one bucket's log.
pub struct Watch {
    shared: Arc<Shared>,
    bucket: Bucket,
    position: u64,
    changed: signal::Receiver<u64>,
}

impl Watch {
    pub(super) fn start(shared: Arc<Shared>, bucket: Bucket, from: u64) -> Result<Self, Expired> {
        {
            let state = shared.state.read();
            let kept = state
                .buckets
                .get(&bucket)
                .map_or(state.floor, |b| b.floor.max(state.floor));
            if from < kept || from > state.revision {
                return Err(Expired {
                    requested: from,
                    kept,
                });
            }
        }
        Ok(Self::at(shared, bucket, from))
    }

    pub(super) fn at(shared: Arc<Shared>, bucket: Bucket, position: u64) -> Self {
        let changed = shared.state.write().bucket(&bucket).changed.subscribe();
        Self {
            shared,
            bucket,
            position,
            changed,
        }
    }

    /// Waits for changes; [`Expired`] when the log has moved past this watch. Cancel-safe.
    pub async fn next(&mut self) -> Result<Vec<Arc<Change>>, Expired> {
        loop {
            self.changed.borrow_and_update();
            let changes = self.ready()?;
            if !changes.is_empty() {
                return Ok(changes);
            }
            if self.changed.changed().await.is_err() {
                // The sender lives in the state that `shared` keeps alive.
                std::future::pending::<()>().await;
            }
        }
    }

    fn ready(&mut self) -> Result<Vec<Arc<Change>>, Expired> {
        let state = self.shared.state.read();
        let Some(bucket) = state.buckets.get(&self.bucket) else {
            return Ok(Vec::new());
        };
        let changes = bucket.after(self.position)?;
        if let Some(last) = changes.last() {
            self.position = last.revision;
        }
        Ok(changes)
    }

    /// A revision up to which this watch has missed nothing: the newest one, or its own position
    /// while changes wait for it.
    pub fn progress(&self) -> u64 {
        let state = self.shared.state.read();
        match state.buckets.get(&self.bucket) {
            Some(bucket) if bucket.last > self.position => self.position,
            _ => state.revision,
        }
    }
}

/// A position in the logs of all buckets together.
pub struct Everything {
    shared: Arc<Shared>,
    position: u64,
    newest: signal::Receiver<u64>,
}

impl Everything {
    pub(super) fn new(shared: Arc<Shared>, position: u64) -> Self {
        let newest = shared.newest.subscribe();
        Self {
            shared,
            position,
            newest,
        }
    }

    /// Waits for changes, in the order of their revisions. Cancel-safe.
    pub async fn next(&mut self) -> Result<Vec<Arc<Change>>, Expired> {
        loop {
            self.newest.borrow_and_update();
            let changes = self.ready()?;
            if !changes.is_empty() {
                return Ok(changes);
            }
            if self.newest.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    fn ready(&mut self) -> Result<Vec<Arc<Change>>, Expired> {
        let state = self.shared.state.read();
        let mut changes = Vec::new();
        for bucket in state
            .buckets
            .values()
            .filter(|bucket| bucket.last > self.position)
        {
            changes.extend(bucket.after(self.position)?);
        }
        changes.sort_unstable_by_key(|change| change.revision);
        self.position = state.revision;
        Ok(changes)
    }
}
