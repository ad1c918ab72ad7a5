//! What is deleted because something else was: dependents of owners, contents of namespaces,
//! objects of CRDs, old Events. And what is created so: the ServiceAccount of a namespace.
//!
//! One task follows every change and keeps a queue of keys to look at. Looking at a key is
//! level-triggered: it reads the object as it is now, does what follows from that, and depends in
//! nothing on why the key was queued.

mod accounts;
mod edit;
mod events;
mod graph;
mod owners;
mod scopes;
mod terminating;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::rest::Api;
use crate::status::ApiError;
use crate::store::{Change, Key};
use graph::{Graph, Links};

/// Held by an owner until its blocking dependents are gone.
pub const FOREGROUND: &str = "foregroundDeletion";
/// Held by an owner until its dependents have forgotten it.
pub const ORPHAN: &str = "orphan";

/// When what failed is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How often old Events are looked for.
const EVENTS_EVERY: Duration = Duration::from_mins(1);

/// Collects until the token is cancelled.
pub async fn run(api: Arc<Api>, token: CancellationToken) {
    let mut events = tokio::time::interval(EVENTS_EVERY);
    'resync: loop {
        let mut collector = Collector::new(Arc::clone(&api));
        let mut changes = api.store.everything(collector.start());
        let mut retry_at: Option<Instant> = None;
        loop {
            collector.drain().await;
            // Its time stays while other changes come: they may never end.
            if collector.failed.is_empty() {
                retry_at = None;
            }
            let at = (!collector.failed.is_empty())
                .then(|| *retry_at.get_or_insert_with(|| Instant::now() + RETRY));
            let retry = async {
                match at {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = token.cancelled() => return,
                changed = changes.next() => match changed {
                    Ok(changed) => changed.iter().for_each(|change| collector.saw(change)),
                    // The logs moved past us: begin again from what is there.
                    Err(_) => continue 'resync,
                },
                () = retry => {
                    retry_at = None;
                    collector.retry();
                }
                _ = events.tick() => events::expire(&api, Timestamp::now()).await,
            }
        }
    }
}

struct Collector {
    api: Arc<Api>,
    graph: Graph,
    queue: HashSet<Key>,
    failed: HashSet<Key>,
}

impl Collector {
    fn new(api: Arc<Api>) -> Self {
        Self {
            api,
            graph: Graph::default(),
            queue: HashSet::new(),
            failed: HashSet::new(),
        }
    }

    /// Learns everything there is; answers with the revision this was true at.
    fn start(&mut self) -> u64 {
        let snapshot = self.api.store.all();
        for object in &snapshot.objects {
            let links = Links::of(object);
            if links.concerns_gc() || scopes::is_scope(&object.key) {
                self.queue.insert(object.key.clone());
            }
            self.graph.set(&object.key, links);
        }
        snapshot.revision
    }

    fn saw(&mut self, change: &Change) {
        let key = &change.after.key;
        let before = self.graph.remove(key);
        if let Some(before) = &before {
            self.queue.extend(self.owners_of(key, before));
        }
        if change.removed {
            if let Some(before) = before {
                self.queue.extend(self.graph.dependents(&before.uid));
            }
            // Its namespace or CRD may have waited for it.
            self.queue.extend(scopes::of(key));
            return;
        }
        let links = Links::of(&change.after);
        if links.concerns_gc() || scopes::is_scope(key) {
            self.queue.insert(key.clone());
        }
        if links.waits() {
            self.queue.extend(self.graph.dependents(&links.uid));
        }
        self.graph.set(key, links);
    }

    /// The keys of the owners an object names, for those that wait for it.
    fn owners_of(&self, key: &Key, links: &Links) -> Vec<Key> {
        let served = self.api.registry.served();
        links
            .owners
            .iter()
            .filter_map(|owner| {
                let resource = served.of_kind(&owner.api_version, &owner.kind)?;
                let namespace = if resource.namespaced {
                    &*key.name.namespace
                } else {
                    ""
                };
                Some(resource.key(namespace, &owner.name))
            })
            .collect()
    }

    async fn drain(&mut self) {
        let queue = std::mem::take(&mut self.queue);
        for key in queue {
            if let Err(error) = self.look_at(&key).await {
                tracing::warn!(key = key.path(), %error, "garbage collection will be tried again");
                self.failed.insert(key);
            }
        }
    }

    fn retry(&mut self) {
        self.queue.extend(self.failed.drain());
    }

    async fn look_at(&self, key: &Key) -> Result<(), ApiError> {
        owners::look_at(&self.api, &self.graph, key).await?;
        scopes::look_at(&self.api, key).await
    }
}
