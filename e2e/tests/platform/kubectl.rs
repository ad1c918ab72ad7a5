//! The platform through a real kubectl's eyes.

use anyhow::{Context, Result, ensure};
use testbed::kube::Kubectl;
use testbed::wait;

use crate::cluster::{Cluster, Hosts, SOON};
use crate::follow::Watch;
use crate::objects::{deployment, ready};

#[tokio::test]
async fn kubectl_shows_explains_and_follows() {
    wait::within(2 * wait::TEST, "kubectl", kubectl_shows())
        .await
        .unwrap()
        .unwrap();
}

async fn kubectl_shows() -> Result<()> {
    let cluster = Cluster::start(Hosts::One).await?;
    let kubectl = cluster.kubectl()?;
    let hello = cluster.publish("http-hello", "hello:1").await?;
    let mut followed = Watch::start(&kubectl, "workloaddeployments", &[])?;
    kubectl.apply(&deployment("hello", &hello, 2)).await?;
    let workloads = ready(&kubectl, "hello", 2)
        .await
        .with_context(|| cluster.logs())?;
    followed
        .until("hello with Ready True", |line| {
            line.starts_with("hello") && line.contains("True")
        })
        .await?;

    // Tables: the documented columns, and a row for each.
    let table = kubectl.run(&["get", "ww", "-o", "wide"]).await?;
    let header = table.lines().next().unwrap_or_default().to_owned();
    for column in ["NAME", "READY", "AGE", "REASON"] {
        ensure!(header.contains(column), "no column {column} in {header:?}");
    }
    for workload in &workloads {
        let name = workload["metadata"]["name"]
            .as_str()
            .context("a workload has a name")?;
        ensure!(
            table.lines().any(|line| line.starts_with(name)),
            "{name} is not in\n{table}"
        );
    }
    let table = kubectl
        .run(&["get", "ww,hosts", "-o", "wide", "--all-namespaces"])
        .await?;
    ensure!(
        table.contains("host.runtime.wasmcloud.dev/")
            && table.contains("workload.runtime.wasmcloud.dev/"),
        "{table}"
    );
    let table = kubectl.run(&["get", "workloaddeployments"]).await?;
    ensure!(
        table.contains("REPLICAS") && table.contains("AVAILABLE"),
        "{table}"
    );

    let described = kubectl
        .run(&["describe", "workloaddeployment/hello"])
        .await?;
    for part in ["Name:", "Conditions:", "Replicas:", "Events:"] {
        ensure!(described.contains(part), "no {part:?} in\n{described}");
    }
    let explained = kubectl.run(&["explain", "workloaddeployment.spec"]).await?;
    ensure!(
        explained.contains("replicas") && explained.contains("<integer>"),
        "{explained}"
    );
    let explained = kubectl
        .run(&[
            "explain",
            "workloaddeployment.spec.template.spec.components.image",
        ])
        .await?;
    ensure!(
        explained.contains("FIELD: image <string>") && explained.contains("DESCRIPTION"),
        "{explained}"
    );
    let waited = kubectl
        .run(&[
            "wait",
            "--for=condition=Ready",
            "--timeout=10s",
            "workloaddeployment/hello",
        ])
        .await?;
    ensure!(waited.contains("condition met"), "{waited}");

    // A manifest that breaks a rule is refused with the field's name, by the schema and by CEL.
    let mistyped = deployment("bad", &hello, 1).replace("\"replicas\":1", "\"replicas\":\"one\"");
    refused(&kubectl, &mistyped, "spec.replicas").await?;
    let bad = deployment("bad", &hello, 1);
    let (_, bad) = bad
        .split_once("---")
        .context("a Service, then a deployment")?;
    let mut doubled: serde_json::Value = serde_json::from_str(bad)?;
    let interfaces = &mut doubled["spec"]["template"]["spec"]["hostInterfaces"];
    *interfaces = serde_json::json!([interfaces[0], interfaces[0]]);
    // kubectl writes Lists (`get -o yaml`), so it must be able to apply them.
    let doubled = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": [doubled]});
    refused(
        &kubectl,
        &doubled.to_string(),
        "must not contain duplicate entries",
    )
    .await?;

    kubectl
        .run(&["scale", "workloaddeployment/hello", "--replicas=3"])
        .await?;
    ready(&kubectl, "hello", 3)
        .await
        .with_context(|| cluster.logs())?;
    let deleted = kubectl
        .run(&["delete", "workloaddeployment/hello", "--timeout=25s"])
        .await?;
    ensure!(deleted.contains("deleted"), "{deleted}");
    wait::until(SOON, "no workloads", || async {
        let table = kubectl.try_run(&["get", "ww"]).await?;
        ensure!(table.stderr.contains("No resources found"), "{table:?}");
        Ok::<_, anyhow::Error>(())
    })
    .await
}

async fn refused(kubectl: &Kubectl, manifest: &str, why: &str) -> Result<()> {
    let run = kubectl
        .run_with_input(&["apply", "-f", "-"], manifest)
        .await?;
    ensure!(
        run.code == Some(1) && run.stderr.contains(why),
        "not refused for {why:?}: {run:?}"
    );
    Ok(())
}
