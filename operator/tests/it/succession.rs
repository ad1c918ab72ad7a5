//! Who comes after whom: hosts under one name, operators over the same hosts.

use crate::estate::{Estate, PATIENCE};
use anyhow::{Result, ensure};
use kube::api::DeleteParams;
use serde_json::json;
use std::time::Duration;
use testbed::fake_hosts::{FakeHost, HostOptions, OnStop};
use testbed::wait::{TEST, until, within};

#[tokio::test(flavor = "multi_thread")]
async fn w45_a_name_is_not_taken_from_a_host_that_answers() -> Result<()> {
    within(TEST, "two hosts of one name", async {
        let estate = Estate::new("name").await?;
        let _operator = estate.operate(estate.options()).await?;
        let holder = estate.host(HostOptions::named("ours")).await?;
        estate.create("hello", json!({})).await?;
        estate.workload_ready("hello").await?;

        let claimant = FakeHost::with(&estate.bus(), HostOptions::named("ours")).await?;
        let event = estate.event("ours", "HeartbeatRejected").await?;
        let note = event.note.unwrap_or_default();
        ensure!(
            note.contains(&holder.id) && note.contains("let in when that one has left"),
            "{note}"
        );
        claimant.beat().await;
        let object = estate.hosts().get("ours").await?;
        ensure!(object.host_id == holder.id, "{}", object.host_id);
        estate.create("more", json!({})).await?;
        estate.workload_ready("more").await?;
        ensure!(holder.running().len() == 2 && claimant.starts() == 0);

        holder.die();
        claimant.beat().await;
        until(PATIENCE, "the claimant to have the name", || async {
            let object = estate.hosts().get("ours").await?;
            ensure!(object.host_id == claimant.id, "{}", object.host_id);
            ensure!(
                claimant.running().len() == 2,
                "{:?}",
                claimant.running().len()
            );
            anyhow::Ok(())
        })
        .await
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_begins_knows_what_a_host_speaks() -> Result<()> {
    within(TEST, "a stop across a restart", async {
        let estate = Estate::new("begins").await?;
        let operator = estate.operate(estate.options()).await?;
        let host = HostOptions {
            addresses: vec!["10.9.0.1".into()],
            ..HostOptions::named("ours")
        };
        let host = estate.host(host).await?;
        estate.create("hello", json!({})).await?;
        estate.workload_ready("hello").await?;
        until(PATIENCE, "the protocol in the status", || async {
            let status = estate.hosts().get("ours").await?.status;
            let status = status.unwrap_or_default();
            ensure!(status.protocol.is_some() && status.addresses == ["10.9.0.1"]);
            anyhow::Ok(())
        })
        .await?;
        operator.stop().await?;

        // A base stop is over when it is answered, one of the extension when nothing is left: whoever takes the host
        // for a base host lets go while it drains.
        host.on_stop(OnStop::StopsAfter(Duration::from_secs(1)));
        let deleted = DeleteParams::default();
        estate.workloads().delete("hello", &deleted).await?;
        let _operator = estate.operate(estate.options()).await?;
        until(PATIENCE, "the Workload to go", || async {
            let left = estate.workloads().get_opt("hello").await?;
            ensure!(left.is_none(), "it is there");
            anyhow::Ok(())
        })
        .await?;
        ensure!(
            host.held().is_empty(),
            "it went before the host had stopped it"
        );
        Ok(())
    })
    .await?
}
