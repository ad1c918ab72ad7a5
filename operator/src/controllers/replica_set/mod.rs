//! ReplicaSets: so many Workloads of one template.

mod build;
mod dereference;
mod status;

use super::queue::Next;
use super::{Context, writes};
use crate::core::replicas::{self, Plan};
use crate::error::{Attempt, ReconcileError};
use crate::watch::{self, Key};
use crd_types::{Workload, WorkloadReplicaSet, hash};
use futures::future::try_join_all;
use kube::{Api, Resource, ResourceExt};
use protocol::event::Happened;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

pub(super) const MANAGER: &str = "workload-replicaset";
/// Workloads of one ReplicaSet that are created, or deleted, at the same time.
const MOST_AT_ONCE: usize = 16;

/// One look at a ReplicaSet.
pub async fn reconcile(context: Arc<Context>, key: Key) -> Result<Next, ReconcileError> {
    let Some(mut set) = context.caches.replica_sets.get(&key) else {
        return Ok(Next::Wait);
    };
    if set.meta().deletion_timestamp.is_some() {
        return Ok(Next::Wait);
    }
    let draining = context.fleet.draining();
    let mut workloads = dereference::cached(&context, &set);
    let mut plan = plan(&set, &workloads, &draining, &BTreeSet::new());
    if plan != Plan::default() {
        // What is cached may lag behind: nothing is created or deleted on its word alone.
        let Some(live) = dereference::live_set(&context, &set).await? else {
            return Ok(Next::Wait);
        };
        set = Arc::new(live);
        workloads = dereference::live(&context, &set).await?;
        plan = self::plan(&set, &workloads, &draining, &BTreeSet::new());
    }
    let api: Api<Workload> = Api::namespaced(context.client(), &key.namespace);
    let (created, deleted) = (plan.create.len(), plan.delete.len());
    let problem = apply(&api, &set, &workloads, &draining, plan).await.err();
    if problem.is_none() && created + deleted > 0 {
        let word = Happened::ScalingReplicaSet.as_str();
        let note = format!("created {created} and deleted {deleted} Workloads");
        context
            .events
            .normal(set.as_ref(), word, "Scale", &note)
            .await;
    }
    // What has moved on meanwhile is looked at again; it is nobody's problem.
    let told = problem.as_ref().filter(|problem| !problem.is_stale());
    status::write(&context, &set, told).await?;
    match problem {
        Some(problem) => Err(problem),
        None => Ok(Next::Wait),
    }
}

fn plan(
    set: &WorkloadReplicaSet,
    workloads: &[Arc<Workload>],
    draining: &HashSet<String>,
    taken: &BTreeSet<u32>,
) -> Plan {
    let desired = usize::try_from(set.spec.desired()).unwrap_or_default();
    let template = hash::spec_hash(&set.spec.template.spec);
    let replicas: Vec<_> = workloads
        .iter()
        .map(|w| dereference::replica(set, &template, w, draining))
        .collect();
    replicas::plan(&set.name_any(), desired, &replicas, taken)
}

/// Deletes and creates: first one, then twice as many at a time, so that what refuses all is not asked for each. A
/// name that a stranger holds is passed over by planning again without it.
async fn apply(
    api: &Api<Workload>,
    set: &WorkloadReplicaSet,
    workloads: &[Arc<Workload>],
    draining: &HashSet<String>,
    plan: Plan,
) -> Result<(), ReconcileError> {
    let mut at_once = 1;
    let mut leaving = plan.delete.as_slice();
    while !leaving.is_empty() {
        let (some, rest) = leaving.split_at(at_once.min(leaving.len()));
        try_join_all(
            some.iter()
                .map(|(name, uid)| writes::delete(api, name, uid)),
        )
        .await?;
        leaving = rest;
        at_once = MOST_AT_ONCE.min(at_once * 2);
    }
    let mut tried = BTreeSet::new();
    let mut missing = plan.create;
    at_once = 1;
    while !missing.is_empty() {
        let rest = missing.split_off(at_once.min(missing.len()));
        let made = missing.iter().map(|ordinal| create(api, set, *ordinal));
        let made = try_join_all(made).await?;
        tried.extend(missing);
        missing = rest;
        at_once = MOST_AT_ONCE.min(at_once * 2);
        let held = made.iter().filter(|made| !**made).count();
        if held > 0 {
            let passed = tried.iter().chain(&missing).copied().collect();
            let others = self::plan(set, workloads, draining, &passed).create;
            missing.extend(others.into_iter().take(held));
        }
    }
    Ok(())
}

/// Creates one Workload; false when its name belongs to a stranger.
async fn create(
    api: &Api<Workload>,
    set: &WorkloadReplicaSet,
    ordinal: u32,
) -> Result<bool, ReconcileError> {
    let workload = build::workload(set, ordinal);
    if writes::create(api, &workload, MANAGER).await?.is_some() {
        return Ok(true);
    }
    let holder = api
        .get_opt(&workload.name_any())
        .await
        .attempt("reading a Workload")?;
    Ok(holder.is_none_or(|held| {
        watch::controller_of(&held).is_some_and(|owner| Some(&owner.uid) == set.uid().as_ref())
    }))
}
