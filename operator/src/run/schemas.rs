//! Keeps up with the installed CRDs, and says so when they are older than we are.

use super::reread;
use crate::controllers::Context;
use crate::schemas::COMMAND;
use crate::watch::Key;
use crd_types::WorkloadDeployment;
use kube::{Resource, ResourceExt};
use protocol::Reason;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the index of published schemas is read.
const LOOK: Duration = Duration::from_mins(1);
/// How often while the CRDs, or an upgrade of them, are waited for.
const SOON: Duration = Duration::from_secs(5);

/// Reads them; whether what they lack has changed.
pub(super) async fn read(context: &Context) -> bool {
    match context.schemas.refresh(&context.client()).await {
        Ok(changed) => changed,
        Err(error) => {
            tracing::warn!(%error, "the schemas of the installed CRDs cannot be read; trying again");
            false
        }
    }
}

/// Reads them again and again until the token is cancelled.
pub(super) async fn keep(context: Arc<Context>, stop: CancellationToken) {
    report(&context).await;
    let mut changed = false;
    loop {
        let schemas = &context.schemas;
        let waiting = changed || !schemas.known() || schemas.complaint().is_some();
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(if waiting { SOON } else { LOOK }) => {}
        }
        let before = changed;
        changed = read(&context).await;
        if changed {
            report(&context).await;
            if context.schemas.complaint().is_none() {
                tracing::info!("the installed CRDs are up to date");
            }
        }
        // Once more after a change: a watch through the old schema may have lived on for a moment.
        if changed || before {
            if let Err(error) = reread::all(&context).await {
                tracing::warn!(%error, "objects cannot be listed after a change of the CRDs");
            }
            look_again(&context);
        }
    }
}

/// One log line, and an Event on the oldest Deployment of each namespace: more would tell nobody more.
async fn report(context: &Context) {
    let Some(complaint) = context.schemas.complaint() else {
        return;
    };
    let reason = Reason::CRDsOutdated.as_str();
    tracing::warn!(reason, command = COMMAND, "{complaint}");
    let mut oldest: BTreeMap<String, Arc<WorkloadDeployment>> = BTreeMap::new();
    for deployment in context.caches.deployments.all() {
        let namespace = deployment.namespace().unwrap_or_default();
        let created = |d: &WorkloadDeployment| {
            (
                d.meta().creation_timestamp.clone().map(|t| t.0),
                d.name_any(),
            )
        };
        match oldest.get(&namespace) {
            Some(held) if created(held) <= created(&deployment) => {}
            _ => {
                oldest.insert(namespace, deployment);
            }
        }
    }
    for deployment in oldest.values() {
        context
            .events
            .warning(deployment.as_ref(), reason, "Upgrade", &complaint)
            .await;
    }
}

/// Statuses get the fields that can be stored now.
fn look_again(context: &Context) {
    let (caches, queues) = (&context.caches, &context.queues);
    for object in caches.deployments.all() {
        queues.deployments.add(Key::of(object.as_ref()));
    }
    for object in caches.replica_sets.all() {
        queues.replica_sets.add(Key::of(object.as_ref()));
    }
    for object in caches.workloads.all() {
        queues.workloads.add(Key::of(object.as_ref()));
    }
    for object in caches.hosts.all() {
        queues.hosts.add(Key::of(object.as_ref()));
    }
    for object in caches.artifacts.all() {
        queues.artifacts.add(Key::of(object.as_ref()));
    }
}
