//! Reads: the Workloads of a ReplicaSet.

use crate::controllers::Context;
use crate::core::replicas::Replica;
use crate::error::{Attempt, ReconcileError};
use crate::watch;
use crd_types::names::{REPLICA_SET_LABEL, TEMPLATE_HASH_ANNOTATION};
use crd_types::{Workload, WorkloadReplicaSet, condition};
use kube::api::ListParams;
use kube::{Api, Resource, ResourceExt};
use protocol::Reason;
use std::sync::Arc;

/// From the cache.
pub(super) fn cached(context: &Context, set: &WorkloadReplicaSet) -> Vec<Arc<Workload>> {
    context
        .caches
        .workloads
        .find(&watch::by_owner(&set.uid().unwrap_or_default()))
}

/// From the API server; those made by the reference, which have no label of ours, from the cache.
pub(super) async fn live(
    context: &Context,
    set: &WorkloadReplicaSet,
) -> Result<Vec<Arc<Workload>>, ReconcileError> {
    let api: Api<Workload> =
        Api::namespaced(context.client(), &set.namespace().unwrap_or_default());
    let selector = format!("{REPLICA_SET_LABEL}={}", set.name_any());
    let listed = api
        .list(&ListParams::default().labels(&selector))
        .await
        .attempt("listing Workloads")?;
    let uid = set.uid().unwrap_or_default();
    let mut all: Vec<Arc<Workload>> = listed
        .items
        .into_iter()
        .filter(|w| watch::controller_of(w).is_some_and(|o| o.uid == uid))
        .map(Arc::new)
        .collect();
    let unlabelled = cached(context, set)
        .into_iter()
        .filter(|w| !w.labels().contains_key(REPLICA_SET_LABEL));
    all.extend(unlabelled);
    Ok(all)
}

/// A Workload as the plan sees it.
pub(super) fn replica(set: &WorkloadReplicaSet, workload: &Workload) -> Replica {
    let conditions = workload
        .status
        .as_ref()
        .map(|s| s.conditions.as_slice())
        .unwrap_or_default();
    Replica {
        name: workload.name_any(),
        uid: workload.uid().unwrap_or_default(),
        terminating: workload.meta().deletion_timestamp.is_some(),
        current: current(set, workload),
        ready: condition::is_true(conditions, "Ready"),
        lost: condition::find(conditions, "Ready")
            .is_some_and(|c| c.reason == Reason::HostLost.as_str()),
        host: workload.status.as_ref().and_then(|s| s.host_id.clone()),
        created: workload
            .meta()
            .creation_timestamp
            .as_ref()
            .map_or(0, |t| t.0.as_second()),
    }
}

/// Whether a Workload is of the present template: by the noted hash, and where that is another maker's, by its
/// spec.
fn current(set: &WorkloadReplicaSet, workload: &Workload) -> bool {
    let noted = workload.annotations().get(TEMPLATE_HASH_ANNOTATION);
    noted.is_some_and(|hash| *hash == crd_types::hash::template_hash(&set.spec.template, 0))
        || workload.spec == set.spec.template.spec
}
