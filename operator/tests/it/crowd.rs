//! Many hosts and Workloads. The full size, a thousand and ten thousand, is measured by the bench.

use crate::estate::Estate;
use crate::fixture::spec;
use anyhow::{Result, ensure};
use crd_types::condition;
use operator::OperatorOptions;
use service::metrics::Metrics;
use std::time::Duration;
use testbed::fake_hosts::{FakeFleet, HostOptions, OnStart};
use testbed::wait::{TEST, until, within};

const HOSTS: usize = 100;
const DEPLOYMENTS: usize = 10;
const REPLICAS: usize = 20;
const IMAGE: &str = "registry.example/hello:1";
/// Heartbeats of one round.
const ROUND: u64 = 1_000;
/// Rounds in which the last statuses and Events of the start have to be written.
const ROUNDS: usize = 10;
/// Writes of a round at rest: load figures of Hosts, which have a budget of 30 a minute, and what the retries of one
/// silent host add.
const WRITES: f64 = 15.0;

/// The sum of the series that begin like this and hold none of these.
fn sum(metrics: &Metrics, series: &str, without: &[&str]) -> Result<f64> {
    Ok(metrics
        .encode()?
        .lines()
        .filter(|line| line.starts_with(series) && !without.iter().any(|w| line.contains(w)))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum())
}

fn writes(metrics: &Metrics) -> Result<f64> {
    let reads = ["verb=\"get\"", "verb=\"list\"", "verb=\"watch\""];
    sum(metrics, "rest_client_requests_total{", &reads)
}

#[tokio::test(flavor = "multi_thread")]
async fn w05_w10_heartbeats_cost_no_writes_and_a_silent_host_holds_up_nobody_else() -> Result<()> {
    within(TEST, "a crowd", async {
        let estate = Estate::new("w05").await?;
        let metrics = Metrics::new();
        let options = OperatorOptions {
            watch_namespaces: vec![estate.namespace.clone()],
            ..OperatorOptions::new(&estate.namespace)
        };
        let _operator = estate.operate_counted(options, metrics.clone()).await?;
        let fleet = FakeFleet::new(&estate.bus());
        let host = |number| HostOptions::named(format!("host-{number}"));
        fleet.add_many(HOSTS, host).await?;
        let silent = fleet.hosts().remove(0);
        silent.on_start(OnStart::Silent);
        for number in 0..DEPLOYMENTS {
            let replicas = i32::try_from(REPLICAS)?;
            estate
                .apply(&format!("crowd-{number}"), spec(replicas, IMAGE))
                .await?;
        }
        until(
            TEST,
            "all but those of the silent host to be Ready",
            || async {
                let all = estate.all_workloads().await?;
                let waits = all.iter().filter(|w| {
                    let conditions = w.status.as_ref().map(|s| s.conditions.as_slice());
                    !condition::is_true(conditions.unwrap_or_default(), "Ready")
                });
                let elsewhere = waits
                    .filter(|w| {
                        let name = w.status.as_ref().and_then(|s| s.host_name.clone());
                        name.as_deref() != Some(&silent.name())
                    })
                    .count();
                ensure!(
                    all.len() == DEPLOYMENTS * REPLICAS && elsewhere == 0,
                    "{elsewhere} of {} wait",
                    all.len()
                );
                anyhow::Ok(())
            },
        )
        .await?;

        fleet.beat_every(Duration::from_millis(200));
        let mut rounds = Vec::new();
        while rounds.last().is_none_or(|written| *written > WRITES) {
            ensure!(rounds.len() < ROUNDS, "writes a round: {rounds:?}");
            let (written, spoken) = (writes(&metrics)?, fleet.beats());
            until(TEST, "heartbeats", || async {
                let beats = fleet.beats() - spoken;
                ensure!(beats >= ROUND, "{beats}");
                anyhow::Ok(())
            })
            .await?;
            rounds.push(writes(&metrics)? - written);
        }
        until(TEST, "every heartbeat to be heard", || async {
            let spoken = fleet.beats() as f64;
            let heard = sum(
                &metrics,
                "wasmcloud_operator_heartbeats_received_total",
                &[],
            )?;
            // Those under way when the two were read are not lost.
            ensure!(heard + HOSTS as f64 >= spoken, "{heard} of {spoken}");
            anyhow::Ok(())
        })
        .await?;
        Ok(())
    })
    .await?
}
