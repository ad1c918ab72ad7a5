//! EndpointSlices of a Service from the hosts of the Workloads behind it.

mod address;
mod pack;
mod ports;

use k8s_openapi::api::core::v1::{ObjectReference, Service};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use std::collections::BTreeMap;
use std::net::IpAddr;

pub use address::{canonical, routable};
pub use pack::{MAX_ENDPOINTS, Packed};
pub use ports::Listeners;

/// A host that serves a Workload of the Service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Backend {
    /// Its id.
    pub host: String,
    /// Where it is reached, the best address of a family first.
    pub addresses: Vec<IpAddr>,
    /// At which ports.
    pub listeners: Listeners,
    /// On its way out: it answers, but nothing new should come.
    pub terminating: bool,
    /// Node of the host's Pod.
    pub node: Option<String>,
    /// Zone of the host.
    pub zone: Option<String>,
    /// The host's Pod.
    pub target: Option<ObjectReference>,
}

/// What a Service should have.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    groups: BTreeMap<Shape, BTreeMap<IpAddr, Endpoint>>,
    /// Addresses of hosts that no slice can lead to.
    pub left_out: Vec<IpAddr>,
    /// The Service declares ports, and none of them means a port of a host.
    pub no_port: bool,
}

/// What the endpoints of one slice have in common: family, and ports by name.
type Shape = (bool, Vec<(String, i32, Option<String>)>);

/// One endpoint for each address and set of ports. A host with several Workloads of the Service is on its way out
/// when all of them are.
pub fn routes(service: &Service, backends: &[Backend]) -> Routes {
    let families = families(service);
    let mut routes = Routes::default();
    for backend in merged(backends) {
        let Some(found) = ports::of(service, &backend.listeners) else {
            routes.no_port = true;
            continue;
        };
        let mut reached = false;
        for family in &families {
            let Some(address) = backend
                .addresses
                .iter()
                .find(|a| a.is_ipv6() == *family && routable(**a))
            else {
                continue;
            };
            reached = true;
            routes
                .groups
                .entry((*family, shape(&found)))
                .or_default()
                .insert(*address, endpoint(*address, &backend));
        }
        if !reached {
            routes.left_out.extend(&backend.addresses);
        }
    }
    routes.left_out.sort_unstable();
    routes.left_out.dedup();
    routes
}

impl Routes {
    /// Spreads the endpoints over slices, changing as little as possible of those that are held. Names in `taken`
    /// belong to somebody else.
    pub fn pack(&self, service: &Service, held: &[EndpointSlice], taken: &[String]) -> Packed {
        pack::pack(service, &self.groups, held, taken)
    }

    /// A name for a slice that nobody has, as far as is known.
    pub fn other_name(service: &Service, slice: &EndpointSlice, taken: &[String]) -> String {
        pack::Names::new(service, &[], taken).next(slice.address_type == "IPv6")
    }
}

/// Families that the Service has; `true` is IPv6. One that does not say takes what there is.
fn families(service: &Service) -> Vec<bool> {
    let declared: Vec<bool> = service
        .spec
        .iter()
        .flat_map(|s| s.ip_families.iter().flatten())
        .map(|family| family == "IPv6")
        .collect();
    if declared.is_empty() {
        vec![false, true]
    } else {
        declared
    }
}

/// Backends of one host made one.
fn merged(backends: &[Backend]) -> impl Iterator<Item = Backend> {
    let mut hosts: BTreeMap<&str, Backend> = BTreeMap::new();
    for backend in backends.iter().filter(|b| b.listeners.any()) {
        match hosts.get_mut(backend.host.as_str()) {
            None => {
                hosts.insert(&backend.host, backend.clone());
            }
            Some(held) => {
                held.terminating &= backend.terminating;
                held.listeners.merge(&backend.listeners);
            }
        }
    }
    hosts.into_values()
}

fn shape(ports: &[EndpointPort]) -> Vec<(String, i32, Option<String>)> {
    ports
        .iter()
        .map(|p| {
            (
                p.name.clone().unwrap_or_default(),
                p.port.unwrap_or_default(),
                p.app_protocol.clone(),
            )
        })
        .collect()
}

fn endpoint(address: IpAddr, backend: &Backend) -> Endpoint {
    Endpoint {
        addresses: vec![address.to_string()],
        conditions: Some(EndpointConditions {
            ready: Some(!backend.terminating),
            serving: Some(true),
            // The reference leaves it out, and absent means false.
            terminating: backend.terminating.then_some(true),
        }),
        node_name: backend.node.clone(),
        zone: backend.zone.clone(),
        target_ref: backend.target.clone(),
        ..Endpoint::default()
    }
}

#[cfg(test)]
mod tests;
