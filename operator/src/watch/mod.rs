//! One reflector for each kind, namespaces merged, feeding every controller: no kind is listed or cached twice.

mod cache;
mod reflector;

pub use cache::{Cache, Key};
pub use reflector::follow;

use crd_types::{Artifact, Host, Workload, WorkloadDeployment, WorkloadReplicaSet, names};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt};

/// Everything that is watched.
#[derive(Debug)]
pub struct Caches {
    /// Hosts, in the operator's namespace.
    pub hosts: Cache<Host>,
    /// Artifacts.
    pub artifacts: Cache<Artifact>,
    /// Workloads, found by [`by_owner`], [`on_host`], [`UNPLACED`] and [`behind`].
    pub workloads: Cache<Workload>,
    /// ReplicaSets, found by [`by_owner`].
    pub replica_sets: Cache<WorkloadReplicaSet>,
    /// Deployments, found by [`using`].
    pub deployments: Cache<WorkloadDeployment>,
    /// Services.
    pub services: Cache<Service>,
}

/// Index entry of Workloads without a host.
pub const UNPLACED: &str = "unplaced";

/// Index entry: objects whose controller has this uid.
pub fn by_owner(uid: &str) -> String {
    format!("owner/{uid}")
}

/// Index entry: Workloads placed on this host.
pub fn on_host(id: &str) -> String {
    format!("host/{id}")
}

/// Index entry: the Workload with this uid.
pub fn by_uid(uid: &str) -> String {
    format!("uid/{uid}")
}

/// Index entry: Workloads behind a Service.
pub fn behind(namespace: &str, service: &str) -> String {
    format!("service/{namespace}/{service}")
}

/// Index entry: Deployments that use an Artifact.
pub fn using(namespace: &str, artifact: &str) -> String {
    format!("artifact/{namespace}/{artifact}")
}

/// The controller of an object.
pub fn controller_of<K: Resource>(object: &K) -> Option<&OwnerReference> {
    object
        .meta()
        .owner_references
        .as_ref()?
        .iter()
        .find(|o| o.controller == Some(true))
}

/// Name of the Service that a Workload stands behind.
pub fn service_of(workload: &Workload) -> Option<&str> {
    Some(
        workload
            .spec
            .kubernetes
            .as_ref()?
            .service
            .as_ref()?
            .name
            .as_str(),
    )
}

impl Default for Caches {
    fn default() -> Self {
        Self {
            hosts: Cache::new(|_| Vec::new()),
            artifacts: Cache::new(|_| Vec::new()),
            workloads: Cache::new(index_workload),
            replica_sets: Cache::new(index_owned),
            deployments: Cache::new(index_deployment),
            services: Cache::new(|_| Vec::new()),
        }
    }
}

fn index_owned<K: Resource>(object: &K) -> Vec<String> {
    controller_of(object)
        .map(|o| by_owner(&o.uid))
        .into_iter()
        .collect()
}

fn index_workload(workload: &Workload) -> Vec<String> {
    let mut entries = index_owned(workload);
    match workload.status.as_ref().and_then(|s| s.host_id.as_deref()) {
        Some(host) => entries.push(on_host(host)),
        None => entries.push(UNPLACED.to_owned()),
    }
    if let Some(uid) = &workload.metadata.uid {
        entries.push(by_uid(uid));
    }
    if let Some(service) = service_of(workload) {
        entries.push(behind(&workload.namespace().unwrap_or_default(), service));
    }
    entries
}

fn index_deployment(deployment: &WorkloadDeployment) -> Vec<String> {
    let namespace = deployment.namespace().unwrap_or_default();
    deployment
        .spec
        .artifacts
        .iter()
        .map(|a| using(&namespace, &a.artifact_from.name))
        .collect()
}

/// The Deployment that a Workload belongs to, by its label.
pub fn deployment_of(workload: &Workload) -> Option<Key> {
    let name = workload.labels().get(names::DEPLOYMENT_LABEL)?;
    Some(Key::new(
        workload.namespace().unwrap_or_default(),
        name.clone(),
    ))
}
