//! Starts that a host without inventory carries out when nobody waits for them any more. It pulls first, says nothing
//! meanwhile, and when asked does not have the workload.

use crate::estate::{Estate, PATIENCE};
use crate::life::{gone, has};
use anyhow::{Context, Result, ensure};
use kube::ResourceExt;
use kube::api::DeleteParams;
use operator::{OperatorOptions, Waits};
use serde_json::json;
use std::time::Duration;
use testbed::fake_hosts::{Did, FakeHost, HostOptions, OnStart, Speaks};
use testbed::wait::{TEST, until, within};

/// A start is waited for half a second.
fn impatient(estate: &Estate) -> OperatorOptions {
    OperatorOptions {
        waits: Waits {
            start: Duration::from_millis(500),
            ..Waits::default()
        },
        ..estate.options()
    }
}

/// A host without inventory that says nothing to starts.
async fn silent(estate: &Estate, name: &str) -> Result<FakeHost> {
    let options = HostOptions::named(name).speaks(Speaks::Base);
    let host = estate.host(options).await?;
    host.on_start(OnStart::Silent);
    Ok(host)
}

async fn owes(estate: &Estate, host: &str, wanted: &[&str]) -> Result<()> {
    until(PATIENCE, &format!("{wanted:?} to be owed"), || async {
        let status = estate.hosts().get(host).await?.status.unwrap_or_default();
        let owed: Vec<_> = status.owed_stops.iter().map(|o| o.name.as_str()).collect();
        ensure!(owed == wanted, "{owed:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn w09_a_start_that_comes_to_something_after_the_deletion_is_undone() -> Result<()> {
    within(TEST, "late starts of what was deleted", async {
        let estate = Estate::new("late-deleted").await?;
        let operator = estate.operate(impatient(&estate)).await?;
        let host = silent(&estate, "pulls").await?;
        let slow = estate.create("slow", json!({})).await?;
        let uid = slow.uid().context("a uid")?;
        until(PATIENCE, "two starts that go unanswered", || async {
            ensure!(host.starts() == 2, "{}", host.starts());
            Ok(())
        })
        .await?;
        let now = DeleteParams::background();
        estate.workloads().delete("slow", &now).await?;
        gone(&estate, "slow").await?;
        // It was written down before anybody let go.
        owes(&estate, "pulls", &["slow"]).await?;

        ensure!(host.take_late().await.as_ref() == Some(&uid));
        has(&host, &[]).await?;
        // The other is still to come, whoever leads by then.
        owes(&estate, "pulls", &["slow"]).await?;
        operator.stop().await?;
        let _operator = estate.operate(impatient(&estate)).await?;
        host.beat().await;
        ensure!(host.take_late().await.as_ref() == Some(&uid));
        has(&host, &[]).await?;
        owes(&estate, "pulls", &[]).await?;
        let stops = host
            .log()
            .into_iter()
            .filter(|did| *did == Did::Stopped(uid.clone()));
        ensure!(stops.count() == 2, "{:?}", host.log());
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn w09_a_start_that_comes_to_something_after_another_host_was_chosen_is_undone() -> Result<()>
{
    within(TEST, "a late start of what runs elsewhere", async {
        let estate = Estate::new("late-elsewhere").await?;
        let options = OperatorOptions {
            late_starts: Duration::from_secs(6),
            ..impatient(&estate)
        };
        let _operator = estate.operate(options).await?;
        let mut hosts = [silent(&estate, "one").await?, silent(&estate, "two").await?];
        let slow = estate.create("slow", json!({})).await?;
        let uid = slow.uid().context("a uid")?;
        until(PATIENCE, "a start", || async {
            ensure!(hosts.iter().any(|host| host.starts() > 0));
            Ok(())
        })
        .await?;
        hosts.sort_by_key(FakeHost::starts);
        let [other, first] = hosts;
        other.on_start(OnStart::Runs);
        estate.workload_ready("slow").await?;
        has(&other, std::slice::from_ref(&uid)).await?;

        ensure!(first.take_late().await.as_ref() == Some(&uid));
        has(&first, &[]).await?;
        // What is where it should be stays, and what never comes is not waited for for ever.
        owes(&estate, &first.name(), &[]).await?;
        has(&other, std::slice::from_ref(&uid)).await?;
        ensure!(
            other.log() == [Did::Started(uid.clone())],
            "{:?}",
            other.log()
        );
        let placed = estate
            .workload_ready("slow")
            .await?
            .status
            .unwrap_or_default();
        ensure!(placed.host_id == Some(other.id.clone()) && placed.restarts == Some(1));
        Ok(())
    })
    .await?
}
