//! Reconciles of Workloads under way are limited; hosts that keep them waiting do not get all of them.

use crate::estate::{Estate, PATIENCE};
use anyhow::{Result, ensure};
use operator::Waits;
use serde_json::json;
use std::time::Duration;
use testbed::fake_hosts::{FakeHost, HostOptions, OnStart, OnStop, Speaks};
use testbed::wait::{TEST, until, within};

/// Reconciles under way at a time.
const SLOTS: usize = 10;
/// Workloads of each host, more than that.
const EACH: usize = 8;

/// Creates so many Workloads that only this host may run.
async fn fill(estate: &Estate, host: &FakeHost) -> Result<()> {
    for number in 0..EACH {
        let name = format!("{}-{number}", host.name());
        estate.create(&name, json!({"hostId": host.id})).await?;
    }
    Ok(())
}

async fn runs(host: &FakeHost, count: usize) -> Result<()> {
    let what = format!("{} to run {count}", host.name());
    until(PATIENCE, &what, || async {
        let running = host.running().len();
        ensure!(running == count, "{running}, {} starts", host.starts());
        anyhow::Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn w10_hosts_that_do_not_answer_leave_slots_to_the_others() -> Result<()> {
    within(TEST, "silent hosts and few slots", async {
        let estate = Estate::new("slots").await?;
        let mut options = estate.options();
        options.workloads_at_a_time = SLOTS;
        // Whoever waits for an answer waits beyond the end of the test.
        options.waits = Waits {
            start: Duration::from_mins(10),
            stop: Duration::from_mins(10),
            answer: Duration::from_mins(10),
        };
        let _operator = estate.operate(options).await?;
        let base = |name: &str| HostOptions::named(name).speaks(Speaks::Base);
        let mute = estate.host(base("mute")).await?;
        let deaf = estate.host(HostOptions::named("deaf")).await?;
        let sound = estate.host(base("sound")).await?;
        for host in [&mute, &deaf] {
            host.on_start(OnStart::Silent);
            fill(&estate, host).await?;
        }
        until(PATIENCE, "both to be asked", || async {
            let asked = (mute.starts(), deaf.starts());
            ensure!(asked.0 > 0 && asked.1 > 0, "{asked:?}");
            anyhow::Ok(())
        })
        .await?;
        fill(&estate, &sound).await?;
        runs(&sound, EACH).await
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn w10_what_waits_for_a_slow_host_gets_its_turn() -> Result<()> {
    within(TEST, "slow hosts and few slots", async {
        let estate = Estate::new("turns").await?;
        let mut options = estate.options();
        options.workloads_at_a_time = SLOTS;
        options.waits = Waits {
            start: Duration::from_secs(5),
            stop: Duration::from_millis(300),
            answer: Duration::from_millis(300),
        };
        let _operator = estate.operate(options).await?;
        let mut slow: Vec<FakeHost> = Vec::new();
        for (name, speaks) in [("ours", Speaks::Extension), ("theirs", Speaks::Base)] {
            let host = estate.host(HostOptions::named(name).speaks(speaks)).await?;
            host.on_start(OnStart::RunsAfter(Duration::from_millis(300)));
            fill(&estate, &host).await?;
            slow.push(host);
        }
        for host in &slow {
            runs(host, EACH).await?;
            host.on_stop(OnStop::Silent);
        }
        // All are told to stop at once, by hosts that do not hear it for a while.
        for workload in estate.all_workloads().await? {
            let name = workload.metadata.name.unwrap_or_default();
            let now = kube::api::DeleteParams::background();
            estate.workloads().delete(&name, &now).await?;
        }
        for host in &slow {
            host.on_stop(OnStop::Stops);
            runs(host, 0).await?;
        }
        until(PATIENCE, "every Workload to go", || async {
            let left = estate.all_workloads().await?;
            ensure!(left.is_empty(), "{} are left", left.len());
            anyhow::Ok(())
        })
        .await
    })
    .await?
}
