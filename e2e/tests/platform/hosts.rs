//! Several hosts over a real nats-server: spreading, a lost host, a restarted operator.

use anyhow::{Context, Result};
use testbed::wait;

use crate::cluster::{Cluster, Hosts, SOON};
use crate::objects::{condition, deployment, list, placements, ready, spread};

#[tokio::test]
async fn replicas_spread_and_a_killed_hosts_are_replaced() {
    wait::within(3 * wait::TEST, "two hosts", two_hosts())
        .await
        .unwrap()
        .unwrap();
}

async fn two_hosts() -> Result<()> {
    let mut cluster = Cluster::start(Hosts::TwoOverNats).await?;
    let kubectl = cluster.kubectl()?;
    let hello = cluster.publish("http-hello", "hello:1").await?;
    kubectl.apply(&deployment("hello", &hello, 3)).await?;
    let placed = ready(&kubectl, "hello", 3)
        .await
        .with_context(|| cluster.logs())?;
    let mut counts: Vec<_> = spread(&placed).into_values().collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 2]);
    for index in 0..2 {
        assert_eq!(
            cluster.get(index, "hello.default", "/").await?.status,
            200,
            "host {index}"
        );
    }

    cluster.kill_host(1).await?;
    let lost = cluster.host_name(1).to_owned();
    let replaced = wait::until(
        wait::TEST,
        "three replicas on the host that is left",
        || async {
            let workloads = list(&kubectl, "workloads").await?;
            let ready: Vec<_> = workloads
                .iter()
                .filter(|workload| crate::objects::is_ready(workload))
                .cloned()
                .collect();
            let spread = spread(&ready);
            anyhow::ensure!(
                ready.len() == 3 && spread.len() == 1,
                "{spread:?} of {} workloads",
                workloads.len()
            );
            Ok::<_, anyhow::Error>(ready)
        },
    )
    .await
    .with_context(|| cluster.logs())?;
    assert_eq!(cluster.get(0, "hello.default", "/").await?.status, 200);

    // Those on the surviving host were left alone.
    let survivor = replaced[0]["status"]["hostId"].clone();
    let stayed: Vec<_> = placed
        .into_iter()
        .filter(|workload| workload["status"]["hostId"] == survivor)
        .collect();
    let now = placements(&replaced);
    for kept in placements(&stayed) {
        assert!(now.contains(&kept), "{kept} was not kept: {now:?}");
    }
    // Whoever looks at the hosts sees which is lost, and why.
    let hosts = list(&kubectl, "hosts").await?;
    let gone = hosts
        .iter()
        .find(|host| host["metadata"]["name"] == lost.as_str());
    if let Some(gone) = gone {
        let ready = condition(gone, "Ready").context("the lost host has a condition Ready")?;
        assert_eq!(
            (&ready["status"], &ready["reason"]),
            (&"False".into(), &"HostLost".into())
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_restarted_operator_moves_nothing() {
    wait::within(3 * wait::TEST, "the operator's restart", operator_restart())
        .await
        .unwrap()
        .unwrap();
}

async fn operator_restart() -> Result<()> {
    let mut cluster = Cluster::start(Hosts::TwoOverNats).await?;
    let kubectl = cluster.kubectl()?;
    let hello = cluster.publish("http-hello", "hello:1").await?;
    kubectl.apply(&deployment("hello", &hello, 3)).await?;
    let before = placements(
        &ready(&kubectl, "hello", 3)
            .await
            .with_context(|| cluster.logs())?,
    );

    cluster.restart_operator().await?;
    // Only an operator that works can answer this: until it did, nothing could have moved.
    kubectl.apply(&deployment("witness", &hello, 1)).await?;
    let all = wait::until(wait::TEST, "a new deployment after the restart", || async {
        let workloads = list(&kubectl, "workloads").await?;
        let ready = workloads
            .iter()
            .filter(|workload| crate::objects::is_ready(workload))
            .count();
        anyhow::ensure!(ready == 4, "{ready} of {} workloads ready", workloads.len());
        Ok::<_, anyhow::Error>(workloads)
    })
    .await
    .with_context(|| cluster.logs())?;
    let after: Vec<_> = placements(&all)
        .into_iter()
        .filter(|placement| !placement.starts_with("\"witness"))
        .collect();
    assert_eq!(after, before);
    for index in 0..2 {
        assert_eq!(
            cluster.get(index, "hello.default", "/").await?.status,
            200,
            "host {index}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn w03_a_host_that_was_killed_has_its_place_again_at_once() {
    wait::within(3 * wait::TEST, "a host's restart", host_restart())
        .await
        .unwrap()
        .unwrap();
}

async fn host_restart() -> Result<()> {
    let mut cluster = Cluster::start(Hosts::TwoOverNats).await?;
    let kubectl = cluster.kubectl()?;
    let hello = cluster.publish("http-hello", "hello:1").await?;
    kubectl.apply(&deployment("hello", &hello, 4)).await?;
    ready(&kubectl, "hello", 4)
        .await
        .with_context(|| cluster.logs())?;
    let name = cluster.host_name(1).to_owned();
    let id = || async {
        let hosts = list(&kubectl, "hosts").await?;
        let host = hosts.into_iter().find(|h| h["metadata"]["name"] == *name);
        anyhow::Ok(host.context("the host is listed")?["hostId"].clone())
    };
    let before = id().await?;

    cluster.kill_host(1).await?;
    cluster.start_host(1).await?;
    wait::until(SOON, "its new process under its name", || async {
        let now = id().await?;
        anyhow::ensure!(now != before, "{now}");
        anyhow::Ok(())
    })
    .await
    .with_context(|| cluster.logs())?;
    ready(&kubectl, "hello", 4)
        .await
        .with_context(|| cluster.logs())?;
    // Nothing is left of the old process: who is in the slice answers.
    let slices = list(&kubectl, "endpointslices").await?;
    let endpoints = slices.iter().filter_map(|s| s["endpoints"].as_array());
    for endpoint in endpoints.flatten() {
        let address = endpoint["addresses"][0].as_str().unwrap_or_default();
        let mut index = 0;
        while cluster.address(index).await? != address {
            index += 1;
        }
        let answer = cluster.get(index, "hello.default", "/").await?;
        assert_eq!(answer.status, 200, "{address}: {answer:?}");
    }
    Ok(())
}
