//! Chooses a host: gathers what the pure scheduler asks for.

use crate::bus::HostView;
use crate::controllers::Context;
use crate::core::durations;
use crate::core::environment;
use crate::core::http;
use crate::core::ledger::{Ledger, Load, Share};
use crate::core::scheduler::{self, Candidate, Demand};
use crate::watch;
use crd_types::names::DEPLOYMENT_LABEL;
use crd_types::{Resources, Workload};
use kube::ResourceExt;
use protocol::Reason;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

/// Why there is no host.
#[derive(Debug)]
pub(super) struct Unplaced {
    pub reason: Reason,
    pub message: String,
}

/// A host for the Workload, reserved for it until the cache shows the placement.
pub(super) fn choose(context: &Context, workload: &Workload) -> Result<Arc<HostView>, Unplaced> {
    let demand = demand(context, workload)?;
    let uid = workload.uid().unwrap_or_default();
    let wish = Wish::of(workload);
    let failed_on = context.memory.tries(&uid).failed_on;
    let hosts = context.fleet.all();
    let chosen = context.memory.place(&uid, |ledger| {
        let candidates: Vec<Candidate<'_>> = hosts
            .iter()
            .filter(|host| host.lost_since.is_none())
            .map(|host| Candidate {
                failed_last: failed_on.as_deref() == Some(host.beat.id.as_str()),
                ..candidate(host, ledger, &wish)
            })
            .collect();
        scheduler::place(&uid, &demand, &candidates).map(|host| wish.on(host))
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

/// What the Workload asks of its host.
pub(super) fn demand<'a>(
    context: &Context,
    workload: &'a Workload,
) -> Result<Demand<'a>, Unplaced> {
    let spec = &workload.spec;
    let own = workload.metadata.namespace.as_deref().unwrap_or_default();
    let environment = environment::required(
        context.options.allow_shared_hosts,
        own,
        spec.environment.as_deref(),
    )
    .map_err(|denied| Unplaced {
        reason: Reason::CrossEnvironmentSchedulingDenied,
        message: denied.to_string(),
    })?;
    let wish = Wish::of(workload);
    Ok(Demand {
        selector: Some(&spec.host_selector),
        pinned: spec.host_id.as_deref().filter(|id| !id.is_empty()),
        environment,
        interfaces: &spec.host_interfaces,
        features: features(workload),
        memory: wish.share.memory,
        instances: wish.share.instances,
        topology_keys: spec
            .spread
            .as_ref()
            .map(|s| s.topology_keys.as_slice())
            .unwrap_or_default(),
    })
}

/// What a Workload takes of a host, whichever it will be.
pub(super) struct Wish {
    share: Share,
    addresses: BTreeSet<SocketAddr>,
}

impl Wish {
    pub(super) fn of(workload: &Workload) -> Self {
        let spec = &workload.spec;
        let kept = |pool: i32| u64::try_from(pool).unwrap_or_default();
        let memory = |resources: Option<&Resources>| {
            resources
                .and_then(|r| r.limits.as_ref()?.memory.as_ref())
                .and_then(durations::quantity)
                .map_or(0, |bytes| bytes.ceil() as u64)
        };
        let pools = spec.components.iter().map(|c| kept(c.pool_size));
        let pooled = spec
            .components
            .iter()
            .map(|c| memory(c.resources.as_ref()).saturating_mul(kept(c.pool_size)));
        let service = spec.service.as_ref();
        let images = spec.components.iter().map(|c| &c.image);
        let addresses = http::own_addresses(spec);
        let share = Share {
            host: String::new(),
            owner: watch::controller_of(workload).map(|o| o.uid.clone()),
            memory: pooled
                .chain(service.map(|s| memory(s.resources.as_ref())))
                .fold(0, u64::saturating_add),
            instances: pools.chain(service.map(|_| 1)).fold(0, u64::saturating_add),
            images: images.chain(service.map(|s| &s.image)).cloned().collect(),
            ports: addresses.iter().map(SocketAddr::port).collect(),
            tenant: tenant(workload),
        };
        Self { share, addresses }
    }

    pub(super) fn on(&self, host: &str) -> Share {
        Share {
            host: host.to_owned(),
            ..self.share.clone()
        }
    }
}

/// Who shares a port: hosts are told the same.
fn tenant(workload: &Workload) -> String {
    let owner = workload.labels().get(DEPLOYMENT_LABEL);
    let owner = owner.cloned().unwrap_or_else(|| workload.name_any());
    format!("{}/{owner}", workload.namespace().unwrap_or_default())
}

/// What a Workload takes of the host that it is placed on, as its status says.
pub fn share_of(workload: &Workload) -> Option<Share> {
    let host = workload.status.as_ref()?.host_id.as_deref()?;
    Some(Wish::of(workload).on(host))
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
    if !http::own_addresses(spec).is_empty() {
        features.push("listeners of a workload's own");
    }
    features
}

/// A host as the scheduler sees it.
pub(super) fn candidate<'a>(host: &'a HostView, ledger: &Ledger, wish: &Wish) -> Candidate<'a> {
    let beat = &host.beat;
    let load = ledger.load(&beat.id);
    let announced = host.announced.as_ref();
    // A host counts what others placed on it too; what we have just placed is not in its figures yet.
    let free = |has: Option<u64>, said: Option<u64>, ours: fn(&Load) -> u64| {
        let ours = load.map(ours).unwrap_or_default();
        has.map(|has| has.saturating_sub(ours.max(said.unwrap_or_default())))
    };
    Candidate {
        id: &beat.id,
        labels: Some(&host.labels),
        environment: &beat.environment,
        ready: host.answers(),
        unschedulable: host.cordoned,
        draining: host.draining(),
        offers: host.offers(),
        extended: announced.is_some(),
        serves_http: beat.http_port > 0,
        strain: host.strain,
        workloads: load.map_or(0, |load| load.workloads),
        free_instances: announced.and_then(|a| free(a.instances, None, |load| load.instances)),
        free_memory: announced.and_then(|a| free(a.memory, a.allocated_memory, |load| load.memory)),
        siblings: match (load, wish.share.owner.as_deref()) {
            (Some(load), Some(owner)) => load.siblings(owner),
            _ => 0,
        },
        port_taken: load.and_then(|load| load.port_taken(&wish.share.ports, &wish.share.tenant)),
        port_refused: announced
            .and_then(|a| a.workload_ports.as_ref())
            .and_then(|ports| wish.addresses.iter().find(|a| ports.admit(**a).is_err()))
            .copied(),
        has_images: load.is_some_and(|load| load.has_images(&wish.share.images)),
        failed_last: false,
    }
}
