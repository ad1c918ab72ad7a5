//! The five kinds of `runtime.wasmcloud.dev/v1alpha1` and the shapes they share: types, schema, validation
//! rules, printer columns and the template hash. No IO.
//!
//! Names, defaults and shapes are those of wasmCloud 2.7 so that existing manifests and stored objects keep
//! their meaning; what is ours is listed in `additions.md`.

pub mod condition;
mod crd;
pub mod hash;
mod kinds;
pub mod names;
mod schema;
pub mod spec;

pub use condition::{Condition, ConditionStatus};
pub use crd::{crds, to_yaml};
pub use kinds::artifact::{Artifact, ArtifactSpec, ArtifactStatus};
pub use kinds::deployment::{
    DeployPolicy, DeploymentArtifact, RollingUpdate, WorkloadDeployment, WorkloadDeploymentSpec,
    WorkloadDeploymentStatus,
};
pub use kinds::host::{Host, HostCapacity, HostStatus, OwedStop};
pub use kinds::replica_set::{
    ReplicaCounts, WorkloadReplicaSet, WorkloadReplicaSetSpec, WorkloadReplicaSetStatus,
    WorkloadTemplate,
};
pub use kinds::workload::{ImageStatus, LastError, Workload, WorkloadStatus};
pub use spec::{
    ConfigRef, Environment, EphemeralVolume, HostInterface, HostPathVolume, KubernetesSpec,
    LocalRef, LocalResources, PullPolicy, ResourceLimits, Resources, ServiceRef, Spread, Timeouts,
    Volume, VolumeMount, WorkloadComponent, WorkloadService, WorkloadSpec,
};

/// API group of every kind in this crate.
pub const GROUP: &str = "runtime.wasmcloud.dev";
/// The only version: served and stored.
pub const VERSION: &str = "v1alpha1";
