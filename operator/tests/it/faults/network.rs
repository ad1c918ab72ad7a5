//! Answers and state changes of hosts are doubled, late and out of order.

use super::cut::Cut;
use super::server;
use super::town::{End, Town};
use anyhow::{Context, Result};
use kube::Client;
use std::time::Duration;
use testbed::fake_hosts::Faults;
use testbed::wait::{TEST, within};

const IMAGE: &str = "registry.example/hello:1";

async fn deploy(client: &Client, seed: u64) -> Result<()> {
    let mut town = Town::new(client, &format!("network-{seed}")).await?;
    town.fleet.faults(Faults {
        doubled: 0.4,
        delay: Duration::from_millis(300),
        seed,
        ..Faults::default()
    });
    town.operate(&Cut::never());
    town.apply(6, IMAGE).await?;
    town.comes_to(End::Replicas(6, IMAGE))
        .await
        .with_context(|| format!("seed {seed}"))?;
    town.crash();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_doubled_and_late_leave_each_workload_running_once() -> Result<()> {
    within(TEST, "Deployments over bad networks", async {
        let (client, _server) = server().await?;
        tokio::try_join!(deploy(&client, 7), deploy(&client, 8), deploy(&client, 9))?;
        Ok(())
    })
    .await?
}
