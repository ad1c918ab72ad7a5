//! What can be set from outside.

use crate::bus::Waits;
use crate::core::liveness::Policy;
use crate::core::scheduler::Thresholds;
use crate::progress::Progress;
use std::time::Duration;

/// Settings of one operator.
#[derive(Clone, Debug)]
pub struct OperatorOptions {
    /// Namespace of the operator: Hosts live in it, and the Lease.
    pub namespace: String,
    /// Who starts workloads, as hosts see it. Absent: the uid of the operator's namespace.
    pub control_plane_id: Option<String>,
    /// Namespaces to serve. Empty: all.
    pub watch_namespaces: Vec<String>,
    /// Namespaces besides the operator's own in which hosts run as Pods.
    pub host_namespaces: Vec<String>,
    /// Domain of the cluster's Services, the end of `<service>.<namespace>.svc.<domain>`.
    pub cluster_domain: String,
    /// How long a host is still sent requests after its endpoint said that it leaves. Hosts with the extension wait
    /// that long themselves; others are told to stop only then.
    pub endpoint_delay: Duration,
    /// Every host has to be a Pod in those namespaces: heartbeats of others are ignored. Otherwise hosts outside the
    /// cluster are believed, as the bus lets them in.
    pub require_host_pods: bool,
    /// How often the configuration of Deployments that are rolled out when it changes is looked at.
    pub config_interval: Duration,
    /// Watch ConfigMaps and Secrets to notice changes at once. The operator has to be allowed to list them.
    pub watch_config: bool,
    /// Workloads may run on hosts of other environments.
    pub allow_shared_hosts: bool,
    /// Leave Artifacts alone.
    pub disable_artifact_controller: bool,
    /// Run only while holding the Lease, under this name. Absent: run at once.
    pub leader_identity: Option<String>,
    /// When a host counts as lost.
    pub liveness: Policy,
    /// Use of a host's machine above which it takes no new work.
    pub thresholds: Thresholds,
    /// How long answers of hosts are waited for.
    pub waits: Waits,
    /// How often a host that was not heard lately is probed.
    pub probe_interval: Duration,
    /// How often a running workload is asked after, where the host does not report changes itself.
    pub poll_interval: Duration,
    /// How often a host is asked for everything it has, give or take a fifth.
    pub inventory_interval: Duration,
    /// How long after it went unanswered a start may still be carried out by a host that cannot list what it has: it
    /// pulls one image after the other first, each for half a minute at most.
    pub late_starts: Duration,
    /// How long a lost host's object is kept.
    pub lost_retention: Duration,
    /// How long it is kept while the host is owed stops.
    pub owed_retention: Duration,
    /// Where the operator says how far it has come.
    pub progress: Progress,
    /// How registries are asked for the digests of Artifacts.
    pub registries: oci::ImagesOptions,
}

impl OperatorOptions {
    /// The defaults, for an operator in this namespace.
    pub fn new(namespace: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            control_plane_id: None,
            watch_namespaces: Vec::new(),
            host_namespaces: Vec::new(),
            cluster_domain: "cluster.local".to_owned(),
            endpoint_delay: Duration::from_secs(5),
            require_host_pods: false,
            config_interval: Duration::from_mins(1),
            watch_config: false,
            allow_shared_hosts: true,
            disable_artifact_controller: false,
            leader_identity: None,
            liveness: Policy::default(),
            thresholds: Thresholds::default(),
            waits: Waits::default(),
            probe_interval: Duration::from_secs(5),
            poll_interval: Duration::from_secs(30),
            inventory_interval: Duration::from_mins(1),
            late_starts: Duration::from_mins(15),
            lost_retention: Duration::from_mins(1),
            owed_retention: Duration::from_hours(1),
            progress: Progress::default(),
            registries: oci::ImagesOptions {
                // A tag that cannot be resolved now is tried again by the controller.
                attempts: 1,
                connect_timeout: Duration::from_secs(5),
                total_timeout: Duration::from_secs(30),
                docker_config: oci::DockerConfig::Ignore,
                ..oci::ImagesOptions::default()
            },
        }
    }

    /// How long a lost host's object is kept, by whether the host is owed stops.
    pub(crate) fn retention(&self, owed: bool) -> Duration {
        if owed {
            self.lost_retention.max(self.owed_retention)
        } else {
            self.lost_retention
        }
    }
}
