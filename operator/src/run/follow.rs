//! Starts the watches and says which controllers a change concerns.

use super::OperatorDeps;
use crate::controllers::Context;
use crate::watch::{self, Cache, Key, follow};
use crd_types::{Artifact, Host, Workload, WorkloadDeployment, WorkloadReplicaSet};
use k8s_openapi::api::core::v1::Service;
use kube::core::DeserializeGuard;
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

type Change<K> = fn(&Context, Option<&K>, Option<&K>);

/// Starts every watch and returns when each has its first complete list.
pub(super) async fn all(
    context: &Arc<Context>,
    deps: &OperatorDeps,
    tracker: &TaskTracker,
    stop: &CancellationToken,
) {
    let (ready, mut readied) = mpsc::channel(1);
    let starter = Starter {
        context,
        deps,
        tracker,
        stop,
        ready,
    };
    let own = [Some(deps.options.namespace.clone())];
    let served: Vec<Option<String>> = match deps.options.watch_namespaces.as_slice() {
        [] => vec![None],
        some => some.iter().cloned().map(Some).collect(),
    };
    starter.start(&own, |c| &c.caches.hosts, host);
    starter.start(&served, |c| &c.caches.artifacts, artifact);
    starter.start(&served, |c| &c.caches.services, service);
    starter.start(&served, |c| &c.caches.deployments, deployment);
    starter.start(&served, |c| &c.caches.replica_sets, replica_set);
    starter.start(&served, |c| &c.caches.workloads, workload);
    drop(starter);
    // Each watch drops its sender with the first complete list; the channel ends with the last.
    tokio::select! {
        _ = readied.recv() => {}
        () = stop.cancelled() => {}
    }
}

struct Starter<'a> {
    context: &'a Arc<Context>,
    deps: &'a OperatorDeps,
    tracker: &'a TaskTracker,
    stop: &'a CancellationToken,
    ready: mpsc::Sender<()>,
}

impl Starter<'_> {
    fn start<K>(
        &self,
        namespaces: &[Option<String>],
        cache: fn(&Context) -> &Cache<K>,
        change: Change<K>,
    ) where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
        K: Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    {
        for namespace in namespaces {
            let client = self.deps.client.clone();
            let api: Api<DeserializeGuard<K>> = match namespace {
                Some(namespace) => Api::namespaced(client, namespace),
                None => Api::all(client),
            };
            let (context, stop, ready) =
                (self.context.clone(), self.stop.clone(), self.ready.clone());
            let namespace = namespace.clone();
            self.tracker.spawn(async move {
                let on_change = |old: Option<&K>, new: Option<&K>| change(&context, old, new);
                follow(
                    api,
                    namespace,
                    cache(&context),
                    on_change,
                    move || drop(ready),
                    stop,
                )
                .await;
            });
        }
    }
}

fn deployment(
    context: &Context,
    old: Option<&WorkloadDeployment>,
    new: Option<&WorkloadDeployment>,
) {
    if let Some(now) = new {
        context.queues.deployments.add(Key::of(now));
    }
    // An Artifact that is being deleted goes when the last Deployment that names it has let go.
    for gone in old.into_iter().flat_map(|d| &d.spec.artifacts) {
        if let Some(namespace) = old.and_then(ResourceExt::namespace) {
            context
                .queues
                .artifacts
                .add(Key::new(namespace, &gone.artifact_from.name));
        }
    }
}

fn replica_set(
    context: &Context,
    old: Option<&WorkloadReplicaSet>,
    new: Option<&WorkloadReplicaSet>,
) {
    if let Some(now) = new {
        context.queues.replica_sets.add(Key::of(now));
    }
    for owner in [old, new].into_iter().flatten() {
        if let Some(deployment) = watch::controller_of(owner) {
            let namespace = owner.namespace().unwrap_or_default();
            context
                .queues
                .deployments
                .add(Key::new(namespace, &deployment.name));
        }
    }
}

fn workload(context: &Context, old: Option<&Workload>, new: Option<&Workload>) {
    if let Some(now) = new {
        context.queues.workloads.add(Key::of(now));
    } else if let Some(uid) = old.and_then(ResourceExt::uid) {
        context.memory.forget(&uid);
        context.metrics.placements.forget(&uid);
        context.observed.forget(&uid);
    }
    for any in [old, new].into_iter().flatten() {
        let namespace = any.namespace().unwrap_or_default();
        if let Some(set) = watch::controller_of(any) {
            context
                .queues
                .replica_sets
                .add(Key::new(&namespace, &set.name));
        }
        if let Some(deployment) = watch::deployment_of(any) {
            context.queues.deployments.add(deployment);
        }
        if let Some(service) = watch::service_of(any) {
            context.queues.routes.add(Key::new(&namespace, service));
        }
    }
}

fn host(context: &Context, old: Option<&Host>, new: Option<&Host>) {
    let key = new.or(old).map(Key::of);
    if let Some(key) = key {
        context.queues.hosts.add(key);
    }
    let cordoned = |h: Option<&Host>| h.is_some_and(|h| h.unschedulable);
    if cordoned(old) && !cordoned(new) {
        for waiting in context.caches.workloads.find(watch::UNPLACED) {
            context.queues.workloads.add(Key::of(waiting.as_ref()));
        }
    }
}

fn artifact(context: &Context, _: Option<&Artifact>, new: Option<&Artifact>) {
    let Some(now) = new else { return };
    let key = Key::of(now);
    for user in context
        .caches
        .deployments
        .find(&watch::using(&key.namespace, &key.name))
    {
        context.queues.deployments.add(Key::of(user.as_ref()));
    }
    context.queues.artifacts.add(key);
}

fn service(context: &Context, _: Option<&Service>, new: Option<&Service>) {
    if let Some(now) = new {
        context.queues.routes.add(Key::of(now));
    }
}
