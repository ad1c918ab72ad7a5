//! From flags to the operator's options.

use super::flags::Arguments;
use crate::OperatorOptions;
use crate::bus::Waits;
use crate::core::liveness::Policy;
use crate::core::scheduler::Thresholds;
use anyhow::{Context, Result};

impl Arguments {
    /// The namespace the operator runs in.
    pub fn own_namespace(&self) -> Result<String> {
        let given = self.kubernetes.namespace.clone();
        given
            .filter(|n| !n.is_empty())
            .context("OPERATOR_NAMESPACE is not set; set it to the namespace the operator runs in")
    }

    /// The namespaces to serve; none means all. `--watch-namespaces=` is an empty list.
    pub fn served_namespaces(&self) -> Vec<String> {
        named(&self.kubernetes.watch_namespaces)
    }

    /// What the flags say, for an operator in this namespace. Who leads is another question.
    pub fn options(&self, namespace: &str) -> OperatorOptions {
        let work = &self.work;
        let defaults = OperatorOptions::new(namespace);
        let mut registries = defaults.registries.clone();
        registries.ca_files.clone_from(&work.oci_ca_path);
        if work.allow_insecure_registries {
            registries.insecure_registries.push("*".to_owned());
        }
        OperatorOptions {
            control_plane_id: work.control_plane_id.clone().filter(|id| !id.is_empty()),
            watch_namespaces: self.served_namespaces(),
            host_namespaces: named(&self.kubernetes.host_namespaces),
            require_host_pods: self.kubernetes.require_host_pods,
            cluster_domain: self.kubernetes.cluster_domain.clone(),
            endpoint_delay: work.endpoint_delay,
            thresholds: Thresholds {
                cpu: work.cpu_backpressure_threshold,
                memory: work.memory_backpressure_threshold,
            },
            inventory_interval: work.inventory_interval,
            owed_retention: work.owed_retention,
            config_interval: self.configuration.config_interval,
            watch_config: self.configuration.watch_config,
            allow_shared_hosts: work.allow_shared_hosts,
            disable_artifact_controller: work.disable_artifact_controller,
            liveness: Policy {
                window: work.host_lost_after,
                max_share: work.host_lost_share,
                ..Policy::default()
            },
            waits: Waits {
                start: work.host_start_timeout,
                stop: work.host_stop_timeout,
                answer: work.host_answer_timeout,
            },
            stop_patience: work.stop_patience,
            probe_interval: work.probe_interval,
            poll_interval: work.poll_interval,
            lost_retention: work.host_lost_retention,
            registries,
            ..defaults
        }
    }
}

/// What a list has besides empty words.
fn named(words: &[String]) -> Vec<String> {
    let words = words.iter().map(|word| word.trim());
    words.filter(|w| !w.is_empty()).map(Into::into).collect()
}
