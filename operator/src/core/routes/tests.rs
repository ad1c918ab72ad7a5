use super::*;
use kube::ResourceExt;
use proptest::prelude::*;
use serde_json::json;

fn service(spec: &serde_json::Value) -> Service {
    serde_json::from_value(json!({
        "metadata": {"name": "hello-svc", "namespace": "shop", "uid": "u"}, "spec": spec
    }))
    .unwrap()
}

fn http() -> Service {
    service(&json!({"ports": [{"name": "http", "port": 80}]}))
}

fn backend(addresses: &[&str], port: i32) -> Backend {
    Backend {
        host: format!("{addresses:?}"),
        addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
        listeners: Listeners {
            named: Some(port),
            ..Listeners::default()
        },
        ..Backend::default()
    }
}

fn many(from: u32, to: u32) -> Vec<Backend> {
    (from..to)
        .map(|n| {
            backend(
                &[&std::net::Ipv4Addr::from(0x0a00_0000 + n).to_string()],
                8000,
            )
        })
        .collect()
}

fn packed(service: &Service, backends: &[Backend], held: &[EndpointSlice]) -> Vec<EndpointSlice> {
    routes(service, backends).pack(service, held, &[]).0
}

fn addresses(slice: &EndpointSlice) -> Vec<&str> {
    let endpoints = slice.endpoints.iter().flatten();
    endpoints
        .flat_map(|e| &e.addresses)
        .map(String::as_str)
        .collect()
}

#[test]
fn the_common_case_is_the_reference_s_slice() {
    let slices = packed(&http(), &[backend(&["10.1.2.3"], 8000)], &[]);
    let hash = format!("{:08x}", crd_types::hash::fnv1a(b"hello-svc"));
    assert_eq!(
        serde_json::to_value(&slices).unwrap(),
        json!([{
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": format!("hello-svc-{hash}"),
                "namespace": "shop",
                "labels": {"kubernetes.io/service-name": "hello-svc", "wasmcloud.dev/route-manager": "true"},
                "ownerReferences": [{
                    "apiVersion": "v1", "kind": "Service", "name": "hello-svc", "uid": "u",
                    "controller": true, "blockOwnerDeletion": true,
                }],
            },
            "addressType": "IPv4",
            "ports": [{"name": "http", "protocol": "TCP", "port": 8000}],
            "endpoints": [{"addresses": ["10.1.2.3"], "conditions": {"ready": true, "serving": true}}],
        }])
    );
}

#[test]
fn one_slice_for_each_family_and_set_of_ports() {
    let slices = packed(
        &http(),
        &[
            backend(&["10.0.0.2"], 8000),
            backend(&["10.0.0.1", "fd00::1"], 8000),
            backend(&["10.0.0.3"], 9000),
        ],
        &[],
    );
    let shape: Vec<(&str, Vec<&str>, Option<i32>)> = slices
        .iter()
        .map(|s| {
            (
                s.address_type.as_str(),
                addresses(s),
                s.ports.as_ref().unwrap()[0].port,
            )
        })
        .collect();
    assert_eq!(
        shape,
        [
            ("IPv4", vec!["10.0.0.1", "10.0.0.2"], Some(8000)),
            ("IPv4", vec!["10.0.0.3"], Some(9000)),
            ("IPv6", vec!["fd00::1"], Some(8000)),
        ]
    );
}

#[test]
fn a_service_gets_the_families_it_has() {
    let dual = backend(&["10.0.0.1", "fd00::1"], 8000);
    for (families, expected) in [
        (json!(["IPv4"]), vec!["IPv4"]),
        (json!(["IPv6"]), vec!["IPv6"]),
        (json!(["IPv6", "IPv4"]), vec!["IPv4", "IPv6"]),
        (json!([]), vec!["IPv4", "IPv6"]),
    ] {
        let service = service(&json!({"ipFamilies": families, "ports": [{"port": 80}]}));
        let slices = packed(&service, std::slice::from_ref(&dual), &[]);
        let types: Vec<&str> = slices.iter().map(|s| s.address_type.as_str()).collect();
        assert_eq!(types, expected, "{families}");
    }
    let six = service(&json!({"ipFamilies": ["IPv6"], "ports": [{"port": 80}]}));
    let found = routes(&six, &[backend(&["10.0.0.1"], 8000)]);
    assert_eq!(found.left_out, ["10.0.0.1".parse::<IpAddr>().unwrap()]);
}

#[test]
fn addresses_that_a_server_refuses_are_reported_instead() {
    let found = routes(
        &http(),
        &[
            backend(&["127.0.0.1"], 80),
            backend(&["fe80::1"], 80),
            backend(&["169.254.0.9", "10.0.0.1"], 80),
        ],
    );
    assert_eq!(found.left_out.len(), 2);
    let slices = found.pack(&http(), &[], &[]).0;
    assert_eq!(addresses(&slices[0]), ["10.0.0.1"]);
}

#[test]
fn a_host_is_on_its_way_out_when_all_its_workloads_are() {
    let leaving = Backend {
        terminating: true,
        ..backend(&["10.0.0.1"], 80)
    };
    let conditions = |backends: &[Backend]| {
        let slices = packed(&http(), backends, &[]);
        assert_eq!(addresses(&slices[0]), ["10.0.0.1"]);
        let held = slices[0].endpoints.as_ref().unwrap()[0]
            .conditions
            .clone()
            .unwrap();
        (held.ready, held.serving, held.terminating)
    };
    assert_eq!(
        conditions(&[leaving.clone(), leaving.clone()]),
        (Some(false), Some(true), Some(true))
    );
    assert_eq!(
        conditions(&[leaving, backend(&["10.0.0.1"], 80)]),
        (Some(true), Some(true), None)
    );
}

#[test]
fn what_is_known_of_the_pod_is_told() {
    let in_pod = Backend {
        node: Some("node-1".into()),
        zone: Some("eu-1a".into()),
        target: Some(ObjectReference {
            kind: Some("Pod".into()),
            name: Some("host-0".into()),
            ..ObjectReference::default()
        }),
        ..backend(&["10.0.0.1"], 80)
    };
    let slices = packed(&http(), &[in_pod], &[]);
    let endpoint = &slices[0].endpoints.as_ref().unwrap()[0];
    assert_eq!(endpoint.node_name.as_deref(), Some("node-1"));
    assert_eq!(endpoint.zone.as_deref(), Some("eu-1a"));
    assert_eq!(
        endpoint.target_ref.as_ref().unwrap().name.as_deref(),
        Some("host-0")
    );
}

#[test]
fn ports_that_nobody_listens_at_are_told() {
    let service = service(&json!({"ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]}));
    let found = routes(&service, &[backend(&["10.0.0.1"], 8000)]);
    assert!(found.no_port && found.pack(&service, &[], &[]).0.is_empty());
}

#[test]
fn a_slice_holds_a_thousand_and_one_more_makes_a_second() {
    let full = packed(&http(), &many(1, 1001), &[]);
    assert_eq!(full.len(), 1);
    // The newcomer sorts before all others, and moves none of them.
    let two = packed(&http(), &many(0, 1001), &full);
    assert_eq!(
        two.iter().map(|s| addresses(s).len()).collect::<Vec<_>>(),
        [1000, 1]
    );
    assert_eq!(two[0], full[0]);
    assert!(two[1].name_any().ends_with("-v4-1"));
    // What leaves makes room, and the newcomer stays where it is.
    let fewer = packed(&http(), &many(0, 500), &two);
    assert_eq!(
        fewer.iter().map(|s| addresses(s).len()).collect::<Vec<_>>(),
        [499, 1]
    );
    assert_eq!(fewer[1], two[1]);
}

#[test]
fn many_small_slices_are_made_one() {
    let held = packed(&http(), &many(0, 4000), &[]);
    assert_eq!(held.len(), 4);
    let one = packed(&http(), &many(0, 10), &held);
    assert_eq!(one.len(), 1);
    assert_eq!(
        one[0].name_any(),
        packed(&http(), &many(0, 1), &[])[0].name_any()
    );
}

#[test]
fn a_port_that_changes_changes_the_slice_in_place() {
    let held = packed(&http(), &many(0, 3), &[]);
    let moved: Vec<Backend> = many(0, 3)
        .into_iter()
        .map(|b| Backend {
            listeners: Listeners {
                named: Some(9000),
                ..Listeners::default()
            },
            ..b
        })
        .collect();
    let slices = packed(&http(), &moved, &held);
    assert_eq!(slices.len(), 1);
    assert_eq!(slices[0].name_any(), held[0].name_any());
}

#[test]
fn a_name_that_is_somebody_else_s_is_not_used() {
    let base = packed(&http(), &many(0, 1), &[])[0].name_any();
    let slices = routes(&http(), &many(0, 1)).pack(&http(), &[], std::slice::from_ref(&base));
    assert_eq!(slices.0[0].name_any(), format!("{base}-v4-1"));
}

proptest! {
    #[test]
    fn whatever_was_held_every_endpoint_is_in_one_slice_and_twice_is_once(
        before in proptest::collection::btree_set(0_u32..3000, 0..40),
        after in proptest::collection::btree_set(0_u32..3000, 0..40),
        ports in proptest::collection::vec(8000_i32..8003, 3000),
    ) {
        let of = |set: &std::collections::BTreeSet<u32>| -> Vec<Backend> {
            set.iter()
                .map(|n| backend(&[&std::net::Ipv4Addr::from(0x0a00_0000 + n).to_string()], ports[*n as usize]))
                .collect()
        };
        let held = packed(&http(), &of(&before), &[]);
        let slices = packed(&http(), &of(&after), &held);
        let mut found: Vec<&str> = slices.iter().flat_map(addresses).collect();
        found.sort_unstable();
        let count = found.len();
        found.dedup();
        prop_assert_eq!(count, found.len());
        prop_assert_eq!(count, after.len());
        let mut names: Vec<String> = slices.iter().map(ResourceExt::name_any).collect();
        names.sort_unstable();
        let named = names.len();
        names.dedup();
        prop_assert_eq!(named, names.len());
        prop_assert_eq!(packed(&http(), &of(&after), &slices), slices);
    }
}
