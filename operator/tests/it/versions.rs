//! Every version of objects that there ever was, not only what a look happens to meet.

use crate::fixture::PATIENCE;
use anyhow::{Result, ensure};
use futures::{StreamExt, TryStreamExt};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Resource, ResourceExt};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::sync::Arc;
use testbed::wait::until;
use tokio::task::JoinHandle;

/// What was seen so far; nothing more once it is dropped.
pub struct Versions<K> {
    seen: Arc<Mutex<Vec<K>>>,
    listed: Arc<Mutex<bool>>,
    task: JoinHandle<()>,
}

impl<K> Drop for Versions<K> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<K> Versions<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    /// Every version from now on, that of now included.
    pub async fn of(api: Api<K>) -> Result<Self> {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let listed = Arc::new(Mutex::new(false));
        let (all, complete) = (seen.clone(), listed.clone());
        let task = tokio::spawn(async move {
            let mut events = watcher(api, watcher::Config::default())
                .default_backoff()
                .boxed();
            while let Ok(Some(event)) = events.try_next().await {
                match event {
                    watcher::Event::Apply(k) | watcher::Event::InitApply(k) => all.lock().push(k),
                    watcher::Event::InitDone => *complete.lock() = true,
                    watcher::Event::Init | watcher::Event::Delete(_) => {}
                }
            }
        });
        let new = Self { seen, listed, task };
        until(PATIENCE, "the watch to begin", || async {
            ensure!(*new.listed.lock());
            Ok(())
        })
        .await?;
        Ok(new)
    }

    /// So far.
    pub fn so_far(&self) -> Vec<K> {
        self.seen.lock().clone()
    }

    /// Those up to this one, which was read past the watch.
    pub async fn up_to(&self, last: &K) -> Result<Vec<K>> {
        until(PATIENCE, "the watch to have it", || async {
            let seen = self.so_far();
            let same = |k: &&K| k.resource_version() == last.resource_version();
            ensure!(seen.iter().any(|k| same(&k)), "{} versions", seen.len());
            Ok(seen)
        })
        .await
    }
}
