//! The Pods that hosts run in.

use super::{Cache, at_address, called};
use k8s_openapi::api::core::v1::Pod;
use kube::Resource;
use std::sync::Arc;

/// Live Pods at the address of a host, else of its host name.
pub fn pods_at(pods: &Cache<Pod>, hostname: &str) -> Vec<Arc<Pod>> {
    let live = |mut found: Vec<Arc<Pod>>| {
        found.retain(|pod| is_live(pod));
        found
    };
    let at = live(pods.find(&at_address(hostname)));
    if at.is_empty() {
        live(pods.find(&called(hostname)))
    } else {
        at
    }
}

/// Whether a process of a Pod may still run.
pub fn is_live(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
    !matches!(phase, Some("Succeeded" | "Failed"))
}

/// Whether all of these are being stopped, and with them the host that is in one of them.
pub fn are_leaving(pods: &[Arc<Pod>]) -> bool {
    !pods.is_empty()
        && pods
            .iter()
            .all(|pod| pod.meta().deletion_timestamp.is_some())
}
