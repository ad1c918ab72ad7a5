//! Words that other programs have learnt from the reference, written out: a change of one is a break, not a refactoring.

use crd_types::{hash, names};

#[test]
fn labels_annotations_and_finalizers_are_the_reference_s() {
    for (ours, theirs) in [
        (
            names::DEPLOYMENT_LABEL,
            "runtime.wasmcloud.dev/workload-deployment",
        ),
        (
            names::TEMPLATE_HASH_ANNOTATION,
            "runtime.wasmcloud.dev/workload-replica-set-generation",
        ),
        (
            names::HOST_FINALIZER,
            "runtime.wasmcloud.dev/host-finalizer",
        ),
        (
            names::WORKLOAD_FINALIZER,
            "runtime.wasmcloud.dev/workload-finalizer",
        ),
        (
            names::ARTIFACT_FINALIZER,
            "runtime.wasmcloud.dev/artifact-finalizer",
        ),
        (names::HOST_GROUP_LABEL, "hostgroup"),
        (names::HOST_POD_LABEL, "wasmcloud.com/hostgroup"),
        (names::ROUTE_MANAGER_LABEL, "wasmcloud.dev/route-manager"),
        (names::SERVICE_NAME_LABEL, "kubernetes.io/service-name"),
        (names::LEADER_LEASE, "d34db3ef.wasmcloud.dev"),
        (names::ARTIFACT_SCHEME, "artifact://"),
    ] {
        assert_eq!(ours, theirs);
    }
    assert_eq!(
        names::LEGACY_FINALIZERS,
        [
            "runtime.wasmcloud.dev/pod-host-finalizer",
            "runtime.wasmcloud.dev/gateway-workload-finalizer",
            "runtime.wasmcloud.dev/gateway-host-finalizer",
        ]
    );
}

#[test]
fn kinds_scale_paths_and_columns_are_there() {
    let ready = ".status.conditions[?(@.type==\"Ready\")].status";
    let expected: [(&str, &[(&str, &str)]); 5] = [
        ("artifacts", &[]),
        (
            "hosts",
            &[
                ("HOSTID", ".hostId"),
                ("HOSTGROUP", ".metadata.labels.hostgroup"),
                ("ENVIRONMENT", ".environment"),
                ("READY", ready),
                ("AGE", ".metadata.creationTimestamp"),
            ],
        ),
        (
            "workloads",
            &[
                ("HOSTID", ".status.hostId"),
                ("ENVIRONMENT", ".status.environment"),
                ("READY", ready),
                ("AGE", ".metadata.creationTimestamp"),
            ],
        ),
        (
            "workloadreplicasets",
            &[("REPLICAS", ".spec.replicas"), ("READY", ready)],
        ),
        (
            "workloaddeployments",
            &[("REPLICAS", ".spec.replicas"), ("READY", ready)],
        ),
    ];
    let crds = crd_types::crds();
    assert_eq!(crds.len(), expected.len());
    for (plural, columns) in expected {
        let crd = crds.iter().find(|c| c.spec.names.plural == plural).unwrap();
        assert_eq!(crd.spec.group, "runtime.wasmcloud.dev");
        assert_eq!(crd.spec.scope, "Namespaced");
        let version = &crd.spec.versions[0];
        assert!(version.name == "v1alpha1" && version.served && version.storage);
        let held = version.additional_printer_columns.as_ref().unwrap();
        for (name, path) in columns {
            let shown = held
                .iter()
                .any(|c| c.name == *name && c.json_path == *path && c.priority.unwrap_or(0) == 0);
            assert!(shown, "{plural} shows {name}");
        }
        let parts = version.subresources.as_ref().unwrap();
        assert!(parts.status.is_some());
        let scale = parts.scale.as_ref().map(|s| {
            (
                s.spec_replicas_path.as_str(),
                s.status_replicas_path.as_str(),
                s.label_selector_path.as_deref(),
            )
        });
        let wanted = (
            ".spec.replicas",
            ".status.currentReplicas",
            Some(".status.selector"),
        );
        assert_eq!(scale, (plural == "workloaddeployments").then_some(wanted));
    }
}

/// The hash by which the reference's operator knows the Workloads of a template, and the stem of names.
#[test]
fn the_hash_is_fnv_in_an_alphabet_without_vowels() {
    assert_eq!(hash::fnv1a(b""), 0x811c_9dc5);
    assert_eq!(hash::fnv1a(b"hello-svc"), fnv(b"hello-svc"));
    assert_eq!(hash::encode(1_234_567_890), "56789bcdf4");
}

fn fnv(bytes: &[u8]) -> u32 {
    let mut hash: u32 = 2_166_136_261;
    for byte in bytes {
        hash ^= u32::from(*byte);
        hash = hash.wrapping_mul(16_777_619);
    }
    hash
}
