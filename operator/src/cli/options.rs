//! From flags to the operator's options.

use super::flags::Arguments;
use crate::OperatorOptions;
use crate::core::liveness::Policy;
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
        let words = self.kubernetes.watch_namespaces.iter().map(|w| w.trim());
        words.filter(|w| !w.is_empty()).map(Into::into).collect()
    }

    /// What the flags say, for an operator in this namespace. Who leads is another question.
    pub fn options(&self, namespace: &str) -> OperatorOptions {
        let work = &self.work;
        OperatorOptions {
            control_plane_id: work.control_plane_id.clone().filter(|id| !id.is_empty()),
            watch_namespaces: self.served_namespaces(),
            allow_shared_hosts: work.allow_shared_hosts,
            disable_artifact_controller: work.disable_artifact_controller,
            liveness: Policy {
                window: work.host_lost_after,
                max_share: work.host_lost_share,
                ..Policy::default()
            },
            probe_interval: work.probe_interval,
            poll_interval: work.poll_interval,
            lost_retention: work.host_lost_retention,
            ..OperatorOptions::new(namespace)
        }
    }
}
