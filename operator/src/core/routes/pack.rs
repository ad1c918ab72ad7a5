//! Endpoints into slices: at most a thousand in each, and an endpoint stays in the slice it is in, so that one that
//! comes or goes costs one write and nothing is out of every slice for a moment.

use super::Shape;
use crate::core::names;
use crd_types::names::{ROUTE_MANAGER_LABEL, SERVICE_NAME_LABEL};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::ResourceExt;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Kubernetes' limit.
pub const MAX_ENDPOINTS: usize = 1000;

/// The slices to have; a held one that is not among them goes.
#[derive(Clone, Debug, Default)]
pub struct Packed(pub Vec<EndpointSlice>);

pub(super) fn pack(
    service: &Service,
    groups: &BTreeMap<Shape, BTreeMap<IpAddr, Endpoint>>,
    held: &[EndpointSlice],
    taken: &[String],
) -> Packed {
    let mut names = Names::new(service, held, taken);
    let mut unclaimed: Vec<&EndpointSlice> = held.iter().collect();
    // The slice with the reference's name is the last to go.
    unclaimed.sort_by_key(|s| (s.name_any() != names.base, s.name_any()));
    let mut claimed: BTreeMap<&Shape, Vec<&EndpointSlice>> = BTreeMap::new();
    for shape in groups.keys() {
        claimed.insert(shape, claim(&mut unclaimed, |s| fits(s, shape)));
    }
    for (shape, slices) in &mut claimed {
        if slices.is_empty() {
            let mut one = false;
            *slices = claim(&mut unclaimed, |s| {
                !one && {
                    one = s.address_type == family(shape);
                    one
                }
            });
        }
    }
    let mut packed = Packed::default();
    for (shape, endpoints) in groups {
        let slices = claimed.remove(shape).unwrap_or_default();
        for (name, part) in spread(endpoints, &slices) {
            let name = name.unwrap_or_else(|| names.next(shape.0));
            packed.0.push(slice(service, name, shape, part));
        }
    }
    packed
}

fn claim<'a>(
    unclaimed: &mut Vec<&'a EndpointSlice>,
    mut wanted: impl FnMut(&EndpointSlice) -> bool,
) -> Vec<&'a EndpointSlice> {
    let (mine, rest) = unclaimed.iter().partition(|s| wanted(s));
    *unclaimed = rest;
    mine
}

fn family(shape: &Shape) -> &'static str {
    if shape.0 { "IPv6" } else { "IPv4" }
}

fn fits(slice: &EndpointSlice, shape: &Shape) -> bool {
    slice.address_type == family(shape)
        && super::shape(slice.ports.as_deref().unwrap_or_default()) == shape.1
}

/// The endpoints of each slice; a slice without a name is new.
fn spread(
    endpoints: &BTreeMap<IpAddr, Endpoint>,
    slices: &[&EndpointSlice],
) -> Vec<(Option<String>, Vec<Endpoint>)> {
    let needed = endpoints.len().div_ceil(MAX_ENDPOINTS);
    // Many slices with little in each are worth moving endpoints.
    let keep = if slices.len() > needed + 1 {
        &slices[..needed]
    } else {
        slices
    };
    let mut rest = endpoints.clone();
    let mut parts: Vec<(Option<String>, BTreeMap<IpAddr, Endpoint>)> = Vec::new();
    for slice in keep {
        let mut part = BTreeMap::new();
        for old in slice.endpoints.iter().flatten().take(MAX_ENDPOINTS) {
            let address = old.addresses.first().and_then(|a| a.parse().ok());
            if let Some((address, endpoint)) = address.and_then(|a| rest.remove_entry(&a)) {
                part.insert(address, endpoint);
            }
        }
        parts.push((Some(slice.name_any()), part));
    }
    let mut rest = rest.into_iter();
    for (_, part) in &mut parts {
        part.extend(rest.by_ref().take(MAX_ENDPOINTS - part.len()));
    }
    loop {
        let part: BTreeMap<IpAddr, Endpoint> = rest.by_ref().take(MAX_ENDPOINTS).collect();
        if part.is_empty() {
            break;
        }
        parts.push((None, part));
    }
    parts
        .into_iter()
        .filter(|(_, part)| !part.is_empty())
        .map(|(name, part)| (name, part.into_values().collect()))
        .collect()
}

/// Names for new slices: the reference's for the first of IPv4.
pub(super) struct Names {
    base: String,
    service: String,
    used: BTreeSet<String>,
}

impl Names {
    pub(super) fn new(service: &Service, held: &[EndpointSlice], taken: &[String]) -> Self {
        let service = service.name_any();
        Self {
            base: names::endpoint_slice(&service, ""),
            used: held
                .iter()
                .map(ResourceExt::name_any)
                .chain(taken.iter().cloned())
                .collect(),
            service,
        }
    }

    pub(super) fn next(&mut self, v6: bool) -> String {
        let first = (!v6).then(|| self.base.clone());
        let family = if v6 { "v6" } else { "v4" };
        let numbered =
            (1..).map(|n| names::endpoint_slice(&self.service, &format!("{family}-{n}")));
        let name = first
            .into_iter()
            .chain(numbered)
            .find(|name| !self.used.contains(name))
            .unwrap_or_default();
        self.used.insert(name.clone());
        name
    }
}

fn slice(
    service: &Service,
    name: String,
    shape: &Shape,
    endpoints: Vec<Endpoint>,
) -> EndpointSlice {
    let owner = service.name_any();
    let ports = shape.1.iter().map(|(name, port, protocol)| EndpointPort {
        name: Some(name.clone()),
        port: Some(*port),
        protocol: Some("TCP".into()),
        app_protocol: protocol.clone(),
    });
    EndpointSlice {
        metadata: ObjectMeta {
            name: Some(name),
            namespace: service.namespace(),
            labels: Some(BTreeMap::from([
                (SERVICE_NAME_LABEL.to_owned(), owner.clone()),
                (ROUTE_MANAGER_LABEL.to_owned(), "true".to_owned()),
            ])),
            owner_references: Some(vec![OwnerReference {
                api_version: "v1".into(),
                kind: "Service".into(),
                name: owner,
                uid: service.uid().unwrap_or_default(),
                controller: Some(true),
                block_owner_deletion: Some(true),
            }]),
            ..ObjectMeta::default()
        },
        address_type: family(shape).to_owned(),
        endpoints: Some(endpoints),
        ports: Some(ports.collect()),
    }
}
