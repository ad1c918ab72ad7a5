//! EndpointSlices of a Service from the Workloads behind it.

use super::names;
use crd_types::names::{ROUTE_MANAGER_LABEL, SERVICE_NAME_LABEL};
use k8s_openapi::api::core::v1::{ObjectReference, Service, ServicePort};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointConditions, EndpointPort, EndpointSlice};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Kubernetes' limit.
const MAX_ENDPOINTS: usize = 1000;

/// A host that serves a Workload of the Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Address of the host.
    pub address: IpAddr,
    /// Port of its HTTP listener.
    pub port: i32,
    /// New connections are welcome.
    pub ready: bool,
    /// Requests are answered.
    pub serving: bool,
    /// On its way out.
    pub terminating: bool,
    /// Name and uid of a Workload there.
    pub workload: (String, String),
}

/// Slices to have, and addresses that cannot be in any.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    /// The slices.
    pub slices: Vec<EndpointSlice>,
    /// Addresses that a cluster cannot route to.
    pub not_routable: Vec<IpAddr>,
}

/// Slices for the backends. One endpoint for each address and port; it is as good as the best Workload there.
pub fn build(service: &Service, backends: &[Backend]) -> Routes {
    let mut routes = Routes::default();
    let mut groups: BTreeMap<(bool, i32), BTreeMap<IpAddr, Backend>> = BTreeMap::new();
    for backend in backends {
        if !routable(backend.address) {
            if !routes.not_routable.contains(&backend.address) {
                routes.not_routable.push(backend.address);
            }
            continue;
        }
        let group = groups
            .entry((backend.address.is_ipv6(), backend.port))
            .or_default();
        let held = group
            .entry(backend.address)
            .or_insert_with(|| backend.clone());
        let rank = |b: &Backend| (b.ready, b.serving, !b.terminating);
        if (rank(backend), &held.workload) > (rank(held), &backend.workload) {
            *held = backend.clone();
        }
    }
    let mut unsuffixed = true;
    for ((v6, port), backends) in groups {
        let backends: Vec<Backend> = backends.into_values().collect();
        for (chunk, endpoints) in backends.chunks(MAX_ENDPOINTS).enumerate() {
            let suffix = if unsuffixed && !v6 && chunk == 0 {
                unsuffixed = false;
                String::new()
            } else {
                format!("{}-{port}-{chunk}", if v6 { "v6" } else { "v4" })
            };
            routes
                .slices
                .push(slice(service, &suffix, v6, port, endpoints));
        }
    }
    routes
}

/// Whether other machines can reach an address; an API server refuses slices with others.
pub fn routable(address: IpAddr) -> bool {
    let special = address.is_loopback() || address.is_unspecified() || address.is_multicast();
    let link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => (v6.segments()[0] & 0xffc0) == 0xfe80,
    };
    !special && !link_local
}

fn slice(
    service: &Service,
    suffix: &str,
    v6: bool,
    port: i32,
    backends: &[Backend],
) -> EndpointSlice {
    let name = service.metadata.name.clone().unwrap_or_default();
    EndpointSlice {
        metadata: ObjectMeta {
            name: Some(names::endpoint_slice(&name, suffix)),
            namespace: service.metadata.namespace.clone(),
            labels: Some(BTreeMap::from([
                (SERVICE_NAME_LABEL.to_owned(), name.clone()),
                (ROUTE_MANAGER_LABEL.to_owned(), "true".to_owned()),
            ])),
            owner_references: Some(vec![OwnerReference {
                api_version: "v1".into(),
                kind: "Service".into(),
                name,
                uid: service.metadata.uid.clone().unwrap_or_default(),
                controller: Some(true),
                block_owner_deletion: Some(true),
            }]),
            ..ObjectMeta::default()
        },
        address_type: if v6 { "IPv6" } else { "IPv4" }.to_owned(),
        endpoints: Some(backends.iter().map(|b| endpoint(service, b)).collect()),
        ports: Some(ports(service, port)),
    }
}

fn endpoint(service: &Service, backend: &Backend) -> Endpoint {
    Endpoint {
        addresses: vec![backend.address.to_string()],
        conditions: Some(EndpointConditions {
            ready: Some(backend.ready),
            serving: Some(backend.serving),
            terminating: Some(backend.terminating),
        }),
        target_ref: Some(ObjectReference {
            api_version: Some(format!("{}/{}", crd_types::GROUP, crd_types::VERSION)),
            kind: Some("Workload".into()),
            name: Some(backend.workload.0.clone()),
            namespace: service.metadata.namespace.clone(),
            uid: Some(backend.workload.1.clone()),
            ..ObjectReference::default()
        }),
        ..Endpoint::default()
    }
}

/// The host's port under the names of the Service's HTTP ports: kube-proxy joins the two by name.
fn ports(service: &Service, port: i32) -> Vec<EndpointPort> {
    let declared = service
        .spec
        .as_ref()
        .and_then(|s| s.ports.as_deref())
        .unwrap_or_default();
    let mut http: Vec<&ServicePort> = declared.iter().filter(|p| speaks_http(p)).collect();
    if http.is_empty() && declared.len() == 1 {
        http.extend(declared.first());
    }
    if http.is_empty() {
        return vec![EndpointPort {
            name: Some("http".into()),
            port: Some(port),
            protocol: Some("TCP".into()),
            app_protocol: None,
        }];
    }
    http.into_iter()
        .map(|declared| EndpointPort {
            name: Some(declared.name.clone().unwrap_or_default()),
            port: Some(port),
            protocol: Some("TCP".into()),
            app_protocol: declared.app_protocol.clone(),
        })
        .collect()
}

fn speaks_http(port: &ServicePort) -> bool {
    let named = port
        .name
        .as_deref()
        .is_some_and(|n| n == "http" || n.starts_with("http-"));
    let declared = port.app_protocol.as_deref().is_some_and(|p| {
        p.eq_ignore_ascii_case("http") || p == "kubernetes.io/h2c" || p == "kubernetes.io/ws"
    });
    named || declared || (port.name.is_none() && port.port == 80)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(ports: &serde_json::Value) -> Service {
        serde_json::from_value(serde_json::json!({
            "metadata": {"name": "web", "namespace": "shop", "uid": "u"}, "spec": {"ports": ports}
        }))
        .unwrap()
    }

    fn backend(address: &str, port: i32, workload: &str, ready: bool) -> Backend {
        Backend {
            address: address.parse().unwrap(),
            port,
            ready,
            serving: ready,
            terminating: false,
            workload: (workload.into(), format!("uid-{workload}")),
        }
    }

    fn addresses(slice: &EndpointSlice) -> Vec<&str> {
        slice
            .endpoints
            .iter()
            .flatten()
            .flat_map(|e| &e.addresses)
            .map(String::as_str)
            .collect()
    }

    #[test]
    fn one_slice_for_each_family_and_port_under_the_services_port_name() {
        let service = service(&serde_json::json!([
            {"name": "web", "port": 80, "appProtocol": "http"}, {"name": "metrics", "port": 9090}
        ]));
        let routes = build(
            &service,
            &[
                backend("10.0.0.2", 8000, "b", true),
                backend("10.0.0.1", 8000, "a", true),
                backend("fd00::1", 8000, "c", true),
                backend("10.0.0.3", 9000, "d", true),
            ],
        );
        let shape: Vec<(&str, Vec<&str>, i32)> = routes
            .slices
            .iter()
            .map(|s| {
                let ports = s.ports.as_ref().unwrap();
                assert_eq!(ports.len(), 1);
                assert_eq!(ports[0].name.as_deref(), Some("web"));
                (
                    s.address_type.as_str(),
                    addresses(s),
                    ports[0].port.unwrap(),
                )
            })
            .collect();
        assert_eq!(
            shape,
            [
                ("IPv4", vec!["10.0.0.1", "10.0.0.2"], 8000),
                ("IPv4", vec!["10.0.0.3"], 9000),
                ("IPv6", vec!["fd00::1"], 8000),
            ]
        );
        assert_eq!(
            routes.slices[0].metadata.name.as_deref(),
            Some(names::endpoint_slice("web", "").as_str())
        );
    }

    #[test]
    fn a_host_with_a_ready_and_a_starting_workload_is_ready_and_listed_once() {
        let routes = build(
            &service(&serde_json::json!([{"port": 80}])),
            &[
                backend("10.0.0.1", 80, "a", false),
                backend("10.0.0.1", 80, "b", true),
            ],
        );
        assert_eq!(addresses(&routes.slices[0]), ["10.0.0.1"]);
        assert_eq!(
            routes.slices[0].endpoints.as_ref().unwrap()[0]
                .conditions
                .as_ref()
                .unwrap()
                .ready,
            Some(true)
        );
        assert_eq!(
            routes.slices[0].ports.as_ref().unwrap()[0].name.as_deref(),
            Some("")
        );
    }

    #[test]
    fn addresses_that_a_server_refuses_are_reported_instead() {
        let routes = build(
            &service(&serde_json::json!([])),
            &[
                backend("127.0.0.1", 80, "a", true),
                backend("fe80::1", 80, "b", true),
                backend("169.254.0.9", 80, "c", true),
            ],
        );
        assert!(routes.slices.is_empty());
        assert_eq!(routes.not_routable.len(), 3);
    }

    #[test]
    fn a_slice_holds_a_thousand() {
        let many: Vec<Backend> = (0..1500)
            .map(|i| backend(&format!("10.0.{}.{}", i / 250, i % 250 + 1), 80, "w", true))
            .collect();
        let routes = build(&service(&serde_json::json!([])), &many);
        assert_eq!(
            routes
                .slices
                .iter()
                .map(|s| s.endpoints.iter().flatten().count())
                .collect::<Vec<_>>(),
            [1000, 500]
        );
    }
}
