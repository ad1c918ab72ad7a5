//! `Host`: a host that reports over the bus. Its fields stand at the root: there is no `spec`.

use crate::{Condition, GROUP, VERSION};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A host that runs workloads. Written by the operator from what the host reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Host {
    #[serde(default = "api_version")]
    #[schemars(skip)]
    api_version: Cow<'static, str>,
    #[serde(default = "kind")]
    #[schemars(skip)]
    kind: Cow<'static, str>,
    /// Name: the host's friendly name. Namespace: the operator's. Labels: the host's.
    #[serde(default)]
    #[schemars(skip)]
    pub metadata: ObjectMeta,
    /// Id that the host chose when its process started.
    #[schemars(length(min = 1, max = 253))]
    pub host_id: String,
    /// Address under which the cluster reaches the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub hostname: Option<String>,
    /// Port of the host's HTTP listener. 0 or absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 65535))]
    pub http_port: Option<i32>,
    /// Environment that the host says it belongs to: of a host in a Pod the Pod's namespace, else any word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub environment: Option<String>,
    /// Take no new workloads.
    #[serde(default, skip_serializing_if = "crate::spec::is_false")]
    pub unschedulable: bool,
    /// What the host last reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<HostStatus>,
}

fn api_version() -> Cow<'static, str> {
    Cow::Borrowed("runtime.wasmcloud.dev/v1alpha1")
}

fn kind() -> Cow<'static, str> {
    Cow::Borrowed("Host")
}

impl Host {
    /// A Host without anything but its name and id.
    pub fn new(name: &str, host_id: impl Into<String>) -> Self {
        Self {
            api_version: api_version(),
            kind: kind(),
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                ..ObjectMeta::default()
            },
            host_id: host_id.into(),
            hostname: None,
            http_port: None,
            environment: None,
            unschedulable: false,
            status: None,
        }
    }
}

impl kube::Resource for Host {
    type DynamicType = ();
    type Scope = kube::core::NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "Host".into()
    }

    fn group((): &()) -> Cow<'_, str> {
        GROUP.into()
    }

    fn version((): &()) -> Cow<'_, str> {
        VERSION.into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "hosts".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// What the host last reported.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostStatus {
    /// Version of the host's program.
    pub version: String,
    /// Operating system.
    pub os_name: String,
    /// Processor architecture.
    pub os_arch: String,
    /// Kernel of the operating system.
    pub os_kernel: String,
    /// Processor use in percent, as a decimal number.
    #[serde(rename = "systemCPUUsage")]
    pub system_cpu_usage: String,
    /// Memory that the host may use, in bytes.
    pub system_memory_total: i64,
    /// Part of it that is free, in bytes.
    pub system_memory_free: i64,
    /// Components that run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component_count: Option<i64>,
    /// Workloads that run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_count: Option<i64>,
    /// When the operator last heard of the host, at the time of this status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Time>,
    /// `Reporting` and `Ready`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::conditions")]
    pub conditions: Vec<Condition>,
    /// What the host can take in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<HostCapacity>,
    /// What is promised to workloads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allocated: Option<HostCapacity>,
    /// Addresses under which the cluster reaches the host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 253)))]
    pub addresses: Vec<String>,
    /// Protocol that the host announced. Absent: the base protocol only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// Stops that the host could not be sent while it was lost, or that are due for starts it has not answered; they
    /// are sent until nothing of them can be there. Only of a host that cannot list what it runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1024))]
    pub owed_stops: Vec<OwedStop>,
}

/// A workload that a host is still to stop.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwedStop {
    /// Id under which it was started.
    #[schemars(length(max = 253))]
    pub workload_id: String,
    /// Namespace of its Workload.
    #[schemars(length(max = 253))]
    pub namespace: String,
    /// Name of its Workload.
    #[schemars(length(max = 253))]
    pub name: String,
}

/// An amount of what a host gives to workloads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostCapacity {
    /// Component instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances: Option<i64>,
    /// Memory in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<i64>,
}
