//! The CustomResourceDefinitions, finished: what derive makes, without what it makes wrongly for us.

use crate::{Artifact, Host, Workload, WorkloadDeployment, WorkloadReplicaSet};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// The CRDs of all five kinds, in the order of their names.
///
/// `nullable` is removed everywhere: the API server then drops a `null` before it applies defaults, as it does
/// with the reference's CRDs.
pub fn crds() -> Vec<CustomResourceDefinition> {
    vec![
        finish(serde_json::to_value(Artifact::crd())),
        finish(Ok(host())),
        finish(serde_json::to_value(WorkloadDeployment::crd())),
        finish(serde_json::to_value(WorkloadReplicaSet::crd())),
        finish(serde_json::to_value(Workload::crd())),
    ]
}

/// A CRD as YAML, with a header that says where it comes from. The same for the same types.
pub fn to_yaml(crd: &CustomResourceDefinition) -> Result<String, serde_saphyr::ser::Error> {
    let body = serde_saphyr::to_string(crd)?;
    Ok(format!(
        "# Generated from crd-types by `cargo xtask crds`. Do not edit.\n{body}"
    ))
}

#[expect(
    clippy::expect_used,
    reason = "fixed input: a failure is a bug that every test of this crate shows"
)]
fn finish(crd: Result<Value, serde_json::Error>) -> CustomResourceDefinition {
    let mut crd = crd.expect("a CRD is JSON");
    if let Some(schema) = crd.pointer_mut("/spec/versions/0/schema/openAPIV3Schema") {
        tidy(schema);
    }
    serde_json::from_value(crd).expect("tidying keeps the shape")
}

/// Removes what the derived schema says beyond the reference's: `nullable`.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.remove("nullable");
            fields.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn host() -> Value {
    let settings = SchemaSettings::openapi3().with(|s| {
        s.inline_subschemas = true;
        s.meta_schema = None;
    });
    let settings = settings.with_transform(kube::core::schema::StructuralSchemaRewriter);
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<Host>()
        .to_value();
    if let Value::Object(root) = &mut schema {
        root.remove("title");
        root.insert("required".into(), json!(["hostId"]));
    }
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "hosts.runtime.wasmcloud.dev"},
        "spec": {
            "group": crate::GROUP,
            "names": {"kind": "Host", "plural": "hosts", "singular": "host", "shortNames": [], "categories": []},
            "scope": "Namespaced",
            "versions": [{
                "name": crate::VERSION,
                "served": true,
                "storage": true,
                "schema": {"openAPIV3Schema": schema},
                "subresources": {"status": Map::new()},
                "additionalPrinterColumns": [
                    {"name": "HOSTID", "type": "string", "jsonPath": ".hostId"},
                    {"name": "HOSTGROUP", "type": "string", "jsonPath": ".metadata.labels.hostgroup"},
                    {"name": "ENVIRONMENT", "type": "string", "jsonPath": ".environment"},
                    {"name": "READY", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"},
                    {"name": "AGE", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
                    {"name": "WORKLOADS", "type": "integer", "jsonPath": ".status.workloadCount", "priority": 1},
                    {"name": "CPU", "type": "string", "jsonPath": ".status.systemCPUUsage", "priority": 1},
                    {"name": "MEMORY", "type": "integer", "jsonPath": ".status.systemMemoryFree", "priority": 1},
                ],
            }],
        },
    })
}
