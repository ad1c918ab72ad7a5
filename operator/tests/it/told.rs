//! What happens is told in Events, once.

use crate::fixture::{PATIENCE, World, spec};
use anyhow::{Result, ensure};
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::ListParams;
use protocol::Reason;
use protocol::event::Happened;
use std::collections::BTreeMap;
use testbed::fake_hosts::Speaks;
use testbed::wait::{TEST, until, within};

/// How often each (kind, reason) was told, repetitions included, and how many Events there are.
async fn told(world: &World) -> Result<(BTreeMap<(String, String), i32>, usize)> {
    let events: Api<Event> = Api::namespaced(world.client.clone(), "default");
    let all = events.list(&ListParams::default()).await?.items;
    let mut counts = BTreeMap::new();
    let ours = |e: &&Event| e.reporting_controller.as_deref() == Some("runtime-operator");
    let ours: Vec<&Event> = all.iter().filter(ours).collect();
    for event in &ours {
        ensure!(event.event_time.is_some() && event.reporting_instance.is_some());
        let about = event.regarding.clone().unwrap_or_default();
        ensure!(about.uid.is_some(), "{about:?}");
        let kind = about.kind.unwrap_or_default();
        let times = event.series.as_ref().map_or(1, |s| s.count);
        *counts
            .entry((kind, event.reason.clone().unwrap_or_default()))
            .or_default() += times;
    }
    Ok((counts, ours.len()))
}

async fn until_told(world: &World, expected: &[(&str, &str, i32)]) -> Result<usize> {
    until(PATIENCE, "the Events", || async {
        let (counts, events) = told(world).await?;
        for (kind, reason, times) in expected {
            let found = counts.get(&((*kind).to_owned(), (*reason).to_owned()));
            ensure!(found == Some(times), "{kind} {reason}: {counts:?}");
        }
        anyhow::Ok(events)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn w21_a_life_is_told_in_events_and_repetitions_are_counted() -> Result<()> {
    within(TEST, "a life in events", async {
        let world = World::new().await?;
        world
            .apply("hello", spec(2, "registry.example/hello:1"))
            .await?;
        let unplaced = Reason::NoHostFits.as_str();
        until_told(
            &world,
            &[
                (
                    "WorkloadDeployment",
                    Happened::ScalingReplicaSet.as_str(),
                    1,
                ),
                (
                    "WorkloadReplicaSet",
                    Happened::ScalingReplicaSet.as_str(),
                    1,
                ),
                ("Workload", unplaced, 2),
            ],
        )
        .await?;
        let _host = world.host("ours", Speaks::Extension).await?;
        world.ready("hello", 2).await?;
        until_told(
            &world,
            &[
                ("Host", Happened::HostJoined.as_str(), 1),
                ("Workload", Happened::Scheduled.as_str(), 2),
                ("Workload", Happened::Started.as_str(), 2),
                ("WorkloadDeployment", Happened::Available.as_str(), 1),
            ],
        )
        .await?;
        world
            .apply("hello", spec(0, "registry.example/hello:1"))
            .await?;
        world.workload_count(0).await?;
        let events = until_told(&world, &[("Workload", Happened::Stopped.as_str(), 2)]).await?;
        ensure!(events < 20, "{events} Events for two Workloads");
        Ok(())
    })
    .await?
}
