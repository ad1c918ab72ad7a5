//! What Hosts and Workloads of a namespace went through, from a watch: nothing that was for a moment only is missed,
//! as it is by who looks now and then.

use crate::estate::PATIENCE;
use anyhow::{Result, anyhow, ensure};
use crd_types::{Condition, Host, Workload, condition};
use futures::StreamExt;
use kube::api::{ListParams, Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;
use testbed::wait::until;
use tokio_util::sync::{CancellationToken, DropGuard};

const MARK: &str = "test.example/seen";

#[derive(Debug, Default)]
struct Seen {
    objects: BTreeSet<String>,
    marked: BTreeSet<String>,
    trouble: Vec<String>,
}

/// Watches until it is dropped.
pub struct Witness {
    client: Client,
    namespace: String,
    hosts_only: bool,
    seen: Arc<Mutex<Seen>>,
    _end: DropGuard,
}

impl Witness {
    /// Begins; everything that is there has been seen.
    pub async fn of(client: &Client, namespace: &str) -> Result<Self> {
        Self::begin(client, namespace, false).await
    }

    /// As [`Self::of`], where Workloads come and go.
    pub async fn of_hosts(client: &Client, namespace: &str) -> Result<Self> {
        Self::begin(client, namespace, true).await
    }

    async fn begin(client: &Client, namespace: &str, hosts_only: bool) -> Result<Self> {
        let token = CancellationToken::new();
        let witness = Self {
            client: client.clone(),
            namespace: namespace.to_owned(),
            hosts_only,
            seen: Arc::default(),
            _end: token.clone().drop_guard(),
        };
        witness.follow::<Host>(&token, |host| {
            host.status.as_ref().map(|s| s.conditions.as_slice())
        });
        let mut wanted = witness.all::<Host>().await?.len();
        if !hosts_only {
            witness.follow::<Workload>(&token, |workload| {
                workload.status.as_ref().map(|s| s.conditions.as_slice())
            });
            wanted += witness.all::<Workload>().await?.len();
        }
        until(PATIENCE, "everything to be seen", || async {
            let seen = witness.seen.lock().objects.len();
            ensure!(seen == wanted, "{seen} of {wanted}");
            Ok(())
        })
        .await?;
        Ok(witness)
    }

    fn api<K: Resource<DynamicType = (), Scope = NamespaceResourceScope>>(&self) -> Api<K> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    async fn all<K>(&self) -> Result<Vec<K>>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: Clone + DeserializeOwned + Debug,
    {
        Ok(self.api().list(&ListParams::default()).await?.items)
    }

    fn follow<K>(&self, stop: &CancellationToken, conditions: fn(&K) -> Option<&[Condition]>)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: Clone + DeserializeOwned + Debug + Send + 'static,
    {
        let mut events = watcher(self.api::<K>(), watcher::Config::default())
            .default_backoff()
            .boxed();
        let (seen, stop) = (self.seen.clone(), stop.clone());
        let following = async move {
            while let Some(event) = events.next().await {
                match event {
                    Ok(watcher::Event::Apply(o) | watcher::Event::InitApply(o)) => {
                        seen.lock().is(&o, conditions(&o).unwrap_or_default());
                    }
                    Ok(watcher::Event::Delete(o)) => {
                        seen.lock().trouble.push(format!("{} is gone", name(&o)));
                    }
                    Ok(watcher::Event::Init | watcher::Event::InitDone) => {}
                    Err(error) => seen.lock().trouble.push(error.to_string()),
                }
            }
        };
        tokio::spawn(async move { stop.run_until_cancelled(following).await });
    }

    /// What was out of order at any time until now: an object that was not Ready, or on its way out, or gone.
    pub async fn trouble(&self) -> Result<Vec<String>> {
        // Whoever has seen the mark has seen all that was before it.
        let mut marked = BTreeSet::new();
        marked.insert(self.mark::<Host>().await?);
        if !self.hosts_only {
            marked.insert(self.mark::<Workload>().await?);
        }
        until(PATIENCE, "the marks to be seen", || async {
            let seen = self.seen.lock();
            ensure!(seen.marked.is_superset(&marked), "{:?}", seen.marked);
            Ok(())
        })
        .await?;
        Ok(self.seen.lock().trouble.clone())
    }

    async fn mark<K>(&self) -> Result<String>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: Clone + DeserializeOwned + Debug,
    {
        let first = self.all::<K>().await?.into_iter().next();
        let first = first.ok_or_else(|| anyhow!("no {}", K::kind(&())))?;
        let mark = json!({"metadata": {"annotations": {MARK: "yes"}}});
        self.api::<K>()
            .patch(
                &first.name_any(),
                &PatchParams::default(),
                &Patch::Merge(mark),
            )
            .await?;
        Ok(name(&first))
    }
}

impl Seen {
    fn is<K: Resource<DynamicType = ()>>(&mut self, object: &K, conditions: &[Condition]) {
        let name = name(object);
        if object.annotations().contains_key(MARK) {
            self.marked.insert(name.clone());
        }
        if !condition::is_true(conditions, "Ready") {
            let ready = condition::find(conditions, "Ready").map(|c| c.reason.clone());
            self.trouble.push(format!("{name} is not Ready: {ready:?}"));
        }
        if object.meta().deletion_timestamp.is_some() {
            self.trouble.push(format!("{name} is to go"));
        }
        self.objects.insert(name);
    }
}

fn name<K: Resource<DynamicType = ()>>(object: &K) -> String {
    format!("{} {}", K::kind(&()), object.name_any())
}
