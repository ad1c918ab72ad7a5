//! The Workload spec and its parts, as the reference declares them, then what we add (each addition optional,
//! without schema default: a default would appear on stored objects and change every template hash).
//!
//! Fields stand in the reference's declaration order: the template hash is taken over their JSON.

use crate::WorkloadStatus;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

mod interface;
mod local;

pub use interface::HostInterface;
pub use local::{ConfigRef, Environment, LocalResources, VolumeMount};

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde asks for"
)]
pub(crate) fn is_zero(n: &i32) -> bool {
    *n == 0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde asks for"
)]
pub(crate) fn is_false(b: &bool) -> bool {
    !*b
}

/// What runs together on one host: components, an optional long-running service, and what they need.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "runtime.wasmcloud.dev",
    version = "v1alpha1",
    kind = "Workload",
    namespaced,
    shortname = "ww",
    status = "WorkloadStatus",
    derive = "PartialEq",
    doc = "One replica of components that run together on one host.",
    validation = ("self.spec == oldSelf.spec", "a Workload's spec is immutable; change the WorkloadDeployment, or delete the Workload and create it anew"),
    validation = ("!has(self.spec.components) || self.spec.components.all(c, !c.image.startsWith('artifact://'))", "artifact:// images are resolved in a WorkloadDeployment only"),
    validation = ("!has(self.spec.service) || !self.spec.service.image.startsWith('artifact://')", "artifact:// images are resolved in a WorkloadDeployment only"),
    printcolumn(name = "HOSTID", type_ = "string", json_path = ".status.hostId"),
    printcolumn(name = "ENVIRONMENT", type_ = "string", json_path = ".status.environment"),
    printcolumn(
        name = "READY",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(
        name = "REASON",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#
    ),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "HOST", type_ = "string", json_path = ".status.hostName", priority = 1),
    printcolumn(name = "RESTARTS", type_ = "integer", json_path = ".status.restarts", priority = 1)
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "has(self.service) || (has(self.components) && size(self.components) > 0)",
        "message": "a workload needs at least one component or a service"
    },
    {
        "rule": "!has(self.components) || self.components.all(a, self.components.exists_one(b, a.name == b.name))",
        "message": "component names must be unique"
    },
    {
        "rule": "!has(self.volumes) || self.volumes.all(a, self.volumes.exists_one(b, a.name == b.name))",
        "message": "volume names must be unique"
    },
    {
        "rule": "!has(self.components) || self.components.all(c, !has(c.localResources) || !has(c.localResources.volumeMounts) || c.localResources.volumeMounts.all(m, has(self.volumes) && self.volumes.exists(v, v.name == m.name)))",
        "message": "every volumeMount of a component must name an entry of volumes"
    },
    {
        "rule": "!has(self.service) || !has(self.service.localResources) || !has(self.service.localResources.volumeMounts) || self.service.localResources.volumeMounts.all(m, has(self.volumes) && self.volumes.exists(v, v.name == m.name))",
        "message": "every volumeMount of the service must name an entry of volumes"
    },
]))]
pub struct WorkloadSpec {
    /// Labels that a Host must carry, all of them, exactly.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::labels")]
    pub host_selector: BTreeMap<String, String>,
    /// The one host to run on, by its id. The other requirements still apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub host_id: Option<String>,
    /// Environment that the host must belong to. Absent: any, or the own namespace where the operator does not share
    /// hosts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub environment: Option<String>,
    /// Components that handle invocations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub components: Vec<WorkloadComponent>,
    /// Host capabilities that the workload imports or exports, and their configuration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-validations" = [
        {
            "rule": "self.all(a, self.exists_one(b, a.__namespace__ == b.__namespace__ && a.__package__ == b.__package__ && has(a.name) == has(b.name) && (!has(a.name) || a.name == b.name) && (has(a.version) && a.version != '' ? has(b.version) && a.version == b.version : !has(b.version) || b.version == '')))",
            "message": "hostInterfaces must not contain duplicate entries with the same namespace, package, name, and version"
        },
        {
            "rule": "self.all(a, has(a.name) || self.exists_one(b, !has(b.name) && a.__namespace__ == b.__namespace__ && a.__package__ == b.__package__))",
            "message": "at most one unnamed hostInterface is allowed per namespace:package; set a unique name to disambiguate multiple imports of the same package"
        },
    ]))]
    pub host_interfaces: Vec<HostInterface>,
    /// A component that runs for as long as the workload does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<WorkloadService>,
    /// Directories that components and the service can mount.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub volumes: Vec<Volume>,
    /// How the workload is reached from the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<KubernetesSpec>,
    /// How the replicas of one ReplicaSet are spread. Default: over hosts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<Spread>,
    /// Seconds that requests in flight are given before the workload stops. Default 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 86_400))]
    pub drain_seconds: Option<i32>,
    /// Higher goes first when hosts are short. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// Roll out again when a referenced ConfigMap or Secret changes. Default false.
    #[serde(default, skip_serializing_if = "is_false")]
    pub restart_on_config_change: bool,
}

/// When an image is pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullPolicy {
    /// On every start.
    Always,
    /// When the host does not have it.
    IfNotPresent,
    /// Never; the host must have it.
    Never,
}

impl PullPolicy {
    /// Reads the field as the reference does: absent or not understood is `None`, and the host decides.
    pub fn parse(text: Option<&str>) -> Option<Self> {
        match text? {
            "Always" => Some(Self::Always),
            "IfNotPresent" => Some(Self::IfNotPresent),
            "Never" => Some(Self::Never),
            _ => None,
        }
    }
}

/// A component of a workload.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadComponent {
    /// Unique within the workload.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Image reference, or `artifact://<name>` of an entry of the Deployment's artifacts.
    #[schemars(length(min = 1, max = 1024))]
    pub image: String,
    /// Secret with the registry's credentials, in the same namespace. Absent: the pull secrets of the namespace's
    /// ServiceAccount `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pull_secret: Option<LocalRef>,
    /// Always, IfNotPresent or Never. Absent: IfNotPresent, whatever the tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["Always", "IfNotPresent", "Never"]))]
    pub image_pull_policy: Option<String>,
    /// Instances kept warm. 0: a fresh instance for each invocation.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0))]
    pub pool_size: i32,
    /// Invocations after which a warm instance is replaced. 0: no limit.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0))]
    pub max_invocations: i32,
    /// Invocations that one warm instance serves at a time. 0: one.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0))]
    pub max_concurrency: i32,
    /// What the component may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_resources: Option<LocalResources>,
    /// Limits of each instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Deadlines of requests. Only hosts with the extension take a workload that has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<Timeouts>,
    /// Most requests of each replica in flight at once. Further ones wait for a second and are then refused with 503.
    /// Absent: 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_in_flight: Option<i32>,
}

/// A long-running component.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadService {
    /// Image reference, or `artifact://<name>` of an entry of the Deployment's artifacts.
    #[schemars(length(min = 1, max = 1024))]
    pub image: String,
    /// Secret with the registry's credentials, in the same namespace. Absent: the pull secrets of the namespace's
    /// ServiceAccount `default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pull_secret: Option<LocalRef>,
    /// Always, IfNotPresent or Never. Absent: IfNotPresent, whatever the tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["Always", "IfNotPresent", "Never"]))]
    pub image_pull_policy: Option<String>,
    /// How often the service is started again after it ended with an error. 0: never.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0))]
    pub max_restarts: i32,
    /// What the service may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_resources: Option<LocalResources>,
    /// Limits of the instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Without effect: a service answers no requests. Only hosts with the extension take a workload that has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<Timeouts>,
    /// Without effect: a service answers no requests. Only hosts with the extension take a workload that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_in_flight: Option<i32>,
}

/// An object of the same namespace, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct LocalRef {
    /// Name of the object.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 253), extend("default" = ""))]
    pub name: String,
}

/// A directory for the components of one workload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.ephemeral) != has(self.hostPath)",
    "message": "a volume needs exactly one of ephemeral and hostPath"
}]))]
pub struct Volume {
    /// Unique within the workload.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// An empty directory that lives as long as the workload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ephemeral: Option<EphemeralVolume>,
    /// A directory of the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_path: Option<HostPathVolume>,
}

/// An empty directory that lives as long as the workload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EphemeralVolume {}

/// A directory of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostPathVolume {
    /// Absolute path on the host, within the roots that the host allows.
    #[schemars(length(min = 1, max = 1024))]
    pub path: String,
}

/// How the workload is reached from the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KubernetesSpec {
    /// Service whose EndpointSlices list the hosts that run the workload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceRef>,
}

/// An existing Service without selector in the same namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceRef {
    /// Name of the Service.
    #[schemars(length(max = 253))]
    pub name: String,
}

/// How the replicas of one ReplicaSet are spread.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Spread {
    /// Host labels; replicas are balanced over the values of the first, within it over those of the next, and
    /// at last over hosts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), inner(length(min = 1, max = 317)))]
    pub topology_keys: Vec<String>,
}

/// Limits of each instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Resources {
    /// Upper limits. Only hosts with the extension take a workload that has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<ResourceLimits>,
}

/// Upper limits of an instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceLimits {
    /// Linear memory, as a quantity: `64Mi`. Absent: the host's `--instance-memory`, which is 256Mi by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::quantity")]
    pub memory: Option<Quantity>,
    /// Share of processor time, as a quantity: `250m`. Carried to the host and not enforced yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::quantity")]
    pub cpu: Option<Quantity>,
}

/// Deadlines of requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Timeouts {
    /// Longest time from a request to the head of its response, and longest silence within its body: `30s`. The host's
    /// `--http-request-timeout` bounds the first as well. Absent: 10 minutes, which is the default of that flag too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = crate::schema::DURATION))]
    pub request: Option<String>,
}
