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
use std::collections::HashSet;
use std::sync::Arc;

/// From the cache.
pub(super) fn cached(context: &Context, set: &WorkloadReplicaSet) -> Vec<Arc<Workload>> {
    context
        .caches
        .workloads
        .find(&watch::by_owner(&set.uid().unwrap_or_default()))
}

/// The ReplicaSet as it is now; `None` when it is gone, going, or another of that name.
pub(super) async fn live_set(
    context: &Context,
    set: &WorkloadReplicaSet,
) -> Result<Option<WorkloadReplicaSet>, ReconcileError> {
    let api: Api<WorkloadReplicaSet> =
        Api::namespaced(context.client(), &set.namespace().unwrap_or_default());
    let found = api
        .get_opt(&set.name_any())
        .await
        .attempt("reading a ReplicaSet")?;
    Ok(found.filter(|s| s.uid() == set.uid() && s.meta().deletion_timestamp.is_none()))
}

/// From the API server; those made by the reference, which have no label of ours, from the cache.
pub(super) async fn live(
    context: &Context,
    set: &WorkloadReplicaSet,
) -> Result<Vec<Arc<Workload>>, ReconcileError> {
    let api: Api<Workload> =
        Api::namespaced(context.client(), &set.namespace().unwrap_or_default());
    let owner = crate::core::names::label_value(&set.name_any());
    let selector = format!("{REPLICA_SET_LABEL}={owner}");
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

/// A Workload as the plan sees it. `template` is the hash of the ReplicaSet's present template.
/// `draining` are the hosts that are about to stop.
pub(super) fn replica(
    set: &WorkloadReplicaSet,
    template: &str,
    workload: &Workload,
    draining: &HashSet<String>,
) -> Replica {
    let host = workload.status.as_ref().and_then(|s| s.host_id.clone());
    let conditions = workload
        .status
        .as_ref()
        .map(|s| s.conditions.as_slice())
        .unwrap_or_default();
    Replica {
        name: workload.name_any(),
        uid: workload.uid().unwrap_or_default(),
        terminating: workload.meta().deletion_timestamp.is_some(),
        current: current(set, template, workload),
        ready: is_ready(workload),
        lost: condition::find(conditions, "Ready")
            .is_some_and(|c| c.reason == Reason::HostLost.as_str()),
        leaving: host.as_ref().is_some_and(|host| draining.contains(host)),
        host,
        created: workload
            .meta()
            .creation_timestamp
            .as_ref()
            .map_or(0, |t| t.0.as_second()),
    }
}

pub(super) fn is_ready(workload: &Workload) -> bool {
    let status = workload.status.as_ref();
    status.is_some_and(|s| condition::is_true(&s.conditions, "Ready"))
}

/// Whether a Workload is of the present template: by the noted hash, and where that is another maker's, by its
/// spec.
fn current(set: &WorkloadReplicaSet, template: &str, workload: &Workload) -> bool {
    let noted = workload.annotations().get(TEMPLATE_HASH_ANNOTATION);
    noted.is_some_and(|hash| hash == template) || workload.spec == set.spec.template.spec
}
