//! Two operators, one Lease: one works, and the other takes over when it goes.

use crate::fixture::{PATIENCE, World, spec};
use anyhow::{Result, ensure};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::{Patch, PatchParams};
use operator::{Exit, OperatorDeps, OperatorOptions};
use serde_json::json;
use service::metrics::Metrics;
use std::collections::BTreeSet;
use testbed::fake_hosts::Speaks;
use testbed::wait::{TEST, until, within};
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread")]
async fn the_lease_passes_on_and_nothing_is_done_twice() -> Result<()> {
    within(TEST, "a change of leaders", async {
        let mut world = World::new().await?;
        world.stop_operator().await?;
        let leases: Api<Lease> = Api::namespaced(world.client.clone(), "default");
        let run = |name: &str| {
            let options = OperatorOptions {
                leader_identity: Some(name.into()),
                ..OperatorOptions::new("default")
            };
            let deps = OperatorDeps::new(world.client.clone(), world.bus.clone(), options);
            let token = CancellationToken::new();
            (token.clone(), tokio::spawn(operator::run(deps, token)))
        };
        let holder = |name: &'static str| {
            let leases = leases.clone();
            async move {
                until(PATIENCE, &format!("{name} to lead"), || async {
                    let lease = leases.get("d34db3ef.wasmcloud.dev").await?;
                    let held = lease.spec.and_then(|s| s.holder_identity);
                    ensure!(held.as_deref() == Some(name), "{held:?}");
                    anyhow::Ok(())
                })
                .await
            }
        };
        let (stop_first, first) = run("first");
        holder("first").await?;
        let (stop_second, second) = run("second");
        let host = world.host("ours", Speaks::Extension).await?;
        world
            .apply("hello", spec(2, "registry.example/hello:1"))
            .await?;
        world.ready("hello", 2).await?;
        ensure!(
            host.starts() == 2,
            "{} starts: one operator works",
            host.starts()
        );

        stop_first.cancel();
        ensure!(first.await?? == Exit::Stopped);
        holder("second").await?;
        world
            .apply("hello", spec(3, "registry.example/hello:1"))
            .await?;
        world.ready("hello", 3).await?;
        ensure!(
            host.starts() == 3,
            "{} starts: the new leader touches nothing that runs",
            host.starts()
        );
        stop_second.cancel();
        ensure!(second.await?? == Exit::Stopped);
        Ok(())
    })
    .await?
}

/// Names of metrics in the reference's table.
fn documented() -> BTreeSet<&'static str> {
    let page = include_str!("../../../docs/src/reference/metrics.md");
    let table = page.split("## ").next().unwrap_or_default();
    let named = table.lines().filter_map(|line| line.strip_prefix("| `"));
    named.filter_map(|line| line.split('`').next()).collect()
}

/// Names of metrics that are served.
fn served(text: &str) -> BTreeSet<&str> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let names = lines.filter_map(|line| line.split(['{', ' ']).next());
    names
        .map(|name| {
            let of_histogram = ["_bucket", "_sum", "_count"];
            let stem = of_histogram.iter().find_map(|end| name.strip_suffix(end));
            stem.unwrap_or(name)
        })
        .collect()
}

/// The value of the first series that begins so.
fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find(|l| l.starts_with(series))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_whose_lease_is_taken_ends_and_its_metrics_say_what_it_did() -> Result<()> {
    within(TEST, "a stolen lease", async {
        let mut world = World::new().await?;
        world.stop_operator().await?;
        let metrics = Metrics::new();
        service::process::register(&metrics);
        let deps = OperatorDeps {
            metrics: metrics.clone(),
            ..OperatorDeps::new(
                world.client.clone(),
                world.bus.clone(),
                OperatorOptions {
                    leader_identity: Some("first".into()),
                    ..OperatorOptions::new("default")
                },
            )
        };
        let leading = tokio::spawn(operator::run(deps, CancellationToken::new()));
        let _host = world.host("ours", Speaks::Extension).await?;
        world
            .apply("hello", spec(2, "registry.example/hello:1"))
            .await?;
        world.ready("hello", 2).await?;
        let text = metrics.encode()?;
        for (series, least) in [
            ("leader_election_master_status{name=\"d34db3ef.wasmcloud.dev\"}", 1.0),
            ("wasmcloud_operator_hosts{state=\"ready\"}", 1.0),
            ("wasmcloud_operator_workloads{state=\"ready\"}", 2.0),
            ("wasmcloud_operator_placements_total{result=\"placed\"}", 2.0),
            ("wasmcloud_operator_starts_total{result=\"running\"}", 2.0),
            ("wasmcloud_operator_pending_to_ready_seconds_count", 2.0),
            ("wasmcloud_operator_heartbeats_received_total", 1.0),
            ("wasmcloud_operator_heartbeat_age_hosts{le=\"+Inf\"}", 1.0),
            ("wasmcloud_operator_bus_requests_total{command=\"workload.start.v1\",result=\"answered\"}", 2.0),
            ("rest_client_requests_total{verb=\"create\",resource=\"workloads\",code=\"201\"}", 2.0),
            ("rest_client_requests_total{verb=\"watch\",resource=\"workloads\",code=\"200\"}", 1.0),
            ("controller_runtime_reconcile_total{controller=\"Workload\",", 1.0),
            ("workqueue_adds_total{name=\"Workload\"}", 2.0),
        ] {
            let found = value(&text, series);
            ensure!(found.is_some_and(|v| v >= least), "{series} is {found:?} in\n{text}");
        }
        let secret: Vec<_> = served(&text).difference(&documented()).copied().collect();
        ensure!(secret.is_empty(), "not in the documentation: {secret:?}");
        until(PATIENCE, "what is documented to be served", || async {
            let text = metrics.encode()?;
            let mut vain = documented();
            vain.retain(|name| !served(&text).contains(name));
            // Nothing has failed so far.
            vain.remove("controller_runtime_reconcile_errors_total");
            ensure!(vain.is_empty(), "{vain:?}");
            anyhow::Ok(())
        })
        .await?;
        let leases: Api<Lease> = Api::namespaced(world.client.clone(), "default");
        let now = jiff::Timestamp::now();
        let theft = json!({"spec": {"holderIdentity": "thief", "renewTime": format!("{now:.6}")}});
        leases
            .patch("d34db3ef.wasmcloud.dev", &PatchParams::default(), &Patch::Merge(theft))
            .await?;
        // It ends before the thief's lease could be seen to run out, let alone be taken over by a third.
        let ended = tokio::time::timeout(std::time::Duration::from_secs(10), leading).await??;
        ensure!(ended? == Exit::LeaseLost);
        let text = metrics.encode()?;
        let leads = value(&text, "leader_election_master_status{");
        ensure!(leads == Some(0.0), "{leads:?}");
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn two_leaders_for_a_moment_do_nothing_twice() -> Result<()> {
    within(TEST, "two leaders", async {
        let world = World::new().await?;
        let token = CancellationToken::new();
        let options = OperatorOptions::new("default");
        let second = OperatorDeps::new(world.client.clone(), world.bus.clone(), options);
        let second = tokio::spawn(operator::run(second, token.clone()));
        let host = world.host("ours", Speaks::Extension).await?;
        // A leader may ask again for what the other one is asking for: it is taken on once.
        for (replicas, taken_on) in [(3, 3), (1, 3), (4, 6)] {
            world
                .apply("hello", spec(replicas, "registry.example/hello:1"))
                .await?;
            world.ready("hello", replicas).await?;
            let count = usize::try_from(replicas)?;
            world.workload_count(count).await?;
            ensure!(
                host.running().len() == count,
                "{} run",
                host.running().len()
            );
            ensure!(host.taken_on() == taken_on, "{:?}", host.log());
        }
        token.cancel();
        ensure!(second.await?? == Exit::Stopped);
        Ok(())
    })
    .await?
}
