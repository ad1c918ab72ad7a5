//! Chooses a host: gathers what the pure scheduler asks for.

use crate::bus::HostView;
use crate::controllers::Context;
use crate::core::scheduler::{self, Candidate, Demand};
use crate::watch::{self, Key};
use crd_types::Workload;
use kube::ResourceExt;
use protocol::Reason;
use std::collections::HashMap;
use std::sync::Arc;

/// Why there is no host.
#[derive(Debug)]
pub(super) struct Unplaced {
    pub reason: Reason,
    pub message: String,
}

/// A host for the Workload, reserved for it until the cache shows the placement.
pub(super) fn choose(context: &Context, workload: &Workload) -> Result<Arc<HostView>, Unplaced> {
    let environment = environment(context, workload)?;
    let uid = workload.uid().unwrap_or_default();
    let owner = watch::controller_of(workload).map(|o| o.uid.as_str());
    let demand = Demand {
        selector: Some(&workload.spec.host_selector),
        pinned: workload.spec.host_id.as_deref().filter(|id| !id.is_empty()),
        environment: environment.as_deref(),
        interfaces: &workload.spec.host_interfaces,
        features: features(workload),
        topology_keys: workload
            .spec
            .spread
            .as_ref()
            .map(|s| s.topology_keys.as_slice())
            .unwrap_or_default(),
    };
    let failed_on = context.memory.tries(&uid).failed_on;
    let hosts = context.fleet.all();
    let chosen = context.memory.place(&uid, owner, |assumed| {
        let siblings = siblings(context, owner, &uid, assumed);
        let candidates: Vec<Candidate<'_>> = hosts
            .iter()
            .filter(|host| host.lost_since.is_none())
            .map(|host| candidate(context, host, &siblings, assumed, failed_on.as_deref()))
            .collect();
        scheduler::place(&uid, &demand, &candidates).map(ToOwned::to_owned)
    });
    let id = chosen.map_err(|error| Unplaced {
        reason: Reason::NoHostFits,
        message: error.to_string(),
    })?;
    hosts
        .into_iter()
        .find(|host| host.beat.id == id)
        .ok_or_else(|| Unplaced {
            reason: Reason::NoHostFits,
            message: "the chosen host has just left".into(),
        })
}

/// The environment that the host must belong to: the matrix of shared hosts and the Workload's wish.
fn environment(context: &Context, workload: &Workload) -> Result<Option<String>, Unplaced> {
    let own = workload.namespace().unwrap_or_default();
    let wanted = workload
        .spec
        .environment
        .as_deref()
        .filter(|e| !e.is_empty());
    match (context.options.allow_shared_hosts, wanted) {
        (true, wanted) => Ok(wanted.map(ToOwned::to_owned)),
        (false, None) => Ok(Some(own)),
        (false, Some(wanted)) if wanted == own => Ok(Some(own)),
        (false, Some(wanted)) => Err(Unplaced {
            reason: Reason::CrossEnvironmentSchedulingDenied,
            message: format!(
                "workload targets Environment {wanted:?} but operator has allowSharedHosts=false"
            ),
        }),
    }
}

/// What only a host with the extension can honour.
fn features(workload: &Workload) -> Vec<&'static str> {
    let spec = &workload.spec;
    let limits = |r: Option<&crd_types::Resources>| r.is_some_and(|r| r.limits.is_some());
    let mut features = Vec::new();
    if spec.components.iter().any(|c| limits(c.resources.as_ref()))
        || spec
            .service
            .as_ref()
            .is_some_and(|s| limits(s.resources.as_ref()))
    {
        features.push("resource limits");
    }
    if spec
        .components
        .iter()
        .any(|c| c.timeouts.is_some() || c.max_in_flight.is_some())
        || spec
            .service
            .as_ref()
            .is_some_and(|s| s.timeouts.is_some() || s.max_in_flight.is_some())
    {
        features.push("request limits");
    }
    let own_port = |i: &crd_types::HostInterface| {
        i.is("wasi", "http") && i.config.contains_key("address") && !i.config.contains_key("host")
    };
    if spec.host_interfaces.iter().any(own_port) {
        features.push("listeners of a workload's own");
    }
    features
}

/// Workloads of the same ReplicaSet by host.
fn siblings(
    context: &Context,
    owner: Option<&str>,
    uid: &str,
    assumed: &HashMap<String, (String, Option<String>)>,
) -> HashMap<String, usize> {
    let mut counted: HashMap<String, usize> = HashMap::new();
    let Some(owner) = owner else { return counted };
    let mut seen = Vec::new();
    for sibling in context.caches.workloads.find(&watch::by_owner(owner)) {
        let id = sibling.uid().unwrap_or_default();
        if let Some(host) = sibling.status.as_ref().and_then(|s| s.host_id.clone())
            && id != uid
        {
            *counted.entry(host).or_default() += 1;
            seen.push(id);
        }
    }
    for (id, (host, set)) in assumed {
        if set.as_deref() == Some(owner) && !seen.contains(id) {
            *counted.entry(host.clone()).or_default() += 1;
        }
    }
    counted
}

fn candidate<'a>(
    context: &Context,
    host: &'a HostView,
    siblings: &HashMap<String, usize>,
    assumed: &HashMap<String, (String, Option<String>)>,
    failed_on: Option<&str>,
) -> Candidate<'a> {
    let beat = &host.beat;
    let object = context
        .caches
        .hosts
        .get(&Key::new(&context.options.namespace, &beat.name));
    let placed = context.caches.workloads.count(&watch::on_host(&beat.id));
    let under_way = assumed.values().filter(|(id, _)| *id == beat.id).count();
    Candidate {
        id: &beat.id,
        labels: Some(&beat.labels),
        environment: &beat.environment,
        ready: host.answers(),
        unschedulable: object.is_some_and(|o| o.unschedulable),
        draining: host.announced.as_ref().is_some_and(|a| a.draining),
        offers: host.offers(),
        extended: host.announced.is_some(),
        serves_http: beat.http_port > 0,
        workloads: placed + under_way,
        capacity: None,
        siblings: siblings.get(&beat.id).copied().unwrap_or_default(),
        failed_last: failed_on == Some(beat.id.as_str()),
    }
}
