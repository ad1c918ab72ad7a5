//! What the suite runs in a kind cluster is what a Kubernetes API server takes, also where there is no kind.

use anyhow::{Result, ensure};
use serde_json::json;
use testbed::kube::ControlPlane;
use testbed::wait;

use crate::cluster::{SYSTEM, pod_manifests};

#[tokio::test]
async fn the_manifests_of_a_cluster_with_pods_are_valid() {
    wait::within(wait::TEST, "the manifests", valid())
        .await
        .unwrap()
        .unwrap();
}

async fn valid() -> Result<()> {
    let plane = ControlPlane::start().await?;
    let kubectl = plane.kubectl()?;
    kubectl.run(&["create", "namespace", SYSTEM]).await?;
    let list = json!({"apiVersion": "v1", "kind": "List", "items": pod_manifests()});
    let apply = ["apply", "--dry-run=server", "--validate=strict", "-f", "-"];
    let run = kubectl.run_with_input(&apply, &list.to_string()).await?;
    ensure!(run.code == Some(0) && run.stderr.is_empty(), "{run:?}");
    Ok(())
}
