//! Labels, annotations and finalizers that other programs rely on. They are the reference's, so that one
//! operator can take over the objects of the other.

/// Label on ReplicaSets and Workloads: name of the Deployment. Also the selector reported for `/scale`.
pub const DEPLOYMENT_LABEL: &str = "runtime.wasmcloud.dev/workload-deployment";
/// Label on Workloads: name of the ReplicaSet.
pub const REPLICA_SET_LABEL: &str = "runtime.wasmcloud.dev/workload-replica-set";
/// Annotation on Workloads: hash of the template they were made from. Opaque to readers.
pub const TEMPLATE_HASH_ANNOTATION: &str = "runtime.wasmcloud.dev/workload-replica-set-generation";
/// Annotation on templates: state of the ConfigMaps and Secrets they refer to, where a change of one is a rollout.
pub const CONFIG_REVISION_ANNOTATION: &str = "runtime.wasmcloud.dev/config-revision";
/// Annotation on ReplicaSets: position in the Deployment's history, counted from 1.
pub const REVISION_ANNOTATION: &str = "runtime.wasmcloud.dev/revision";
/// Annotation on ReplicaSets: the replica count its Deployment had when it was last sized.
pub const DESIRED_REPLICAS_ANNOTATION: &str = "runtime.wasmcloud.dev/desired-replicas";

/// Finalizer of `Host`.
pub const HOST_FINALIZER: &str = "runtime.wasmcloud.dev/host-finalizer";
/// Finalizer of `Workload`: it guards the running instance on the host.
pub const WORKLOAD_FINALIZER: &str = "runtime.wasmcloud.dev/workload-finalizer";
/// Finalizer of `Artifact`.
pub const ARTIFACT_FINALIZER: &str = "runtime.wasmcloud.dev/artifact-finalizer";
/// Finalizers of earlier releases; removed wherever they are met.
pub const LEGACY_FINALIZERS: [&str; 3] = [
    "runtime.wasmcloud.dev/pod-host-finalizer",
    "runtime.wasmcloud.dev/gateway-workload-finalizer",
    "runtime.wasmcloud.dev/gateway-host-finalizer",
];

/// Label on Hosts: the group the host was started for.
pub const HOST_GROUP_LABEL: &str = "hostgroup";
/// Label on host Pods; its presence makes a Pod a host Pod.
pub const HOST_POD_LABEL: &str = "wasmcloud.com/hostgroup";
/// Label on EndpointSlices that the operator writes.
pub const ROUTE_MANAGER_LABEL: &str = "wasmcloud.dev/route-manager";
/// Kubernetes' label that ties an EndpointSlice to its Service.
pub const SERVICE_NAME_LABEL: &str = "kubernetes.io/service-name";
/// Lease of the elected operator, in the operator's namespace.
pub const LEADER_LEASE: &str = "d34db3ef.wasmcloud.dev";
/// Scheme of an image that names an entry of `spec.artifacts`.
pub const ARTIFACT_SCHEME: &str = "artifact://";
