//! What a workload is asked to be, independent of how the wish reached the host. Everything that can be
//! checked without running anything has been checked.

use crate::net::{EgressPolicy, IpNameLookups};
use host_api::WorkloadIdentity;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

/// A workload to run.
#[derive(Clone, Debug)]
pub struct WorkloadSpec {
    /// Its id, namespace and name.
    pub identity: Arc<WorkloadIdentity>,
    /// What it is a replica of, within its namespace.
    pub owner: String,
    /// Components answering requests and calls.
    pub components: Vec<ComponentSpec>,
    /// The long-running component, if any.
    pub service: Option<ServiceSpec>,
    /// What it wants from the host.
    pub host_interfaces: Vec<HostInterface>,
    /// Directories its components may mount.
    pub volumes: Vec<Volume>,
    /// Host names that requests come to, beside those its `wasi:http` interface declares.
    pub service_hostnames: Vec<String>,
    /// How long requests in flight may take when it stops.
    pub drain: Duration,
}

/// Bounds of the requests a component answers.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// From a request to the head of its response, and the longest silence within its body.
    pub request_timeout: Duration,
    /// Requests begun and not ended.
    pub max_in_flight: u32,
}

impl Default for RequestLimits {
    /// Ten minutes, as the reference host allows; a thousand requests, as a host has instances.
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_mins(10),
            max_in_flight: 1000,
        }
    }
}

/// Which image, and how it may be fetched.
#[derive(Clone, Debug)]
pub struct ImageSpec {
    /// OCI reference.
    pub reference: oci::Reference,
    /// When to ask the registry.
    pub policy: oci::PullPolicy,
    /// For the registry; `None`: what the host has.
    pub credentials: Option<oci::Credentials>,
}

/// A component of a workload.
#[derive(Clone, Debug)]
pub struct ComponentSpec {
    /// Unique within the workload.
    pub name: String,
    /// What it may use.
    pub resources: LocalResources,
    /// Instances kept warm between calls; 0: a fresh one for each call.
    pub pool_size: u32,
    /// Calls after which a warm instance is replaced.
    pub max_invocations: Option<u32>,
    /// Concurrent calls of a warm instance (WASI 0.3; 0.2 takes one at a time).
    pub max_concurrency: u32,
    /// Bounds of the requests it answers.
    pub limits: RequestLimits,
}

/// The long-running component of a workload.
#[derive(Clone, Debug)]
pub struct ServiceSpec {
    /// What it may use.
    pub resources: LocalResources,
    /// Restarts after faults before the workload is in error.
    pub max_restarts: u64,
}

/// What one component may use: its own, whoever calls it.
#[derive(Clone, Debug, Default)]
pub struct LocalResources {
    /// Bytes of memory of one instance; `None`: the host's default.
    pub memory_limit: Option<usize>,
    /// Configuration, over that of its interfaces.
    pub config: BTreeMap<String, String>,
    /// Environment variables. Never logged: they hold secrets.
    pub environment: Environment,
    /// Volumes it sees.
    pub mounts: Vec<VolumeMount>,
    /// Where its outgoing requests and sockets may go.
    pub allowed_hosts: EgressPolicy,
    /// Which names it may look up.
    pub allowed_lookups: IpNameLookups,
}

/// Environment variables, which hold secrets: `Debug` shows their names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(pub BTreeMap<String, String>);

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.0.values_mut().for_each(zeroize::Zeroize::zeroize);
    }
}

/// A host interface a workload asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostInterface {
    /// `wasi`.
    pub namespace: String,
    /// `config`.
    pub package: String,
    /// `store`, …
    pub interfaces: Vec<String>,
    /// Any, if absent.
    pub version: Option<semver::Version>,
    /// Configuration of what serves it.
    pub config: BTreeMap<String, String>,
    /// Tells several backends of one interface apart, or pins the plugin with this id.
    pub name: Option<String>,
}

impl HostInterface {
    /// `namespace:package`.
    pub fn is_package(&self, namespace: &str, package: &str) -> bool {
        self.namespace == namespace && self.package == package
    }
}

impl std::fmt::Display for HostInterface {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}:{}/{}",
            self.namespace,
            self.package,
            self.interfaces.join(",")
        )?;
        if let Some(version) = &self.version {
            write!(f, "@{version}")?;
        }
        match &self.name {
            Some(name) => write!(f, " (name {name})"),
            None => Ok(()),
        }
    }
}

/// A directory that components may mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Unique within the workload.
    pub name: String,
    /// Where it comes from.
    pub source: VolumeSource,
}

/// Where a volume comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VolumeSource {
    /// An empty directory that is removed when the workload stops.
    Ephemeral,
    /// A directory of the machine, under one of the roots the host allows.
    HostPath(PathBuf),
}

/// A volume as one component sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeMount {
    /// Name of the volume.
    pub volume: String,
    /// Path in the component.
    pub path: String,
    /// Whether writing is refused.
    pub read_only: bool,
}
