//! One reflector for each kind, namespaces merged, feeding every controller: no kind is listed or cached twice.

mod cache;
mod host_pods;
mod reflector;

pub use cache::{Cache, Key};
pub use host_pods::{are_leaving, is_live, pods_at};
pub use reflector::{Scope, follow};

use crate::core::hostnames;
use crd_types::{
    Artifact, Host, Workload, WorkloadDeployment, WorkloadReplicaSet, WorkloadSpec, names,
};
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt};

/// Everything that is watched.
#[derive(Debug)]
pub struct Caches {
    /// Hosts, in the operator's namespace.
    pub hosts: Cache<Host>,
    /// Artifacts.
    pub artifacts: Cache<Artifact>,
    /// Workloads, found by [`by_owner`], [`on_host`], [`UNPLACED`], [`behind`], [`labelled`], and [`claiming`] those
    /// without a controller.
    pub workloads: Cache<Workload>,
    /// ReplicaSets, found by [`by_owner`] and [`claiming`].
    pub replica_sets: Cache<WorkloadReplicaSet>,
    /// Deployments, found by [`using`], [`claiming`] and [`in_namespace`].
    pub deployments: Cache<WorkloadDeployment>,
    /// Services, found by [`in_namespace`].
    pub services: Cache<Service>,
    /// EndpointSlices that an operator wrote, found by [`behind`].
    pub slices: Cache<EndpointSlice>,
    /// Pods of hosts, found by [`at_address`] and [`called`].
    pub pods: Cache<Pod>,
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

/// Index entry: objects in a namespace.
pub fn in_namespace(namespace: &str) -> String {
    format!("namespace/{namespace}")
}

/// Index entry: objects whose spec declares a host name that has one owner.
pub fn claiming(name: &str) -> String {
    format!("name/{name}")
}

/// Index entry: Workloads on a host that answer for a single label.
pub fn labelled(host: &str, name: &str) -> String {
    format!("label/{host}/{name}")
}

/// Single labels for which a Workload answers: those that it declares, and its Service's name.
pub fn labels_of(workload: &Workload) -> Vec<String> {
    let mut labels: Vec<String> = hostnames::declared(&workload.spec)
        .into_iter()
        .filter(|name| hostnames::shared(name))
        .collect();
    let service = service_of(workload).map(hostnames::normal);
    labels.extend(service.filter(|name| !labels.contains(name)));
    labels
}

/// Index entries of the names for which a Workload answers on its host together with others.
pub fn shared_names_of(workload: &Workload) -> Vec<String> {
    let host = workload.status.as_ref().and_then(|s| s.host_id.as_deref());
    host.map_or_else(Vec::new, |host| {
        labels_of(workload)
            .iter()
            .map(|name| labelled(host, name))
            .collect()
    })
}

/// Index entries of the names that a spec claims.
pub fn claims_of(spec: &WorkloadSpec) -> Vec<String> {
    hostnames::declared(spec)
        .iter()
        .filter(|name| !hostnames::shared(name))
        .map(|name| claiming(name))
        .collect()
}

/// Index entry: Pods with this address.
pub fn at_address(address: &str) -> String {
    format!("address/{address}")
}

/// Index entry: Pods of this name or host name.
pub fn called(name: &str) -> String {
    format!("called/{name}")
}

/// Addresses of a Pod.
pub fn addresses_of(pod: &Pod) -> impl Iterator<Item = &str> {
    let status = pod.status.iter();
    status.flat_map(|s| {
        let all = s.pod_ips.iter().flatten().map(|a| a.ip.as_str());
        s.pod_ip.as_deref().into_iter().chain(all)
    })
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
            replica_sets: Cache::new(index_replica_set),
            deployments: Cache::new(index_deployment),
            services: Cache::new(|s| vec![in_namespace(&s.namespace().unwrap_or_default())]),
            slices: Cache::new(index_slice),
            pods: Cache::new(index_pod),
        }
    }
}

fn index_owned<K: Resource>(object: &K) -> Vec<String> {
    controller_of(object)
        .map(|o| by_owner(&o.uid))
        .into_iter()
        .collect()
}

fn index_replica_set(set: &WorkloadReplicaSet) -> Vec<String> {
    let mut entries = index_owned(set);
    entries.extend(claims_of(&set.spec.template.spec));
    entries
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
    if controller_of(workload).is_none() {
        entries.extend(claims_of(&workload.spec));
    }
    entries.extend(shared_names_of(workload));
    if let Some(service) = service_of(workload) {
        entries.push(behind(&workload.namespace().unwrap_or_default(), service));
    }
    entries
}

fn index_slice(slice: &EndpointSlice) -> Vec<String> {
    let namespace = slice.namespace().unwrap_or_default();
    let service = slice.labels().get(names::SERVICE_NAME_LABEL);
    service.map(|s| behind(&namespace, s)).into_iter().collect()
}

fn index_pod(pod: &Pod) -> Vec<String> {
    let mut entries: Vec<String> = addresses_of(pod).map(at_address).collect();
    entries.push(called(&pod.name_any()));
    let hostname = pod.spec.as_ref().and_then(|s| s.hostname.as_deref());
    entries.extend(hostname.map(called));
    entries
}

fn index_deployment(deployment: &WorkloadDeployment) -> Vec<String> {
    let namespace = deployment.namespace().unwrap_or_default();
    let artifacts = deployment.spec.artifacts.iter();
    let mut entries: Vec<String> = artifacts
        .map(|a| using(&namespace, &a.artifact_from.name))
        .collect();
    entries.extend(claims_of(&deployment.spec.template.spec));
    entries.push(in_namespace(&namespace));
    entries
}

/// The Deployment that a Workload belongs to, by its label.
pub fn deployment_of(workload: &Workload) -> Option<Key> {
    let name = workload.labels().get(names::DEPLOYMENT_LABEL)?;
    Some(Key::new(
        workload.namespace().unwrap_or_default(),
        name.clone(),
    ))
}
