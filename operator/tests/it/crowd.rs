//! Many hosts and Workloads. The full size, a thousand and ten thousand, is measured by the bench.

use crate::estate::Estate;
use crate::fixture::spec;
use crate::versions::Versions;
use anyhow::{Result, ensure};
use crd_types::{ConditionStatus, condition};
use operator::{OperatorOptions, Waits};
use service::metrics::Metrics;
use std::time::{Duration, Instant};
use testbed::fake_hosts::{FakeFleet, HostOptions, OnStart};
use testbed::wait::{TEST, until, within};

const HOSTS: usize = 100;
const DEPLOYMENTS: usize = 10;
const REPLICAS: usize = 20;
const IMAGE: &str = "registry.example/hello:1";
/// How often each host speaks.
const BEAT: Duration = Duration::from_millis(250);
/// Heartbeats of one round.
const ROUND: u64 = 1_000;
/// Rounds in which the last statuses and Events of the start have to be written.
const ROUNDS: usize = 10;
/// Writes of a round at rest.
const WRITES: f64 = 15.0;
/// Writes that load figures may take, of all Hosts together: so many at once, and so many a minute.
const BUDGET: f64 = 30.0;

/// The sum of the series that begin like this and hold none of these.
pub fn sum(metrics: &Metrics, series: &str, without: &[&str]) -> Result<f64> {
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

/// Reconciles of Hosts so far.
fn looks(metrics: &Metrics) -> Result<f64> {
    let series = "controller_runtime_reconcile_total{controller=\"Host\"";
    sum(metrics, series, &[])
}

#[tokio::test(flavor = "multi_thread")]
async fn w05_w10_heartbeats_cost_no_writes_and_a_silent_host_holds_up_nobody_else() -> Result<()> {
    within(TEST * 2, "a crowd", async {
        let estate = Estate::new("w05").await?;
        let metrics = Metrics::new();
        // Whoever waits for the silent host's answer waits beyond the end of the test.
        let options = OperatorOptions {
            watch_namespaces: vec![estate.namespace.clone()],
            waits: Waits {
                start: Duration::from_mins(10),
                stop: Duration::from_mins(10),
                answer: Duration::from_mins(10),
            },
            probe_interval: Duration::from_secs(10),
            ..OperatorOptions::new(&estate.namespace)
        };
        let _operator = estate.operate_counted(options, metrics.clone()).await?;
        let seen = Versions::of(estate.hosts()).await?;
        let fleet = FakeFleet::new(&estate.bus());
        let host = |number| HostOptions::named(format!("host-{number}"));
        fleet.add_many(HOSTS, host).await?;
        fleet.beat_every(BEAT);
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
        ensure!(silent.starts() > 0, "nothing waits for the silent host");

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
        // At rest every Host is looked at, and its figures have moved: the last heartbeat is another. What is written
        // of them is what the budget allows, however many they are.
        let (began, written, looked) = (Instant::now(), writes(&metrics)?, looks(&metrics)?);
        until(TEST, "every Host to be looked at", || async {
            let looked = looks(&metrics)? - looked;
            ensure!(looked >= HOSTS as f64, "{looked}");
            anyhow::Ok(())
        })
        .await?;
        let written = writes(&metrics)? - written;
        let allowed = BUDGET * (1.0 + began.elapsed().as_secs_f64() / 60.0);
        ensure!(
            allowed < HOSTS as f64,
            "{allowed} would allow as many as there are Hosts"
        );
        ensure!(
            written > 0.0 && written <= allowed,
            "{written} writes of {allowed}"
        );

        fleet.fall_silent();
        until(TEST, "every heartbeat to be heard", || async {
            let spoken = fleet.beats() as f64;
            let heard = sum(
                &metrics,
                "wasmcloud_operator_heartbeats_received_total",
                &[],
            )?;
            ensure!((heard - spoken).abs() < 0.5, "{heard} of {spoken}");
            anyhow::Ok(())
        })
        .await?;
        ensure!(fleet.probes() == 0, "{} probes", fleet.probes());
        for host in seen.so_far() {
            let conditions = host.status.map(|s| s.conditions).unwrap_or_default();
            let ready = condition::find(&conditions, "Ready");
            let always = ready.is_none_or(|c| c.status == ConditionStatus::True);
            ensure!(always, "{ready:?}");
        }
        Ok(())
    })
    .await?
}
