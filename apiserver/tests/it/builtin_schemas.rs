//! The generated tables of built-in kinds are those of the pinned Kubernetes.
//!
//! `UPDATE_SCHEMAS=1 cargo test -p apiserver --test it builtin_schemas` writes
//! `src/registry/builtin-schemas.json` anew from the OpenAPI documents of the real server.

use std::collections::{BTreeMap, BTreeSet};

use http::Request;
use serde_json::{Value, json};
use testbed::kube::ControlPlane;

use crate::server::within;

const PREFIX: &str = "#/components/schemas/";
const DOCUMENTS: &[&str] = &[
    "api/v1",
    "apis/apiextensions.k8s.io/v1",
    "apis/authentication.k8s.io/v1",
    "apis/authorization.k8s.io/v1",
    "apis/coordination.k8s.io/v1",
    "apis/discovery.k8s.io/v1",
    "apis/events.k8s.io/v1",
    "apis/rbac.authorization.k8s.io/v1",
];
/// Group and kinds, each in v1.
const KINDS: &[(&str, &str)] = &[
    (
        "",
        "Namespace ConfigMap Secret Service ServiceAccount Event Pod Node Endpoints",
    ),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    (
        "authentication.k8s.io",
        "TokenReview TokenRequest SelfSubjectReview",
    ),
    (
        "authorization.k8s.io",
        "SubjectAccessReview SelfSubjectAccessReview LocalSubjectAccessReview SelfSubjectRulesReview",
    ),
    ("autoscaling", "Scale"),
    ("coordination.k8s.io", "Lease"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("events.k8s.io", "Event"),
    (
        "rbac.authorization.k8s.io",
        "Role ClusterRole RoleBinding ClusterRoleBinding",
    ),
];

fn path(file: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src")
        .join(file)
}

/// Types, not prose.
fn strip(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if map.get("description").is_some_and(Value::is_string) {
                map.remove("description");
            }
            map.values_mut().for_each(strip);
        }
        Value::Array(list) => list.iter_mut().for_each(strip),
        _ => {}
    }
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            if let Some(name) = map
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|r| r.strip_prefix(PREFIX))
            {
                found.insert(name.to_owned());
            }
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

async fn real() -> BTreeMap<String, Value> {
    let plane = ControlPlane::start().await.unwrap();
    let client = plane.client().await.unwrap();
    let mut all: BTreeMap<String, Value> = BTreeMap::new();
    for path in DOCUMENTS {
        let request = Request::get(format!("/openapi/v3/{path}"))
            .body(Vec::new())
            .unwrap();
        let document: Value = client.request(request).await.unwrap();
        all.extend(
            document["components"]["schemas"]
                .as_object()
                .unwrap()
                .clone(),
        );
    }
    let mut wanted = BTreeSet::from(["io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta".to_owned()]);
    for (group, kinds) in KINDS {
        for kind in kinds.split(' ') {
            let gvk = json!({"group": group, "version": "v1", "kind": kind});
            let declares = |schema: &Value| {
                schema["x-kubernetes-group-version-kind"]
                    .as_array()
                    .is_some_and(|list| list.contains(&gvk))
            };
            let found = all.iter().find(|(_, schema)| declares(schema));
            wanted.insert(found.unwrap_or_else(|| panic!("no {kind}")).0.clone());
        }
    }
    let mut taken = BTreeMap::new();
    while let Some(name) = wanted.pop_first() {
        if taken.contains_key(&name) {
            continue;
        }
        let mut schema = all[&name].clone();
        strip(&mut schema);
        references(&schema, &mut wanted);
        taken.insert(name, schema);
    }
    taken
}

#[tokio::test]
async fn the_schemas_are_those_of_the_real_server() {
    within(async {
        let real = real().await;
        let file = path("registry/builtin-schemas.json");
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            let lines: Vec<String> = real
                .iter()
                .map(|(name, schema)| format!("{}:{schema}", json!(name)))
                .collect();
            std::fs::write(&file, format!("{{\n{}\n}}\n", lines.join(",\n"))).unwrap();
        }
        let ours: BTreeMap<String, Value> =
            serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let names = |map: &BTreeMap<String, Value>| map.keys().cloned().collect::<Vec<_>>();
        assert_eq!(
            names(&ours),
            names(&real),
            "run it again with UPDATE_SCHEMAS=1"
        );
        for (name, schema) in &real {
            assert_eq!(
                &ours[name], schema,
                "{name}: run it again with UPDATE_SCHEMAS=1"
            );
        }
    })
    .await;
}

/// Field numbers never change; a field that is new in the schemas must get its number here.
#[test]
fn protobuf_knows_every_field_of_the_schemas() {
    let read = |file: &str| -> Value {
        serde_json::from_str(&std::fs::read_to_string(path(file)).unwrap()).unwrap()
    };
    let (schemas, wire) = (
        read("registry/builtin-schemas.json"),
        read("rest/builtin-wire.json"),
    );
    let mut compared = 0;
    for (message, fields) in wire["messages"].as_object().unwrap() {
        let name = match message.split_once('.') {
            Some(("apis" | "api" | "util" | "runtime", _)) => {
                format!("io.k8s.apimachinery.pkg.{message}")
            }
            _ => format!("io.k8s.api.{message}"),
        };
        let Some(properties) = schemas[&name]["properties"].as_object() else {
            continue;
        };
        let mut numbered: BTreeSet<&str> = fields
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|field| field[1].as_str())
            .collect();
        // Go embeds these; JSON shows their fields in place.
        let embedded = [
            "localObjectReference",
            "volumeSource",
            "ephemeralContainerCommon",
            "handler",
            "probeHandler",
        ];
        if embedded
            .iter()
            .any(|field| numbered.remove(field) && !properties.contains_key(*field))
        {
            continue;
        }
        let declared: BTreeSet<&str> = properties
            .keys()
            .map(String::as_str)
            .filter(|name| !["apiVersion", "kind"].contains(name))
            .collect();
        numbered.retain(|name| !["apiVersion", "kind"].contains(name));
        assert_eq!(numbered, declared, "{message}");
        compared += 1;
    }
    assert!(compared > 150, "only {compared} messages were compared");
}
