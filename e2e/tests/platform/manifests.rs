//! Manifests as users have them: the examples', and the one of the migration guide.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use testbed::wait;

use crate::cluster::{Cluster, Hosts, get};
use crate::objects::ready;

fn read(path: &str) -> Result<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// The manifest with `from` replaced, which must be in it.
fn replaced(manifest: &str, from: &str, to: &str) -> Result<String> {
    ensure!(manifest.contains(from), "{from:?} is not in\n{manifest}");
    Ok(manifest.replace(from, to))
}

#[tokio::test]
async fn configuration_reaches_the_component() {
    wait::within(2 * wait::TEST, "examples/http-config", http_config())
        .await
        .unwrap()
        .unwrap();
}

async fn http_config() -> Result<()> {
    let cluster = Cluster::start(Hosts::One).await?;
    let kubectl = cluster.kubectl()?;
    let image = cluster.publish("http-config", "http-config:1").await?;
    let manifest = read("examples/http-config/workload.yaml")?;
    kubectl
        .apply(&replaced(&manifest, "localhost/http-config:0.1.0", &image)?)
        .await?;
    ready(&kubectl, "http-config", 3)
        .await
        .with_context(|| cluster.logs())?;

    let answer = cluster.get(0, "http-config.default", "/").await?;
    for line in [
        "COLOR=green",
        "GREETING=hello",
        "REGION=home",
        "PASSPHRASE=open sesame",
    ] {
        assert!(
            answer.body.lines().any(|seen| seen.trim() == line),
            "no {line} in {answer:?}"
        );
    }
    assert_eq!(
        cluster.get(0, "http-config.default", "/limit").await?.body,
        "10\n"
    );
    assert_eq!(
        cluster.get(0, "http-config.default", "/source").await?.body,
        "host interface\n"
    );
    assert_eq!(
        cluster
            .get(0, "http-config.default", "/unset")
            .await?
            .status,
        404
    );
    // A secret is in no status and no Event.
    let shown = kubectl
        .run(&[
            "get",
            "ww,workloaddeployments,workloadreplicasets,events",
            "-o",
            "yaml",
        ])
        .await?;
    assert!(!shown.contains("open sesame"), "{shown}");
    Ok(())
}

#[tokio::test]
async fn the_migration_guides_manifest_runs() {
    wait::within(2 * wait::TEST, "hello-world", hello_world())
        .await
        .unwrap()
        .unwrap();
}

async fn hello_world() -> Result<()> {
    let mut cluster = Cluster::start(Hosts::One).await?;
    let kubectl = cluster.kubectl()?;
    let image = cluster.publish("http-hello", "hello-world:1").await?;
    let port = testbed::free_port()?;
    let manifest = read("crd-types/tests/fixtures/hello-world.yaml")?;
    let manifest = replaced(
        &manifest,
        "registry.example/samples/hello-world:0.1.0",
        &image,
    )?;
    let manifest = replaced(&manifest, "0.0.0.0:8080", &format!("0.0.0.0:{port}"))?;
    kubectl
        .run(&[
            "create",
            "configmap",
            "app-config",
            "--from-literal=MODE=test",
        ])
        .await?;
    kubectl
        .run(&[
            "create",
            "secret",
            "generic",
            "app-secrets",
            "--from-literal=KEY=value",
        ])
        .await?;
    kubectl.apply(&manifest).await?;
    ready(&kubectl, "hello-world", 3)
        .await
        .with_context(|| cluster.logs())?;
    // The port is the Deployment's own: any Host header will do.
    let address = cluster.reach(0, port).await?;
    let answer = get(&address, "anything.test", "/").await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    Ok(())
}
