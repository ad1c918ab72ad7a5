//! Who is calling: the workload and the component a store belongs to.

use std::sync::Arc;

/// A workload as the host knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WorkloadIdentity {
    /// Unique on this host for the life of the workload; given by whoever started it.
    pub id: String,
    /// The tenant. Backends that are shared between workloads separate their data by it.
    pub namespace: String,
    /// The workload's name within its namespace; several replicas share it.
    pub name: String,
}

/// A component of a workload.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ComponentIdentity {
    /// The workload it is part of.
    pub workload: Arc<WorkloadIdentity>,
    /// Its name within the workload.
    pub component: String,
}

impl ComponentIdentity {
    /// The tenant.
    pub fn namespace(&self) -> &str {
        &self.workload.namespace
    }
}
