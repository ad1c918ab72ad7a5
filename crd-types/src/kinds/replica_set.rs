//! `WorkloadReplicaSet`: so many replicas of one template.

use crate::{Condition, WorkloadSpec};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// So many replicas of one template.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    doc = "So many Workloads of one template. Usually made by a WorkloadDeployment.",
    group = "runtime.wasmcloud.dev",
    version = "v1alpha1",
    kind = "WorkloadReplicaSet",
    namespaced,
    status = "WorkloadReplicaSetStatus",
    derive = "PartialEq",
    validation = ("!has(self.spec.template.spec.components) || self.spec.template.spec.components.all(c, !c.image.startsWith('artifact://'))", "artifact:// images are resolved in a WorkloadDeployment only"),
    validation = ("!has(self.spec.template.spec.service) || !self.spec.template.spec.service.image.startsWith('artifact://')", "artifact:// images are resolved in a WorkloadDeployment only"),
    printcolumn(name = "REPLICAS", type_ = "integer", json_path = ".spec.replicas"),
    printcolumn(
        name = "READY",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(name = "AVAILABLE", type_ = "integer", json_path = ".status.replicas.ready"),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadReplicaSetSpec {
    /// How many replicas. Default 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100_000), extend("default" = 1))]
    pub replicas: Option<i32>,
    /// What each replica is.
    pub template: WorkloadTemplate,
}

impl WorkloadReplicaSetSpec {
    /// The count asked for, with the default applied.
    pub fn desired(&self) -> i32 {
        self.replicas.unwrap_or(1).max(0)
    }
}

/// What each replica is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkloadTemplate {
    /// Labels of each Workload.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::labels")]
    pub labels: BTreeMap<String, String>,
    /// Annotations of each Workload.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::annotations")]
    pub annotations: BTreeMap<String, String>,
    /// Spec of each Workload.
    pub spec: WorkloadSpec,
}

/// How many replicas there are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadReplicaSetStatus {
    /// Counts of replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<ReplicaCounts>,
    /// Generation that the status describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `ScaleUp`, `ScaleDown` and `Ready`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::conditions")]
    pub conditions: Vec<Condition>,
}

/// Counts of replicas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplicaCounts {
    /// Asked for.
    #[serde(default, skip_serializing_if = "crate::spec::is_zero")]
    pub expected: i32,
    /// Existing and not terminating.
    #[serde(default, skip_serializing_if = "crate::spec::is_zero")]
    pub current: i32,
    /// Ready.
    #[serde(default, skip_serializing_if = "crate::spec::is_zero")]
    pub ready: i32,
    /// Existing and not ready.
    #[serde(default, skip_serializing_if = "crate::spec::is_zero")]
    pub unavailable: i32,
}
