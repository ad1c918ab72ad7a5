//! What hosts say, and what they are told, is doubled, late, out of order, or lost.

use super::cut::Cut;
use super::end::End;
use super::ground::Ground;
use super::town::Town;
use crate::witness::Witness;
use anyhow::{Context, Result, ensure};
use kube::Client;
use operator::Waits;
use std::time::Duration;
use testbed::fake_hosts::Faults;
use testbed::wait::{TEST, within};

const IMAGE: &str = "registry.example/hello:1";
const NEXT: &str = "registry.example/hello:2";

/// Four replicas, a rollout and the end, over this network.
async fn live(client: &Client, name: &str, faults: Faults) -> Result<()> {
    let mut town = Town::new(client, &format!("{name}-{}", faults.seed)).await?;
    town.fleet.faults(faults);
    let mut options = town.options();
    // What is lost is noticed after this time: shorter than anybody would set it, since a test waits for it.
    options.waits = Waits {
        start: Duration::from_secs(1),
        stop: Duration::from_secs(1),
        answer: Duration::from_millis(500),
    };
    let cut = Cut::never();
    town.operate_with(&cut, cut.client(client), options);
    town.knows_its_hosts().await?;
    let witness = Witness::of_hosts(client, &town.namespace).await?;
    let story = async {
        town.apply(4, IMAGE).await?;
        town.comes_to(&End::Replicas(4, IMAGE.into())).await?;
        town.apply(2, NEXT).await?;
        town.comes_to(&End::Replicas(2, NEXT.into())).await?;
        town.delete().await?;
        town.comes_to(&End::Nothing).await?;
        // Of the eight heartbeats in a window some always arrive, or a probe's answer does.
        let trouble = witness.trouble().await?;
        ensure!(trouble.is_empty(), "{trouble:?}");
        Ok(())
    };
    story
        .await
        .with_context(|| format!("{name} with seed {}", faults.seed))?;
    town.crash();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_are_doubled_and_late_leave_each_workload_running_once() -> Result<()> {
    within(TEST, "Deployments over bad networks", async {
        let ground = Ground::embedded().await?;
        let faults = |seed| Faults {
            doubled: 0.4,
            delay: Duration::from_millis(300),
            beats: true,
            commands: true,
            seed,
            ..Faults::default()
        };
        tokio::try_join!(
            live(&ground.client, "late", faults(7)),
            live(&ground.client, "late", faults(8)),
            live(&ground.client, "late", faults(9))
        )?;
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_are_lost_leave_each_workload_running_once() -> Result<()> {
    within(TEST, "Deployments over networks that lose", async {
        let ground = Ground::embedded().await?;
        let answers = |seed| Faults {
            lost: 0.2,
            doubled: 0.1,
            delay: Duration::from_millis(100),
            seed,
            ..Faults::default()
        };
        // Of a command and its answer one is lost as often as above, nearly.
        let all = |seed| Faults {
            lost: 0.08,
            beats: true,
            commands: true,
            ..answers(seed)
        };
        tokio::try_join!(
            live(&ground.client, "lossy", answers(1)),
            live(&ground.client, "lossy", answers(2)),
            live(&ground.client, "lossy", all(3)),
            live(&ground.client, "lossy", all(4))
        )?;
        Ok(())
    })
    .await?
}
