//! Objects that exist in the world parse, keep what they say, satisfy the schema and hash as they did.

use crd_types::{Host, Workload, WorkloadDeployment, WorkloadReplicaSet, WorkloadSpec, hash};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

const OBJECTS: &str = include_str!("../fixtures/reference-objects.json");
const HASHES: &str = include_str!("../fixtures/reference-template-hashes.json");
const HELLO: &str = include_str!("../fixtures/hello-world.yaml");

fn objects(kind: &str) -> Vec<Value> {
    let all: Vec<Value> = serde_json::from_str(OBJECTS).unwrap();
    let found: Vec<Value> = all.into_iter().filter(|o| o["kind"] == kind).collect();
    assert!(!found.is_empty(), "no sample of {kind}");
    found
}

fn round_trip<T: DeserializeOwned + Serialize>(object: &Value) -> T {
    let typed: T = serde_json::from_value(object.clone()).unwrap();
    assert_eq!(serde_json::to_value(&typed).unwrap(), *object);
    typed
}

#[test]
fn recorded_objects_round_trip() {
    for object in objects("WorkloadDeployment") {
        round_trip::<WorkloadDeployment>(&object);
        super::rules::assert_valid("WorkloadDeployment", &object);
    }
    for object in objects("WorkloadReplicaSet") {
        round_trip::<WorkloadReplicaSet>(&object);
        super::rules::assert_valid("WorkloadReplicaSet", &object);
    }
    for object in objects("Workload") {
        round_trip::<Workload>(&object);
        super::rules::assert_valid("Workload", &object);
    }
    for object in objects("Host") {
        let host: Host = round_trip(&object);
        assert!(!host.host_id.is_empty());
        super::rules::assert_valid("Host", &object);
    }
}

#[test]
fn hashes_are_those_of_the_reference() {
    let recorded: Vec<Value> = serde_json::from_str(HASHES).unwrap();
    assert!(recorded.len() >= 4);
    for entry in recorded {
        let spec: WorkloadSpec = serde_json::from_value(entry["spec"].clone()).unwrap();
        assert_eq!(
            hash::spec_hash(&spec),
            entry["hash"].as_str().unwrap(),
            "of {}",
            entry["spec"]
        );
    }
}

#[test]
fn a_taken_over_replica_set_is_current() {
    for rs in objects("WorkloadReplicaSet") {
        let owner = rs["metadata"]["ownerReferences"][0]["name"].clone();
        let rs: WorkloadReplicaSet = serde_json::from_value(rs).unwrap();
        let deployment = objects("WorkloadDeployment")
            .into_iter()
            .find(|d| d["metadata"]["name"] == owner)
            .unwrap();
        let deployment: WorkloadDeployment = serde_json::from_value(deployment).unwrap();
        let mut wanted = deployment.spec.template.clone();
        if deployment.spec.kubernetes.is_some() {
            wanted
                .spec
                .kubernetes
                .clone_from(&deployment.spec.kubernetes);
        }
        assert!(hash::same_template(&wanted, &rs.spec.template));
        wanted.spec.components[0].image.push('x');
        assert!(!hash::same_template(&wanted, &rs.spec.template));
    }
}

#[test]
fn emptiness_makes_no_difference_but_values_do() {
    let template = |spec: Value| serde_json::from_value(serde_json::json!({"spec": spec})).unwrap();
    let bare = template(serde_json::json!({"components": [{"name": "a", "image": "i"}]}));
    let padded = template(serde_json::json!({
        "hostSelector": {}, "volumes": [],
        "components": [{"name": "a", "image": "i", "poolSize": 0, "localResources": {"environment": {}, "config": {}}}]
    }));
    let valued = template(serde_json::json!({
        "components": [{"name": "a", "image": "i", "localResources": {"config": {"k": ""}}}]
    }));
    assert!(hash::same_template(&bare, &padded));
    assert!(!hash::same_template(&bare, &valued));
}

#[test]
fn labels_change_the_name_of_a_replica_set_but_not_the_hash_of_the_spec() {
    let recorded: Vec<Value> = serde_json::from_str(HASHES).unwrap();
    let mut template: crd_types::WorkloadTemplate =
        serde_json::from_value(serde_json::json!({"spec": recorded[0]["spec"]})).unwrap();
    let bare = hash::template_hash(&template, 0);
    assert_eq!(bare, recorded[0]["hash"].as_str().unwrap());
    assert_ne!(bare, hash::template_hash(&template, 1));
    template.labels.insert("a".into(), "b".into());
    assert_ne!(bare, hash::template_hash(&template, 0));
    assert_eq!(bare, hash::spec_hash(&template.spec));
}

#[test]
fn the_manifest_of_the_migration_guide_means_what_it_says() {
    let object: Value = serde_saphyr::from_str(HELLO).unwrap();
    super::rules::assert_valid("WorkloadDeployment", &object);
    let deployment: WorkloadDeployment = round_trip(&object);
    assert_eq!(deployment.spec.desired(), 3);
    let spec = &deployment.spec.template.spec;
    assert_eq!(spec.host_selector["hostgroup"], "default");
    assert_eq!(spec.components[0].pool_size, 10);
    let http = &spec.host_interfaces[0];
    assert!(http.is("wasi", "http"));
    assert_eq!(http.config["address"], "0.0.0.0:8080");
    assert!(!http.config.contains_key("host"));
    let environment = spec.components[0]
        .local_resources
        .as_ref()
        .unwrap()
        .environment
        .as_ref()
        .unwrap();
    assert_eq!(environment.config["LOG_LEVEL"], "info");
    assert_eq!(environment.config_from[0].name, "app-config");
    assert_eq!(environment.secret_from[0].name, "app-secrets");
}
