//! Starts the watches and says which controllers a change concerns.

use super::OperatorDeps;
use crate::controllers::Context;
use crate::controllers::context::Changes;
use crate::controllers::workload::schedule::share_of;
use crate::options::OperatorOptions;
use crate::watch::{self, Cache, Key, Scope, follow};
use crd_types::{Artifact, Host, Workload, WorkloadDeployment, WorkloadReplicaSet, names};
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::core::DeserializeGuard;
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Namespaces that are served; all as one.
pub(super) fn served(options: &OperatorOptions) -> Vec<Option<String>> {
    match options.watch_namespaces.as_slice() {
        [] => vec![None],
        some => some.iter().cloned().map(Some).collect(),
    }
}

/// Slices that an operator wrote.
const OUR_SLICES: &str = "wasmcloud.dev/route-manager=true";

/// Namespaces in which hosts run as Pods.
fn pods(options: &OperatorOptions) -> Vec<Option<String>> {
    let mut all: Vec<Option<String>> = vec![Some(options.namespace.clone())];
    for namespace in &options.host_namespaces {
        if !all.iter().flatten().any(|n| n == namespace) {
            all.push(Some(namespace.clone()));
        }
    }
    all
}

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
    let served = served(&deps.options);
    starter.start(&own, |c| &c.caches.hosts, host);
    starter.start(&served, |c| &c.caches.artifacts, artifact);
    starter.start(&served, |c| &c.caches.services, service);
    starter.start(&served, |c| &c.caches.deployments, deployment);
    starter.start(&served, |c| &c.caches.replica_sets, replica_set);
    starter.start(&served, |c| &c.caches.workloads, workload);
    starter.labelled(&served, OUR_SLICES, false, |c| &c.caches.slices, slice);
    starter.labelled(
        &pods(&deps.options),
        names::HOST_POD_LABEL,
        true,
        |c| &c.caches.pods,
        pod,
    );
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
        self.scoped(namespaces, &Scope::default(), cache, change);
    }

    fn labelled<K>(
        &self,
        namespaces: &[Option<String>],
        labels: &'static str,
        optional: bool,
        cache: fn(&Context) -> &Cache<K>,
        change: Change<K>,
    ) where
        K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
        K: Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    {
        let scope = Scope {
            labels: Some(labels),
            optional,
            ..Scope::default()
        };
        self.scoped(namespaces, &scope, cache, change);
    }

    fn scoped<K>(
        &self,
        namespaces: &[Option<String>],
        scope: &Scope,
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
            let scope = Scope {
                namespace: namespace.clone(),
                ..scope.clone()
            };
            self.tracker.spawn(async move {
                let on_change = |old: Option<&K>, new: Option<&K>| change(&context, old, new);
                follow(
                    api,
                    scope,
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

/// What follows from changes of the kinds whose statuses are ours.
pub(super) fn changes() -> Changes {
    Changes {
        deployment,
        replica_set,
        workload,
    }
}

fn deployment(
    context: &Context,
    old: Option<&WorkloadDeployment>,
    new: Option<&WorkloadDeployment>,
) {
    if let Some(now) = new {
        context.queues.deployments.add(Key::of(now));
    } else if let Some(gone) = old {
        context.revisions.forget(&Key::of(gone));
    }
    let claims = |d: Option<&WorkloadDeployment>| {
        d.map(|d| watch::claims_of(&d.spec.template.spec))
            .unwrap_or_default()
    };
    // A name that is free now may be what a Workload waits for.
    if let Some(was) = old
        && claims(old).iter().any(|name| !claims(new).contains(name))
    {
        tracing::debug!(deployment = %was.name_any(), "host names are free");
        super::hear::look_at_waiting(context);
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
        let uid = now.uid().unwrap_or_default();
        context.memory.ledger().seen(&uid, share_of(now));
        context.queues.workloads.add(Key::of(now));
    } else if let Some(uid) = old.and_then(ResourceExt::uid) {
        context.memory.forget(&uid);
        context.metrics.placements.forget(&uid);
        context.observed.forget(&uid);
        context.names.lock().remove(&uid);
    }
    sharing(context, old, new);
    let host = |w: Option<&Workload>| w?.status.as_ref()?.host_id.clone();
    if let Some(freed) = host(old)
        && host(new).as_ref() != Some(&freed)
    {
        context.changed.add(&freed);
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

/// Workloads of other namespaces that share a single label with one that came to their host or left it.
fn sharing(context: &Context, old: Option<&Workload>, new: Option<&Workload>) {
    let entries = |w: Option<&Workload>| w.map(watch::shared_names_of).unwrap_or_default();
    let (was, is) = (entries(old), entries(new));
    let namespace = new.or(old).and_then(ResourceExt::namespace);
    let changed = was
        .iter()
        .filter(|e| !is.contains(e))
        .chain(is.iter().filter(|e| !was.contains(e)));
    for entry in changed {
        for other in context.caches.workloads.find(entry) {
            if other.namespace() != namespace {
                context.queues.workloads.add(Key::of(other.as_ref()));
            }
        }
    }
}

fn host(context: &Context, old: Option<&Host>, new: Option<&Host>) {
    let key = new.or(old).map(Key::of);
    if let Some(key) = key {
        context.queues.hosts.add(key);
    }
    let Some(host) = new.or(old) else { return };
    let cordoned = new.is_some_and(|h| h.unschedulable);
    let none = BTreeMap::new();
    let labels = new.map_or(&none, |h| h.labels());
    if context.fleet.wished(&host.name_any(), cordoned, labels) && !cordoned {
        context.changed.add(&host.host_id);
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

/// A slice of ours changed, maybe by another's hand: its Service is looked at.
fn slice(context: &Context, old: Option<&EndpointSlice>, new: Option<&EndpointSlice>) {
    for any in [old, new].into_iter().flatten() {
        if let Some(service) = any.labels().get(names::SERVICE_NAME_LABEL) {
            let namespace = any.namespace().unwrap_or_default();
            context
                .queues
                .routes
                .add(Key::new(namespace, service.clone()));
        }
    }
}

/// The Pod of a host came, went, or is somewhere else now: so are the endpoints.
fn pod(context: &Context, old: Option<&Pod>, new: Option<&Pod>) {
    let place = |pod: &Pod| {
        (
            watch::addresses_of(pod)
                .map(ToOwned::to_owned)
                .collect::<Vec<_>>(),
            pod.spec.as_ref().and_then(|s| s.node_name.clone()),
            pod.labels().clone(),
            pod.meta().deletion_timestamp.is_some(),
            pod.status.as_ref().and_then(|s| s.phase.clone()),
        )
    };
    if old.map(place) == new.map(place) {
        return;
    }
    if let Some(pod) = new {
        super::hear::pod_changed(context, pod, false);
        context.queues.pods.add(Key::of(pod));
    } else if let Some(pod) = old {
        super::hear::pod_changed(context, pod, true);
    }
    let mut names: Vec<&str> = Vec::new();
    for any in [old, new].into_iter().flatten() {
        names.extend(watch::addresses_of(any));
        names.extend(any.metadata.name.as_deref());
        names.extend(any.spec.as_ref().and_then(|s| s.hostname.as_deref()));
    }
    for host in context.fleet.all() {
        if names.contains(&host.beat.hostname.as_str()) {
            super::hear::routes_of(context, &host.beat.id);
        }
    }
}

fn service(context: &Context, _: Option<&Service>, new: Option<&Service>) {
    if let Some(now) = new {
        context.queues.routes.add(Key::of(now));
    }
}
