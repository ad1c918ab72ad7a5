//! From the apply of one Deployment to Ready, on a system that has nothing else to do.

use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use crd_types::{WorkloadDeployment, condition};
use futures::StreamExt;
use kube::api::{Patch, PatchParams, WatchEvent, WatchParams};
use kube::{Api, Client};

use crate::load::deployment;

const PATIENCE: Duration = Duration::from_secs(30);

/// Applies Deployments of one Workload one after another; the times from the request to the moment a watch shows it
/// Ready.
pub async fn measure(client: &Client, count: usize) -> Result<Vec<Duration>> {
    let mut all = Vec::with_capacity(count);
    for n in 0..count {
        let name = format!("single-{n:04}");
        let one = tokio::time::timeout(PATIENCE, one(client, &name)).await;
        all.push(one.with_context(|| format!("{name} is not Ready after {PATIENCE:?}"))??);
    }
    all.sort();
    Ok(all)
}

async fn one(client: &Client, name: &str) -> Result<Duration> {
    let api: Api<WorkloadDeployment> = Api::namespaced(client.clone(), "default");
    let version = api
        .list_metadata(&kube::api::ListParams::default().limit(1))
        .await?;
    let version = version.metadata.resource_version.unwrap_or_default();
    let selected = WatchParams::default().fields(&format!("metadata.name={name}"));
    let mut events = pin!(api.watch(&selected, &version).await?);
    let object = deployment(name, 1)?;
    let begun = Instant::now();
    api.patch(name, &PatchParams::apply("bench"), &Patch::Apply(&object))
        .await?;
    loop {
        let event = events.next().await.context("the watch has ended")??;
        if let WatchEvent::Added(seen) | WatchEvent::Modified(seen) = event {
            let conditions = seen.status.map(|s| s.conditions).unwrap_or_default();
            if condition::is_true(&conditions, "Ready") {
                return Ok(begun.elapsed());
            }
        }
    }
}
