//! Answers and state changes of hosts are doubled, late, out of order, or lost.

use super::cut::Cut;
use super::server;
use super::town::{End, Town};
use anyhow::{Context, Result};
use kube::Client;
use operator::Waits;
use std::time::Duration;
use testbed::fake_hosts::Faults;
use testbed::wait::{TEST, within};

const IMAGE: &str = "registry.example/hello:1";
const NEXT: &str = "registry.example/hello:2";

/// Six replicas, a rollout and the end, over this network.
async fn live(client: &Client, name: &str, faults: Faults) -> Result<()> {
    let mut town = Town::new(client, &format!("{name}-{}", faults.seed)).await?;
    town.fleet.faults(faults);
    let mut options = town.options();
    // What is lost is noticed after this time: shorter than anybody would set it, since a test waits for it.
    options.waits = Waits {
        start: Duration::from_secs(2),
        stop: Duration::from_secs(2),
        answer: Duration::from_secs(1),
    };
    let cut = Cut::never();
    town.operate_with(&cut, cut.client(client), options);
    let story = async {
        town.apply(6, IMAGE).await?;
        town.comes_to(End::Replicas(6, IMAGE)).await?;
        town.apply(3, NEXT).await?;
        town.comes_to(End::Replicas(3, NEXT)).await?;
        town.delete().await?;
        town.comes_to(End::Nothing).await
    };
    story
        .await
        .with_context(|| format!("{name} with seed {}", faults.seed))?;
    town.crash();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_doubled_and_late_leave_each_workload_running_once() -> Result<()> {
    within(TEST, "Deployments over bad networks", async {
        let (client, _server) = server().await?;
        let faults = |seed| Faults {
            doubled: 0.4,
            delay: Duration::from_millis(300),
            seed,
            ..Faults::default()
        };
        tokio::try_join!(
            live(&client, "late", faults(7)),
            live(&client, "late", faults(8)),
            live(&client, "late", faults(9))
        )?;
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_lost_leave_each_workload_running_once() -> Result<()> {
    within(TEST, "Deployments over networks that lose", async {
        let (client, _server) = server().await?;
        let faults = |seed| Faults {
            lost: 0.2,
            doubled: 0.1,
            delay: Duration::from_millis(100),
            seed,
        };
        tokio::try_join!(
            live(&client, "lossy", faults(1)),
            live(&client, "lossy", faults(2)),
            live(&client, "lossy", faults(3))
        )?;
        Ok(())
    })
    .await?
}
