//! Every validation rule: what it accepts, what it refuses, and the words it refuses with.

use kube_cel::Validator;
use serde_json::{Value, json};

fn schema(kind: &str) -> Value {
    let crd = crd_types::crds()
        .into_iter()
        .find(|c| c.spec.names.kind == kind)
        .unwrap();
    serde_json::to_value(
        crd.spec.versions[0]
            .schema
            .as_ref()
            .unwrap()
            .open_api_v3_schema
            .as_ref()
            .unwrap(),
    )
    .unwrap()
}

fn messages(kind: &str, object: &Value, old: Option<&Value>) -> Vec<String> {
    match Validator::new().validate(&schema(kind), object, old) {
        Ok(()) => Vec::new(),
        Err(errors) => errors.into_vec().into_iter().map(|e| e.message).collect(),
    }
}

pub fn assert_valid(kind: &str, object: &Value) {
    assert_eq!(
        messages(kind, object, None),
        Vec::<String>::new(),
        "{kind} {object}"
    );
}

fn deployment(edit: impl FnOnce(&mut Value)) -> Value {
    let mut object = json!({
        "metadata": {"name": "d", "namespace": "n"},
        "spec": {"replicas": 1, "template": {"spec": {"components": [{"name": "c", "image": "i:1"}]}}},
    });
    edit(&mut object);
    object
}

/// A Deployment whose workload spec has these further fields.
fn with(fields: Value) -> Value {
    deployment(|d| {
        let spec = d["spec"]["template"]["spec"].as_object_mut().unwrap();
        spec.extend(fields.as_object().unwrap().clone());
    })
}

#[track_caller]
fn refused(object: &Value, part_of_message: &str) {
    let found = messages("WorkloadDeployment", object, None);
    assert!(
        found.iter().any(|m| m.contains(part_of_message)),
        "wanted a refusal with {part_of_message:?}, got {found:?} for {object}"
    );
}

#[track_caller]
fn accepted(object: &Value) {
    assert_valid("WorkloadDeployment", object);
}

#[test]
fn a_workload_runs_something() {
    refused(
        &with(json!({"components": []})),
        "at least one component or a service",
    );
    accepted(&with(
        json!({"components": [], "service": {"image": "s:1"}}),
    ));
}

#[test]
fn names_of_components_and_volumes_are_unique() {
    let component = |name: &str| json!({"name": name, "image": "i:1"});
    accepted(&with(
        json!({"components": [component("a"), component("b")]}),
    ));
    refused(
        &with(json!({"components": [component("a"), component("a")]})),
        "component names must be unique",
    );
    let volume = |name: &str| json!({"name": name, "ephemeral": {}});
    accepted(&with(json!({"volumes": [volume("a"), volume("b")]})));
    refused(
        &with(json!({"volumes": [volume("a"), volume("a")]})),
        "volume names must be unique",
    );
}

#[test]
fn a_volume_has_exactly_one_source() {
    accepted(&with(
        json!({"volumes": [{"name": "v", "hostPath": {"path": "/data"}}]}),
    ));
    refused(
        &with(json!({"volumes": [{"name": "v"}]})),
        "exactly one of ephemeral and hostPath",
    );
    refused(
        &with(json!({"volumes": [{"name": "v", "ephemeral": {}, "hostPath": {"path": "/data"}}]})),
        "exactly one of ephemeral and hostPath",
    );
}

#[test]
fn a_mount_names_a_volume_and_a_path_of_its_own() {
    let mounts = |paths: &[&str]| {
        json!(
            paths
                .iter()
                .map(|p| json!({"name": "v", "mountPath": p}))
                .collect::<Vec<_>>()
        )
    };
    let component = |mounts: Value| json!([{"name": "c", "image": "i:1", "localResources": {"volumeMounts": mounts}}]);
    let volumes = json!([{"name": "v", "ephemeral": {}}]);
    accepted(&with(
        json!({"volumes": volumes, "components": component(mounts(&["/a", "/b"]))}),
    ));
    refused(
        &with(json!({"components": component(mounts(&["/a"]))})),
        "volumeMount of a component must name",
    );
    refused(
        &with(json!({"volumes": volumes, "components": component(mounts(&["/a", "/a"]))})),
        "each mountPath can be used once",
    );
    refused(
        &with(
            json!({"service": {"image": "s:1", "localResources": {"volumeMounts": mounts(&["/a"])}}}),
        ),
        "volumeMount of the service must name",
    );
}

fn interface(extra: Value) -> Value {
    let mut value = json!({"namespace": "wasi", "package": "keyvalue", "interfaces": ["store"]});
    value
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    value
}

const DUPLICATE: &str = "hostInterfaces must not contain duplicate entries with the same namespace, package, name, and version";
const UNNAMED: &str = "at most one unnamed hostInterface is allowed per namespace:package; set a unique name to disambiguate multiple imports of the same package";

#[test]
fn host_interfaces_are_told_apart() {
    accepted(&with(
        json!({"hostInterfaces": [interface(json!({})), interface(json!({"name": "a"}))]}),
    ));
    accepted(&with(json!({"hostInterfaces": [
        interface(json!({"name": "a", "version": "0.1.0"})), interface(json!({"name": "a", "version": "0.2.0"}))
    ]})));
    accepted(&with(
        json!({"hostInterfaces": [interface(json!({})), interface(json!({"package": "blobstore"}))]}),
    ));
    for same in [
        json!({"name": "a"}),
        json!({"name": "a", "version": "0.1.0"}),
    ] {
        refused(
            &with(json!({"hostInterfaces": [interface(same.clone()), interface(same)]})),
            DUPLICATE,
        );
    }
    refused(
        &with(
            json!({"hostInterfaces": [interface(json!({"name": "a"})), interface(json!({"name": "a", "version": ""}))]}),
        ),
        DUPLICATE,
    );
    refused(
        &with(json!({"hostInterfaces": [interface(json!({})), interface(json!({}))]})),
        DUPLICATE,
    );
    refused(
        &with(
            json!({"hostInterfaces": [interface(json!({})), interface(json!({"version": "0.2.0"}))]}),
        ),
        UNNAMED,
    );
}

#[test]
fn a_reference_to_configuration_has_a_name() {
    accepted(&with(
        json!({"hostInterfaces": [interface(json!({"configFrom": [{"name": "c"}]}))]}),
    ));
    refused(
        &with(json!({"hostInterfaces": [interface(json!({"secretFrom": [{"name": ""}]}))]})),
        "name must not be empty",
    );
}

#[test]
fn an_artifact_alias_exists() {
    let aliased = json!({"components": [{"name": "c", "image": "artifact://web"}]});
    refused(
        &with(aliased.clone()),
        "artifact:// image of a component must name an entry of artifacts",
    );
    let mut object = with(aliased);
    object["spec"]["artifacts"] = json!([{"name": "web", "artifactFrom": {"name": "a"}}]);
    accepted(&object);
    object["spec"]["artifacts"] = json!([
        {"name": "web", "artifactFrom": {"name": "a"}}, {"name": "web", "artifactFrom": {"name": "b"}}
    ]);
    refused(&object, "names of artifacts must be unique");
    refused(
        &with(json!({"service": {"image": "artifact://web"}})),
        "artifact:// image of the service must name an entry of artifacts",
    );
    let only = ["artifact:// images are resolved in a WorkloadDeployment only"];
    for spec in [
        json!({"components": [{"name": "c", "image": "artifact://web"}]}),
        json!({"service": {"image": "artifact://web"}}),
    ] {
        let workload = json!({"metadata": {"name": "w"}, "spec": spec});
        assert_eq!(messages("Workload", &workload, None), only);
        let set = json!({"metadata": {"name": "s"}, "spec": {"template": {"spec": spec}}});
        assert_eq!(messages("WorkloadReplicaSet", &set, None), only);
    }
    let artifact = json!({"metadata": {"name": "a"}, "spec": {"image": "artifact://b"}});
    assert_eq!(
        messages("Artifact", &artifact, None),
        ["an Artifact names an image, not another Artifact"]
    );
}

#[test]
fn rollout_bounds_let_a_rollout_move() {
    let bounds = |policy: &str, rolling: Value| {
        deployment(|d| {
            d["spec"]["deployPolicy"] = json!(policy);
            d["spec"]["rollingUpdate"] = rolling;
        })
    };
    accepted(&bounds(
        "RollingUpdate",
        json!({"maxSurge": "30%", "maxUnavailable": 0}),
    ));
    accepted(&bounds(
        "RollingUpdate",
        json!({"maxSurge": 0, "maxUnavailable": 1}),
    ));
    refused(
        &bounds("RollingUpdate", json!({"maxSurge": 0})),
        "maxUnavailable must be set and not 0",
    );
    refused(
        &bounds(
            "RollingUpdate",
            json!({"maxSurge": "0%", "maxUnavailable": 0}),
        ),
        "maxUnavailable must be set",
    );
    refused(
        &bounds("Recreate", json!({"maxSurge": 1})),
        "rollingUpdate cannot be set when deployPolicy is Recreate",
    );
    let deadline = |seconds: i32| {
        deployment(|d| {
            d["spec"]["minReadySeconds"] = json!(30);
            d["spec"]["progressDeadlineSeconds"] = json!(seconds);
        })
    };
    accepted(&deadline(31));
    refused(
        &deadline(30),
        "progressDeadlineSeconds must be greater than minReadySeconds",
    );
}

#[test]
fn the_name_of_a_deployment_fits_a_label() {
    accepted(&deployment(|d| {
        d["metadata"]["name"] = json!("d".repeat(63));
    }));
    refused(
        &deployment(|d| d["metadata"]["name"] = json!("d".repeat(64))),
        "no more than 63 characters",
    );
}

#[test]
fn the_spec_of_a_workload_is_immutable() {
    let workload = |image: &str, label: &str| {
        json!({
            "metadata": {"name": "w", "labels": {"l": label}},
            "spec": {"components": [{"name": "c", "image": image}]},
        })
    };
    let old = workload("i:1", "a");
    assert!(messages("Workload", &workload("i:1", "b"), Some(&old)).is_empty());
    let found = messages("Workload", &workload("i:2", "a"), Some(&old));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("a Workload's spec is immutable"),
        "{found:?}"
    );
}
