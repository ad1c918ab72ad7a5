use super::{Candidate, Demand, Offer, Strain, Thresholds, place};
use crd_types::HostInterface;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn host(id: &str) -> Candidate<'_> {
    Candidate {
        id,
        ready: true,
        serves_http: true,
        extended: true,
        ..Candidate::default()
    }
}

fn interface(namespace: &str, package: &str, version: &str) -> HostInterface {
    HostInterface {
        namespace: namespace.into(),
        package: package.into(),
        version: (!version.is_empty()).then(|| version.into()),
        interfaces: vec!["incoming-handler".into()],
        ..HostInterface::default()
    }
}

#[test]
fn says_of_every_host_why_it_does_not_fit() {
    let bare = |id| Candidate {
        offers: Some(&[]),
        ..host(id)
    };
    let hosts = [
        bare("a"),
        bare("b"),
        bare("c"),
        Candidate {
            unschedulable: true,
            ..host("d")
        },
        Candidate {
            unschedulable: true,
            ..host("e")
        },
    ];
    let wanted = [interface("wasmcloud", "messaging", "0.2.3")];
    let demand = Demand {
        interfaces: &wanted,
        ..Demand::default()
    };
    let error = place("w", &demand, &hosts).unwrap_err();
    assert_eq!(
        error.to_string(),
        "0/5 hosts: 3 lack wasmcloud:messaging@0.2, 2 unschedulable"
    );
    assert_eq!(
        place("w", &Demand::default(), &[]).unwrap_err().to_string(),
        "0/0 hosts: no host has reported yet"
    );
}

#[test]
fn a_pinned_host_passes_the_same_filters() {
    let hosts = [
        host("a"),
        Candidate {
            environment: "other",
            ..host("b")
        },
    ];
    let pinned = |id, environment| {
        place(
            "w",
            &Demand {
                pinned: Some(id),
                environment,
                ..Demand::default()
            },
            &hosts,
        )
    };
    assert_eq!(pinned("b", None), Ok("b"));
    assert_eq!(
        pinned("b", Some("mine")).unwrap_err().to_string(),
        "0/1 hosts: 1 not in environment mine"
    );
    assert!(pinned("x", None).unwrap_err().to_string().contains("id x"));
}

#[test]
fn versions_agree_as_wit_packages_do() {
    let offer = |version| Offer {
        namespace: "wasmcloud".into(),
        package: "messaging".into(),
        version: str::to_owned(version),
    };
    for (wanted, offered, fits) in [
        ("0.2.0", "0.2.9", true),
        ("0.2.0", "0.3.0", false),
        ("1.0.0", "1.9.0", true),
        ("0.2.0-draft", "0.2.0", true),
        ("", "0.3.0", true),
        ("odd", "odd", true),
        ("odd", "0.1.0", false),
    ] {
        let offers = [offer(offered)];
        let hosts = [Candidate {
            offers: Some(&offers),
            ..host("a")
        }];
        let interfaces = [interface("wasmcloud", "messaging", wanted)];
        let demand = Demand {
            interfaces: &interfaces,
            ..Demand::default()
        };
        assert_eq!(
            place("w", &demand, &hosts).is_ok(),
            fits,
            "{wanted} against {offered}"
        );
    }
}

#[test]
fn http_needs_a_listener_and_limits_need_extensions() {
    let hosts = [Candidate {
        serves_http: false,
        extended: false,
        ..host("a")
    }];
    let interfaces = [interface("wasi", "http", "")];
    let demand = Demand {
        interfaces: &interfaces,
        ..Demand::default()
    };
    assert_eq!(
        place("w", &demand, &hosts).unwrap_err().to_string(),
        "0/1 hosts: 1 have no HTTP listener"
    );
    let demand = Demand {
        features: vec!["memory limits"],
        ..Demand::default()
    };
    assert_eq!(
        place("w", &demand, &hosts).unwrap_err().to_string(),
        "0/1 hosts: 1 lack memory limits"
    );
}

#[test]
fn selector_matches_exactly() {
    let labels = BTreeMap::from([("zone".to_owned(), "a".to_owned())]);
    let hosts = [
        Candidate {
            labels: Some(&labels),
            ..host("a")
        },
        host("b"),
    ];
    for (value, expected) in [("a", Some("a")), ("b", None)] {
        let selector = BTreeMap::from([("zone".to_owned(), value.to_owned())]);
        let demand = Demand {
            selector: Some(&selector),
            ..Demand::default()
        };
        assert_eq!(place("w", &demand, &hosts).ok(), expected);
    }
}

#[test]
fn zones_are_balanced_before_hosts() {
    let zone = |z: &str| BTreeMap::from([("zone".to_owned(), z.to_owned())]);
    let (a, b) = (zone("a"), zone("b"));
    let hosts = [
        Candidate {
            labels: Some(&a),
            siblings: 2,
            ..host("a1")
        },
        Candidate {
            labels: Some(&a),
            siblings: 0,
            ..host("a2")
        },
        Candidate {
            labels: Some(&b),
            siblings: 1,
            workloads: 50,
            ..host("b1")
        },
    ];
    let keys = ["zone".to_owned()];
    let demand = Demand {
        topology_keys: &keys,
        ..Demand::default()
    };
    assert_eq!(place("w", &demand, &hosts), Ok("b1"));
    assert_eq!(place("w", &Demand::default(), &hosts), Ok("a2"));
}

#[test]
fn a_host_takes_what_it_has_room_for() {
    let hosts = [
        Candidate {
            free_memory: Some(10),
            ..host("a")
        },
        Candidate {
            free_instances: Some(1),
            ..host("b")
        },
        Candidate {
            strain: Some(Strain::Cpu),
            ..host("c")
        },
    ];
    let demand = |memory, instances| Demand {
        memory,
        instances,
        ..Demand::default()
    };
    assert_eq!(place("w", &demand(10, 2), &hosts), Ok("a"));
    assert_eq!(place("w", &demand(11, 1), &hosts), Ok("b"));
    assert_eq!(
        place("w", &demand(11, 2), &hosts).unwrap_err().to_string(),
        "0/3 hosts: 1 over the processor threshold, 1 have too few instances left, 1 have too little memory left"
    );
}

#[test]
fn strain_is_use_beyond_a_threshold_that_was_set() {
    let none = Thresholds::default();
    assert_eq!(none.strain(100.0, 100, 0), None);
    let both = Thresholds {
        cpu: Some(80.0),
        memory: Some(80.0),
    };
    assert_eq!(both.strain(80.0, 100, 20), None);
    assert_eq!(both.strain(81.0, 100, 0), Some(Strain::Cpu));
    assert_eq!(both.strain(0.0, 100, 19), Some(Strain::Memory));
    assert_eq!(both.strain(0.0, 0, 0), None);
}

#[test]
fn among_equals_the_one_that_has_the_images_is_taken() {
    for with in 0..4 {
        let ids = ["a", "b", "c", "d"];
        let hosts: Vec<Candidate<'_>> = ids
            .iter()
            .enumerate()
            .map(|(i, id)| Candidate {
                has_images: i == with,
                ..host(id)
            })
            .collect();
        assert_eq!(place("w", &Demand::default(), &hosts), Ok(ids[with]));
    }
}

proptest! {
    /// However many replicas and equal hosts: no host carries two more than another.
    #[test]
    fn replicas_spread_evenly(hosts in 1_usize..12, replicas in 0_usize..60) {
        let ids: Vec<String> = (0..hosts).map(|i| format!("host-{i}")).collect();
        let mut placed = vec![0_usize; hosts];
        for replica in 0..replicas {
            let candidates: Vec<Candidate<'_>> = ids
                .iter()
                .zip(&placed)
                .map(|(id, n)| Candidate { siblings: *n, workloads: *n, ..host(id) })
                .collect();
            let chosen = place(&format!("w-{replica}"), &Demand::default(), &candidates).unwrap();
            placed[ids.iter().position(|id| id == chosen).unwrap()] += 1;
        }
        let (least, most) = (placed.iter().min().unwrap(), placed.iter().max().unwrap());
        prop_assert!(most - least <= 1, "{placed:?}");
    }

    /// The order in which hosts are listed does not matter.
    #[test]
    fn order_of_hosts_does_not_matter(loads in proptest::collection::vec((0_usize..3, 0_usize..3), 1..8), rotate in 0_usize..8) {
        let ids: Vec<String> = (0..loads.len()).map(|i| format!("h{i}")).collect();
        let mut candidates: Vec<Candidate<'_>> = ids
            .iter()
            .zip(&loads)
            .map(|(id, (siblings, workloads))| Candidate { siblings: *siblings, workloads: *workloads, ..host(id) })
            .collect();
        let first = place("w", &Demand::default(), &candidates).unwrap();
        let by = rotate % candidates.len();
        candidates.rotate_left(by);
        prop_assert_eq!(first, place("w", &Demand::default(), &candidates).unwrap());
    }
}

#[test]
fn a_host_that_does_not_open_an_address_does_not_fit() {
    let candidate = |id: &'static str, refused: Option<&str>| Candidate {
        id,
        ready: true,
        extended: true,
        port_refused: refused.map(|address| address.parse().unwrap()),
        ..Candidate::default()
    };
    let demand = Demand::default();
    let hosts = [candidate("a", Some("0.0.0.0:80")), candidate("b", None)];
    assert_eq!(place("w", &demand, &hosts), Ok("b"));
    let none = place("w", &demand, &hosts[..1]).unwrap_err();
    assert_eq!(
        none.to_string(),
        "0/1 hosts: 1 do not let workloads open 0.0.0.0:80 (--workload-ports)"
    );
}

#[test]
fn a_host_whose_port_another_has_does_not_fit() {
    let candidate = |id: &'static str, taken: Option<u16>| Candidate {
        id,
        ready: true,
        extended: true,
        port_taken: taken,
        ..Candidate::default()
    };
    let demand = Demand::default();
    let free = [candidate("a", Some(8080)), candidate("b", None)];
    assert_eq!(place("w", &demand, &free), Ok("b"));
    let none = place("w", &demand, &free[..1]).unwrap_err();
    assert_eq!(none.to_string(), "0/1 hosts: 1 have port 8080 taken");
}
