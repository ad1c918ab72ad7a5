//! What runs in a kind cluster, as manifests: NATS, the operator, hosts, and the Job that installs the CRDs.

use serde_json::{Value, json};

use super::SYSTEM;
use super::binaries::{OperatorFlags, command_line};

/// Built and loaded by `cargo xtask e2e --cluster kind`.
const OPERATOR_IMAGE: &str = "wasmcloud.test/runtime-operator:e2e";
const HOST_IMAGE: &str = "wasmcloud.test/wasmcloud-host:e2e";
const NATS_IMAGE: &str = "nats:2-alpine";

/// Where hosts answer in their Pods.
pub const HTTP: u16 = 8000;
/// Where NATS listens.
pub const NATS: u16 = 4222;

fn deployment(name: &str, mut pod: Value, labels: Value) -> Value {
    // What a host takes at most: 10 s of `--handover`, 30 s of `--drain` and 5 s for its last connections.
    pod["terminationGracePeriodSeconds"] = json!(60);
    let mut labels = labels;
    labels["app"] = json!(name);
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": SYSTEM},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": name}},
            "strategy": {"type": "Recreate"},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    })
}

/// What no container of ours needs.
fn confined() -> Value {
    json!({
        "runAsNonRoot": true, "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
        "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
    })
}

/// A nats-server, and the Service under whose name it is found.
pub fn nats() -> [Value; 2] {
    let pod = json!({"containers": [{
        "name": "nats", "image": NATS_IMAGE,
        "ports": [{"containerPort": NATS}],
        "readinessProbe": {"tcpSocket": {"port": NATS}},
    }]});
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "nats", "namespace": SYSTEM},
        "spec": {"selector": {"app": "nats"}, "ports": [{"name": "nats", "port": NATS}]},
    });
    [deployment("nats", pod, json!({})), service]
}

/// One of each kind.
pub fn all() -> Vec<Value> {
    let watch = ["a".to_owned()];
    let flags = OperatorFlags {
        nats: &nats_url(),
        watch: &watch,
        elect: true,
    };
    let [server, service] = nats();
    let ours = [
        install_crds(),
        operator("operator-1", &flags),
        host("host-1", "default"),
    ];
    [server, service].into_iter().chain(ours).collect()
}

/// The URL of that NATS for Pods.
pub fn nats_url() -> String {
    format!("nats://nats.{SYSTEM}:{NATS}")
}

/// Installs the CRDs under the account made for it.
pub fn install_crds() -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": "install-crds", "namespace": SYSTEM},
        "spec": {"backoffLimit": 4, "template": {"spec": {
            "restartPolicy": "OnFailure",
            "serviceAccountName": "runtime-operator-install-crds",
            "containers": [{
                "name": "install-crds", "image": OPERATOR_IMAGE, "imagePullPolicy": "Never",
                "args": ["install-crds"],
                "securityContext": confined(),
            }],
        }}},
    })
}

/// An operator under its account.
pub fn operator(name: &str, flags: &OperatorFlags<'_>) -> Value {
    const HEALTH: u16 = 8082;
    let pod = json!({
        "serviceAccountName": "runtime-operator",
        "containers": [{
            "name": "operator", "image": OPERATOR_IMAGE, "imagePullPolicy": "Never",
            "args": command_line(flags, &format!(":{HEALTH}")),
            "env": [{"name": "OPERATOR_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}],
            "ports": [{"name": "health", "containerPort": HEALTH}],
            "readinessProbe": {"httpGet": {"path": "/readyz", "port": "health"}, "periodSeconds": 1},
            "securityContext": confined(),
        }],
    });
    deployment(name, pod, json!({}))
}

/// A host of a group.
pub fn host(name: &str, group: &str) -> Value {
    let field = |path: &str| json!({"fieldRef": {"fieldPath": path}});
    let pod = json!({
        // It asks the API server nothing.
        "automountServiceAccountToken": false,
        "volumes": [{"name": "data", "emptyDir": {}}],
        "containers": [{
            "name": "host", "image": HOST_IMAGE, "imagePullPolicy": "Never",
            "args": [
                "--name", name, "--host-group", group,
                "--host-name", "$(POD_IP)", "--environment", "$(POD_NAMESPACE)",
                "--http-addr", format!("0.0.0.0:{HTTP}"),
                "--scheduler-nats-url", nats_url(),
                "--store", "/data/images", "--compile-cache", "/data/compiled", "--scratch-dir", "/data",
                "--endpoint-delay", "200ms", "--workload-ports", "any:1024-65535",
                "--allow-insecure-registries",
            ],
            "env": [
                {"name": "POD_IP", "valueFrom": field("status.podIP")},
                {"name": "POD_NAMESPACE", "valueFrom": field("metadata.namespace")},
            ],
            "ports": [{"name": "http", "containerPort": HTTP}],
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            "securityContext": confined(),
        }],
    });
    deployment(name, pod, json!({"wasmcloud.com/hostgroup": group}))
}
