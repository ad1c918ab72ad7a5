//! The objects of the bench, and waiting for them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use crd_types::{Host, Workload, WorkloadDeployment, condition};
use futures::{StreamExt, TryStreamExt, stream};
use kube::api::{ListParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use testbed::fake_hosts::FakeFleet;

use crate::cluster::eventually;
use crate::measure::{requests, writes};
use crate::operator::Operator;

/// Creates at one time.
const AT_A_TIME: usize = 16;
/// Time without a step forward after which there will be none.
const STANDSTILL: Duration = Duration::from_mins(1);
/// Time without a write that counts as rest, beyond what a fleet at rest writes now and then.
const QUIET: Duration = Duration::from_secs(5);
/// Writes in that time which a fleet at rest may make.
const NOW_AND_THEN: u64 = 10;

/// Lists from the API server's own cache: the bench is not what it measures.
fn cached() -> ListParams {
    ListParams::default().match_any()
}

fn is_ready(conditions: &[crd_types::Condition]) -> bool {
    condition::is_true(conditions, "Ready")
}

pub async fn hosts_ready(client: &Client, count: usize) -> Result<()> {
    eventually("all hosts to be Ready", || async {
        let ready = ready_hosts(client).await?;
        ensure!(ready == count, "{ready} of {count}");
        Ok(())
    })
    .await
}

async fn ready_hosts(client: &Client) -> Result<usize> {
    let hosts: Api<Host> = Api::namespaced(client.clone(), "default");
    let all = hosts.list(&cached()).await?;
    let ready = |h: &&Host| h.status.as_ref().is_some_and(|s| is_ready(&s.conditions));
    Ok(all.iter().filter(ready).count())
}

pub async fn hosts_not_ready(client: &Client) -> Result<usize> {
    let hosts: Api<Host> = Api::namespaced(client.clone(), "default");
    Ok(hosts.list(&cached()).await?.items.len() - ready_hosts(client).await?)
}

pub fn deployment(name: &str, replicas: usize) -> Result<WorkloadDeployment> {
    Ok(serde_json::from_value(json!({
        "apiVersion": "runtime.wasmcloud.dev/v1alpha1", "kind": "WorkloadDeployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"replicas": replicas, "template": {"spec": {
            "hostSelector": {"hostgroup": "default"},
            "components": [{
                "name": "http", "image": "registry.example/bench/http:1",
                "localResources": {"environment": {"config": {"LEVEL": "info"}}},
            }],
            "hostInterfaces": [
                {"namespace": "wasi", "package": "http", "interfaces": ["incoming-handler"],
                 "config": {"host": format!("{name}.example")}},
                {"namespace": "wasi", "package": "config", "version": "0.2.0-rc.1", "interfaces": ["store"]},
            ],
        }}},
    }))?)
}

/// Creates Deployments until there are so many Workloads.
pub async fn create(client: &Client, workloads: usize, replicas: usize) -> Result<()> {
    let api: Api<WorkloadDeployment> = Api::namespaced(client.clone(), "default");
    let parts = (0..workloads).step_by(replicas).enumerate();
    stream::iter(parts)
        .map(|(n, first)| {
            let api = api.clone();
            async move {
                let object = deployment(&format!("app-{n:05}"), replicas.min(workloads - first))?;
                api.create(&PostParams::default(), &object).await?;
                anyhow::Ok(())
            }
        })
        .buffer_unordered(AT_A_TIME)
        .try_collect()
        .await
}

pub async fn deployments_ready(
    client: &Client,
    workloads: usize,
    replicas: usize,
    say: &impl Fn(&str),
) -> Result<()> {
    let api: Api<WorkloadDeployment> = Api::namespaced(client.clone(), "default");
    let count = workloads.div_ceil(replicas);
    let (mut best, mut moved) = (0, Instant::now());
    loop {
        let all = api.list(&cached()).await?;
        let done = |d: &&WorkloadDeployment| {
            d.status.as_ref().is_some_and(|s| {
                is_ready(&s.conditions) && s.observed_generation == d.metadata.generation
            })
        };
        let ready = all.iter().filter(done).count();
        if ready == count {
            return Ok(());
        }
        if ready > best {
            (best, moved) = (ready, Instant::now());
            say(&format!("{ready} of {count} Deployments are Ready"));
        }
        if moved.elapsed() > STANDSTILL {
            let waiting = all.iter().find(|d| !done(d));
            let conditions = waiting
                .and_then(|d| d.status.as_ref())
                .map(|s| &s.conditions);
            bail!(
                "nothing moves: {ready} of {count} Deployments are Ready; one says {conditions:?}"
            );
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Every Workload is Ready, runs on the host its status names, and on no other; and nothing else runs.
pub async fn verify(client: &Client, fleet: &FakeFleet, count: usize) -> Result<()> {
    let api: Api<Workload> = Api::namespaced(client.clone(), "default");
    let all = api.list(&cached()).await?.items;
    ensure!(all.len() == count, "{} Workloads, not {count}", all.len());
    let wanted: BTreeMap<String, Vec<String>> = all
        .iter()
        .map(|w| {
            let status = w.status.clone().unwrap_or_default();
            ensure!(
                is_ready(&status.conditions),
                "{} is not Ready",
                w.name_any()
            );
            Ok((
                w.uid().unwrap_or_default(),
                status.host_id.into_iter().collect(),
            ))
        })
        .collect::<Result<_>>()?;
    let running = fleet.running();
    for (id, hosts) in &wanted {
        let found = running.get(id);
        ensure!(
            found == Some(hosts),
            "{id} runs on {found:?}, not on {hosts:?}"
        );
    }
    ensure!(running.len() == count, "{} run, not {count}", running.len());
    Ok(())
}

/// Waits until the operator has written what there was to write.
pub async fn quiet(operator: &Operator) -> Result<()> {
    eventually("the operator to come to rest", || async {
        let before = writes(&requests(&operator.metrics().await?));
        tokio::time::sleep(QUIET).await;
        let now = writes(&requests(&operator.metrics().await?)) - before;
        ensure!(now <= NOW_AND_THEN, "{now} writes in {QUIET:?}");
        Ok(())
    })
    .await
}
