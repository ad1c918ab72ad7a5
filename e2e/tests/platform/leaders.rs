//! Two operators, one Lease: whoever leads may go at any moment, and nothing is done twice.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testbed::wait;

use crate::cluster::{Apart, Cluster, Starts};
use crate::follow::Watch;
use crate::objects::{ROLLOUT, deployment, is_ready, list, object, placements, ready};

/// A Lease lasts 15 s, and whoever stands by looks at it every 2 s.
const LEASE: Duration = Duration::from_secs(15 + 2);
/// What it takes a leader that was told to go: it lets go of the Lease, and the other looks.
const HANDOVER: Duration = Duration::from_secs(8);
/// For the machine's own slowness.
const SLACK: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_leader_that_dies_or_leaves_is_followed_and_nothing_is_done_twice() {
    wait::within(4 * wait::TEST, "a change of leaders", leaders())
        .await
        .unwrap()
        .unwrap();
}

async fn leaders() -> Result<()> {
    let plan = Apart {
        operators: 2,
        hosts: 2,
        ..Apart::default()
    };
    let mut cluster = Cluster::apart(&plan).await?;
    let kubectl = cluster.kubectl()?;
    let mut starts = Starts::follow(&cluster).await?;
    let hello = cluster.publish("http-hello", "hello:1").await?;
    let mut seen = Watch::start(&kubectl, "workloads", &["--output-watch-events"])?;
    kubectl.apply(&deployment("hello", &hello, 3)).await?;
    let placed = ready(&kubectl, "hello", 3)
        .await
        .with_context(|| cluster.logs())?;
    let before = placements(&placed);

    // `kill -9`: the Lease has to run out first.
    let first = cluster.leader().await?;
    let second = 1 - first;
    let died = Instant::now();
    cluster.kill_operator(first).await?;
    kubectl.apply(&deployment("witness", &hello, 1)).await?;
    cluster.leads(second, LEASE + SLACK).await?;
    ensure!(
        died.elapsed() < LEASE + SLACK,
        "followed after {:?}",
        died.elapsed()
    );
    let witness = deployed(&cluster, "witness").await?;
    ensure!(kept(&cluster, &before).await?, "something was moved");

    // SIGTERM: the Lease is let go of at once.
    cluster.start_operator(first).await?;
    let told = Instant::now();
    cluster.stop_operator(second).await?;
    cluster.leads(first, HANDOVER).await?;
    ensure!(
        told.elapsed() < HANDOVER,
        "followed after {:?}",
        told.elapsed()
    );
    kubectl.apply(&deployment("last", &hello, 1)).await?;
    let last = deployed(&cluster, "last").await?;
    ensure!(kept(&cluster, &before).await?, "something was moved");

    // Through all of it each workload was made once, started once and deleted never.
    let lines = seen
        .until("the last workload", |line| line.contains(&last))
        .await?;
    let removed: Vec<_> = lines.iter().filter(|l| l.starts_with("DELETED")).collect();
    ensure!(removed.is_empty(), "{removed:?}");
    let mut expected: Vec<String> = list(&kubectl, "workloads")
        .await?
        .iter()
        .filter_map(|workload| Some(workload["metadata"]["uid"].as_str()?.to_owned()))
        .collect();
    expected.sort_unstable();
    ensure!(
        expected.len() == 5,
        "{expected:?}; {witness} is one of them"
    );
    let started = starts.so_far().await?;
    ensure!(started == expected, "started {started:?} for {expected:?}");
    cluster.nothing_was_refused()
}

/// Waits until the deployment of one replica is Ready; returns its workload's name.
async fn deployed(cluster: &Cluster, name: &str) -> Result<String> {
    let kubectl = cluster.kubectl()?;
    wait::until(ROLLOUT, &format!("{name} to be Ready"), || async {
        let deployment = object(&kubectl, &format!("workloaddeployment/{name}")).await?;
        ensure!(is_ready(&deployment), "{}", deployment["status"]);
        let workloads = list(&kubectl, "workloads").await?;
        let names = workloads
            .iter()
            .filter_map(|workload| workload["metadata"]["name"].as_str());
        names
            .filter(|workload| workload.starts_with(name))
            .map(str::to_owned)
            .next()
            .with_context(|| Value::from(workloads.clone()).to_string())
    })
    .await
    .with_context(|| cluster.logs())
}

/// Whether everything that was placed is where it was, as it was.
async fn kept(cluster: &Cluster, before: &[String]) -> Result<bool> {
    let now = placements(&list(&cluster.kubectl()?, "workloads").await?);
    Ok(before.iter().all(|placement| now.contains(placement)))
}
