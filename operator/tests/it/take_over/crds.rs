//! The reference's CRDs: ours, cut down to the recorded fields, without what we are stricter in.

use anyhow::{Context, Result, ensure};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use testbed::wait::until;

const FIELDS: &str = include_str!("../../../../crd-types/tests/fixtures/reference-fields.txt");
/// What a schema says beyond names, types and defaults.
const STRICTER: [&str; 13] = [
    "x-kubernetes-validations",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "maxItems",
    "minItems",
    "maxLength",
    "minLength",
    "maxProperties",
    "minimum",
    "maximum",
    "pattern",
    "enum",
    "description",
];

/// Puts them in, as its chart does, and waits until they are served and published.
pub async fn install(client: &Client) -> Result<()> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    for crd in reference() {
        let params = PatchParams::apply("helm").force();
        api.patch(&crd.name_any(), &params, &Patch::Apply(&crd))
            .await?;
    }
    until(
        Duration::from_secs(20),
        "the CRDs to be published",
        || async {
            let request = http::Request::get("/openapi/v3")
                .header("accept", "application/json")
                .body(Vec::new())?;
            let index: Value = client.request(request).await?;
            let path = &index["paths"]["apis/runtime.wasmcloud.dev/v1alpha1"]["serverRelativeURL"];
            let url = path.as_str().context("not published")?;
            let request = http::Request::get(url)
                .header("accept", "application/json")
                .body(Vec::new())?;
            let document = client.request_text(request).await?;
            for kind in [
                "Artifact",
                "Host",
                "Workload",
                "WorkloadReplicaSet",
                "WorkloadDeployment",
            ] {
                ensure!(
                    document.contains(&format!("dev.wasmcloud.runtime.v1alpha1.{kind}\"")),
                    "{kind} is not published"
                );
            }
            anyhow::Ok(())
        },
    )
    .await
}

fn reference() -> Vec<CustomResourceDefinition> {
    crd_types::crds()
        .iter()
        .map(|crd| {
            let kind = &crd.spec.names.kind;
            let kept = kept(kind);
            let mut value = serde_json::to_value(crd).unwrap();
            let version = &mut value["spec"]["versions"][0];
            version
                .as_object_mut()
                .unwrap()
                .remove("additionalPrinterColumns");
            let schema = &mut version["schema"]["openAPIV3Schema"];
            cut(schema, "", &kept);
            if kind != "Host" {
                schema.as_object_mut().unwrap().remove("required");
            }
            serde_json::from_value(value).unwrap()
        })
        .collect()
}

/// Recorded paths of a kind and everything on the way to them.
fn kept(kind: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for line in FIELDS.lines().filter(|l| !l.starts_with('#')) {
        let mut words = line.split_whitespace();
        if words.next() != Some(kind) {
            continue;
        }
        let mut path = String::new();
        for step in words.next().unwrap().split('.') {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(step.trim_end_matches("[]"));
            all.insert(path.clone());
        }
    }
    all
}

fn cut(schema: &mut Value, path: &str, kept: &BTreeSet<String>) {
    let Some(fields) = schema.as_object_mut() else {
        return;
    };
    fields.retain(|name, _| !STRICTER.contains(&name.as_str()));
    if let Some(properties) = fields.get_mut("properties").and_then(Value::as_object_mut) {
        properties.retain(|name, field| {
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            cut(field, &path, kept);
            path == "metadata" || kept.contains(&path)
        });
        let left: BTreeSet<String> = properties.keys().cloned().collect();
        if let Some(required) = fields.get_mut("required").and_then(Value::as_array_mut) {
            required.retain(|name| left.contains(name.as_str().unwrap()));
        }
        if fields.get("required") == Some(&json!([])) {
            fields.remove("required");
        }
    }
    if let Some(items) = fields.get_mut("items") {
        cut(items, path, kept);
    }
    if let Some(values) = fields.get_mut("additionalProperties") {
        cut(values, path, kept);
    }
}
