//! Routes: the EndpointSlices of Services that Workloads name.

mod apply;
mod backends;
pub mod memory;

use super::Context;
use super::queue::Next;
use crate::core::routes::{self, Backend, Routes};
use crate::error::ReconcileError;
use crate::watch::{self, Key};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::{Api, Resource};
use protocol::Reason;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

const MANAGER: &str = "workload-route";

/// One look at a Service.
pub async fn reconcile(context: Arc<Context>, key: Key) -> Result<Next, ReconcileError> {
    let Some(service) = context.caches.services.get(&key) else {
        context.routes.forget(&key);
        return Ok(Next::Wait);
    };
    if service.meta().deletion_timestamp.is_some() {
        return Ok(Next::Wait);
    }
    let workloads = context
        .caches
        .workloads
        .find(&watch::behind(&key.namespace, &key.name));
    let held: Vec<EndpointSlice> = context
        .caches
        .slices
        .find(&watch::behind(&key.namespace, &key.name))
        .iter()
        .map(|slice| slice.as_ref().clone())
        .collect();
    if workloads.is_empty() && held.is_empty() {
        return Ok(Next::Wait);
    }
    if let Some(rest) = context.routes.pause(&key, Instant::now()) {
        return Ok(Next::After(rest));
    }
    let refused = !workloads.is_empty() && has_selector(&service);
    let backends: Vec<Backend> = workloads
        .iter()
        .filter(|_| !refused)
        .filter_map(|w| backends::backend(&context, w))
        .collect();
    let routes = routes::routes(&service, &backends);
    tell(&context, &key, &service, refused, &routes).await;
    if !apply::settled(&service, &routes, &held) {
        let api: Api<EndpointSlice> = Api::namespaced(context.client(), &key.namespace);
        context.routes.wrote(&key, Instant::now());
        apply::apply(&api, &service, &routes).await?;
    }
    Ok(Next::Wait)
}

/// Tells what keeps requests from arriving, once.
async fn tell(context: &Context, key: &Key, service: &Service, refused: bool, routes: &Routes) {
    let selector = refused.then(|| {
        "the Service has a selector, so Kubernetes writes its endpoints; remove the selector to have it lead to Workloads"
            .to_owned()
    });
    let addresses = (!routes.left_out.is_empty()).then(|| left_out(service, &routes.left_out));
    let ports = routes.no_port.then(|| {
        "none of the Service's ports means the hosts' HTTP port: call one http, or give it appProtocol http or the port's number as targetPort"
            .to_owned()
    });
    for (reason, note) in [
        (Reason::ServiceHasSelector, selector),
        (Reason::AddressNotRoutable, addresses),
        (Reason::ServicePortUnknown, ports),
    ] {
        if context.routes.news(key, reason, note.as_deref())
            && let Some(note) = note
        {
            context
                .events
                .warning(service, reason.as_str(), "Route", &note)
                .await;
        }
    }
}

fn left_out(service: &Service, addresses: &[IpAddr]) -> String {
    /// More would not fit into an Event.
    const SHOWN: usize = 10;
    let (unreachable, other): (Vec<&IpAddr>, Vec<&IpAddr>) =
        addresses.iter().partition(|a| !routes::routable(**a));
    let list = |all: &[&IpAddr]| {
        let shown: Vec<String> = all.iter().take(SHOWN).map(ToString::to_string).collect();
        let more = all.len().saturating_sub(SHOWN);
        if more > 0 {
            format!("{} and {more} more", shown.join(", "))
        } else {
            shown.join(", ")
        }
    };
    let mut notes = Vec::new();
    if !unreachable.is_empty() {
        notes.push(format!(
            "hosts at {} cannot be reached from other machines and are left out",
            list(&unreachable)
        ));
    }
    if !other.is_empty() {
        let families = service.spec.as_ref().and_then(|s| s.ip_families.clone());
        notes.push(format!(
            "hosts at {} have no address of the Service's families ({}) and are left out",
            list(&other),
            families.unwrap_or_default().join(", ")
        ));
    }
    notes.join("; ")
}

fn has_selector(service: &Service) -> bool {
    service
        .spec
        .as_ref()
        .and_then(|s| s.selector.as_ref())
        .is_some_and(|s| !s.is_empty())
}
