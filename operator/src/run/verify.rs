//! Heartbeats against what the cluster says of their senders, and what is done about those that contradict it.

use crate::bus::Beat;
use crate::controllers::Context;
use crate::core::heartbeat::{Claim, Contradiction, PodFacts, check};
use crate::watch::{self, Key};
use crd_types::Host;
use crd_types::names::HOST_POD_LABEL;
use kube::{Resource, ResourceExt};
use protocol::Reason;
use std::sync::Arc;
use std::time::Instant;
use tokio_util::task::TaskTracker;

/// Checks a heartbeat; says whether it comes from a Pod.
pub(super) fn heartbeat(context: &Context, beat: &Beat) -> Result<bool, Contradiction> {
    let pods = watch::pods_at(&context.caches.pods, &beat.hostname);
    let facts: Vec<PodFacts<'_>> = pods
        .iter()
        .map(|pod| PodFacts {
            namespace: pod.metadata.namespace.as_deref().unwrap_or_default(),
            name: pod.metadata.name.as_deref().unwrap_or_default(),
            group: pod.labels().get(HOST_POD_LABEL).map(String::as_str),
        })
        .collect();
    let claim = Claim {
        id: &beat.id,
        name: &beat.name,
        hostname: &beat.hostname,
        environment: &beat.environment,
        labels: &beat.labels,
    };
    let known = context.fleet.get(&beat.id);
    let known = known.filter(|view| view.lost_since.is_none());
    let known = known.as_ref().map(|view| view.beat.name.as_str());
    check(&claim, known, &facts, context.options.require_host_pods)?;
    Ok(!facts.is_empty())
}

/// Complains about a message under a host's id that is not believed: now and then, however many there are.
pub(super) fn complain(
    context: &Arc<Context>,
    tracker: &TaskTracker,
    id: &str,
    name: &str,
    problem: String,
) {
    if !context.complaints.lock().due(id, Instant::now()) {
        return;
    }
    let reason = Reason::HeartbeatRejected.as_str();
    tracing::warn!(host = %id, reason, problem, "message of a host is ignored");
    let known = context.fleet.get(id);
    let name = known.map_or_else(|| name.to_owned(), |view| view.beat.name.clone());
    if name.is_empty() {
        return;
    }
    let key = Key::new(&context.options.namespace, &name);
    let host = context.caches.hosts.get(&key).unwrap_or_else(|| {
        let mut unknown = Host::new(&name, id);
        unknown.meta_mut().namespace = Some(key.namespace.clone());
        Arc::new(unknown)
    });
    let context = context.clone();
    tracker.spawn(async move {
        context
            .events
            .warning(host.as_ref(), reason, "Reject", &problem)
            .await;
    });
}
