//! Pods of hosts. The reference's operator put a finalizer on them, which would keep them, and the drain of their
//! nodes, waiting for it for ever: it is taken off. Ours has none there.

use super::MANAGER;
use crate::controllers::queue::Next;
use crate::controllers::{Context, writes};
use crate::error::ReconcileError;
use crate::watch::Key;
use crd_types::names::LEGACY_FINALIZERS;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt};
use std::sync::Arc;

/// One look at a Pod.
pub async fn reconcile(context: Arc<Context>, key: Key) -> Result<Next, ReconcileError> {
    let Some(pod) = context.caches.pods.get(&key) else {
        return Ok(Next::Wait);
    };
    let held = pod.finalizers();
    let legacy = |f: &&String| LEGACY_FINALIZERS.contains(&f.as_str());
    if held.iter().any(|f| legacy(&f)) {
        let rest: Vec<String> = held.iter().filter(|f| !legacy(f)).cloned().collect();
        let api: Api<Pod> = Api::namespaced(context.client(), &key.namespace);
        writes::finalizers(&api, pod.as_ref(), &rest, MANAGER).await?;
    }
    Ok(Next::Wait)
}
