//! Follows one kind in one namespace (or all) and keeps its cache.

use super::{Cache, Key};
use crate::error::code;
use futures::StreamExt;
use kube::core::DeserializeGuard;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use std::collections::HashSet;
use std::fmt::Debug;
use std::pin::pin;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What is followed of a kind.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The namespace; all when it is `None`.
    pub namespace: Option<String>,
    /// Labels that an object has to carry, as the API server reads them.
    pub labels: Option<&'static str>,
    /// The operator works without: when it may not be listed or is not there, nobody waits for it.
    pub optional: bool,
}

impl Scope {
    fn config(&self) -> watcher::Config {
        match self.labels {
            Some(labels) => watcher::Config::default().labels(labels),
            None => watcher::Config::default(),
        }
    }
}

/// Watches until the token is cancelled. `on_change` is told of every object that came, changed or went, with
/// what was and what is; `on_ready` once after the first complete list. An object that cannot be read is left
/// out and named in the log; it does not stall the others.
pub async fn follow<K>(
    api: Api<DeserializeGuard<K>>,
    scope: Scope,
    cache: &Cache<K>,
    on_change: impl Fn(Option<&K>, Option<&K>),
    on_ready: impl FnOnce(),
    token: CancellationToken,
) where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    let mut events = pin!(watcher(api, scope.config()).default_backoff());
    let mut on_ready = Some(on_ready);
    let mut listed: HashSet<Key> = HashSet::new();
    loop {
        let event = tokio::select! {
            () = token.cancelled() => return,
            event = events.next() => event,
        };
        let event = match event {
            None => return,
            Some(Ok(event)) => event,
            Some(Err(error)) => {
                tracing::warn!(kind = %K::kind(&()), %error, "watch interrupted; trying again");
                if scope.optional
                    && refused(&error)
                    && let Some(ready) = on_ready.take()
                {
                    ready();
                }
                continue;
            }
        };
        match event {
            watcher::Event::Init => listed.clear(),
            watcher::Event::InitApply(object) => {
                if let Some(object) = readable(object) {
                    listed.insert(Key::of(object.as_ref()));
                    // A list may be older than what is known: a write of ours was faster, or an API server that lags
                    // behind answers. What is between comes over the watch, which begins where the list ends.
                    put(cache, &object, &on_change);
                }
            }
            watcher::Event::InitDone => {
                for key in cache.keys(scope.namespace.as_deref()) {
                    if !listed.contains(&key)
                        && let Some(old) = cache.remove(&key)
                    {
                        on_change(Some(&old), None);
                    }
                }
                if let Some(ready) = on_ready.take() {
                    ready();
                }
            }
            watcher::Event::Apply(object) => {
                // What a write of ours showed already is no news.
                if let Some(object) = readable(object).filter(|o| !cache.knows(o)) {
                    put(cache, &object, &on_change);
                }
            }
            watcher::Event::Delete(object) => {
                if let Some(old) = cache.went(&object) {
                    on_change(Some(&old), None);
                }
            }
        }
    }
}

/// Whether the API server will go on saying no: forbidden, or not served.
fn refused(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error) => {
            matches!(code(error), Some(403 | 404))
        }
        _ => false,
    }
}

/// The object as it is kept: without the record of who owns which field, which is as large as the object itself, which
/// nobody here reads, and which an API server keeps when an update does not mention it.
fn readable<K: Resource<DynamicType = ()>>(object: DeserializeGuard<K>) -> Option<Arc<K>> {
    match object.0 {
        Ok(mut object) => {
            object.meta_mut().managed_fields = None;
            Some(Arc::new(object))
        }
        Err(invalid) => {
            tracing::warn!(
                kind = %K::kind(&()),
                namespace = invalid.metadata.namespace.as_deref().unwrap_or_default(),
                name = invalid.metadata.name.as_deref().unwrap_or_default(),
                error = %invalid.error,
                "stored object cannot be read and is left alone"
            );
            None
        }
    }
}

fn put<K: Resource>(
    cache: &Cache<K>,
    object: &Arc<K>,
    on_change: &impl Fn(Option<&K>, Option<&K>),
) {
    if let Ok(old) = cache.learn(object) {
        on_change(old.as_deref(), Some(object));
    }
}
