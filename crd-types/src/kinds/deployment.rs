//! `WorkloadDeployment`: a template, how many replicas of it, and how to go from one template to the next.

use crate::{Condition, KubernetesSpec, LocalRef, ReplicaCounts, WorkloadTemplate};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A template, how many replicas of it, and how to go from one template to the next.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    doc = "A workload that is wanted so many times, and how it is rolled out.",
    group = "runtime.wasmcloud.dev",
    version = "v1alpha1",
    kind = "WorkloadDeployment",
    namespaced,
    status = "WorkloadDeploymentStatus",
    derive = "PartialEq",
    validation = ("size(self.metadata.name) <= 63", "metadata.name must be no more than 63 characters: it becomes a label of the ReplicaSets and Workloads"),
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.currentReplicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(name = "REPLICAS", type_ = "integer", json_path = ".spec.replicas"),
    printcolumn(
        name = "READY",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(name = "UP-TO-DATE", type_ = "integer", json_path = ".status.updatedReplicas"),
    printcolumn(name = "AVAILABLE", type_ = "integer", json_path = ".status.availableReplicas"),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "REASON",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    {
        "rule": "!has(self.rollingUpdate) || !has(self.deployPolicy) || self.deployPolicy != 'Recreate'",
        "message": "rollingUpdate cannot be set when deployPolicy is Recreate"
    },
    {
        "rule": "!has(self.template.spec.components) || self.template.spec.components.all(c, !c.image.startsWith('artifact://') || (has(self.artifacts) && self.artifacts.exists(a, c.image == 'artifact://' + a.name)))",
        "message": "every artifact:// image of a component must name an entry of artifacts"
    },
    {
        "rule": "!has(self.template.spec.service) || !self.template.spec.service.image.startsWith('artifact://') || (has(self.artifacts) && self.artifacts.exists(a, self.template.spec.service.image == 'artifact://' + a.name))",
        "message": "the artifact:// image of the service must name an entry of artifacts"
    },
    {
        "rule": "!has(self.progressDeadlineSeconds) || self.progressDeadlineSeconds > (has(self.minReadySeconds) ? self.minReadySeconds : 0)",
        "message": "progressDeadlineSeconds must be greater than minReadySeconds"
    },
]))]
pub struct WorkloadDeploymentSpec {
    /// How many replicas. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100_000), extend("default" = 1))]
    pub replicas: Option<i32>,
    /// What each replica is.
    pub template: WorkloadTemplate,
    /// RollingUpdate or Recreate. Default RollingUpdate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["RollingUpdate", "Recreate"], "default" = "RollingUpdate"))]
    pub deploy_policy: Option<String>,
    /// Artifacts that images of the template can name as `artifact://<name>`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-validations" = [{
        "rule": "self.all(a, self.exists_one(b, a.name == b.name))",
        "message": "names of artifacts must be unique"
    }]))]
    pub artifacts: Vec<DeploymentArtifact>,
    /// How the workload is reached from the cluster. Takes the place of the template's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<KubernetesSpec>,
    /// Bounds of a rolling update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolling_update: Option<RollingUpdate>,
    /// Seconds that a replica must have been ready to count as available. Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub min_ready_seconds: Option<i32>,
    /// Seconds without progress after which the rollout is reported as failed. Default 600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub progress_deadline_seconds: Option<i32>,
    /// Old ReplicaSets that are kept to go back to. Default 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub revision_history_limit: Option<i32>,
    /// Do not roll out changes of the template.
    #[serde(default, skip_serializing_if = "crate::spec::is_false")]
    pub paused: bool,
}

impl WorkloadDeploymentSpec {
    /// The count asked for, with the default applied.
    pub fn desired(&self) -> i32 {
        self.replicas.unwrap_or(1).max(0)
    }

    /// The rollout style. Anything but exactly `Recreate` is a rolling update, as in the reference.
    pub fn policy(&self) -> DeployPolicy {
        match self.deploy_policy.as_deref() {
            Some("Recreate") => DeployPolicy::Recreate,
            _ => DeployPolicy::RollingUpdate,
        }
    }
}

/// How to go from one template to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeployPolicy {
    /// New replicas take over step by step.
    RollingUpdate,
    /// Old replicas stop before new ones start.
    Recreate,
}

/// An Artifact under a name of the Deployment's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentArtifact {
    /// Name used in `artifact://<name>`.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The Artifact, in the same namespace.
    pub artifact_from: LocalRef,
}

/// Bounds of a rolling update.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "!has(self.maxSurge) || !(self.maxSurge == 0 || self.maxSurge == '0%') || (has(self.maxUnavailable) && !(self.maxUnavailable == 0 || self.maxUnavailable == '0%'))",
    "message": "maxUnavailable must be set and not 0 when maxSurge is 0"
}]))]
pub struct RollingUpdate {
    /// Replicas above the count asked for, as a number or a share of it (rounded up). Default 25%.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::count_or_percent")]
    pub max_surge: Option<IntOrString>,
    /// Replicas that may be missing, as a number or a share of the count asked for (rounded down). Default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::count_or_percent")]
    pub max_unavailable: Option<IntOrString>,
}

/// How far the rollout is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadDeploymentStatus {
    /// ReplicaSet of the present template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_replica_set: Option<LocalRef>,
    /// ReplicaSet that was last available, while it is being replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_replica_set: Option<LocalRef>,
    /// Counts over all ReplicaSets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<ReplicaCounts>,
    /// Replicas as `/scale` reports them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_replicas: Option<i32>,
    /// Label selector as `/scale` reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// `Artifact`, `Sync`, `Deploy`, `Scale`, `Progressing` and `Ready`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Replicas of the present template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_replicas: Option<i32>,
    /// Replicas that are ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_replicas: Option<i32>,
    /// Replicas that have been ready for `minReadySeconds`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_replicas: Option<i32>,
    /// Generation that the status describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When the rollout last got on; `progressDeadlineSeconds` counts from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_progress_time: Option<Time>,
    /// How often a ReplicaSet's name was taken by a stranger; part of the next name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collision_count: Option<i32>,
}
