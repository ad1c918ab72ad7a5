//! What a rollout keeps up while it is under way, and what it leaves behind.

use crate::fixture::{PATIENCE, World, spec};
use crate::rollouts::{sets, size, sized, uids};
use crate::versions::Versions;
use anyhow::{Context, Result, ensure};
use crd_types::{Workload, WorkloadDeployment, WorkloadDeploymentStatus, condition};
use kube::ResourceExt;
use kube::api::ListParams;
use protocol::Reason;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use testbed::fake_hosts::{Did, FakeHost, OnStart, OnStop, Speaks};
use testbed::wait::{TEST, until, within};

const V1: &str = "registry.example/hello:1";
const V2: &str = "registry.example/hello:2";
const V3: &str = "registry.example/hello:3";
const V4: &str = "registry.example/hello:4";

/// The spec with these fields beside.
fn with(replicas: i32, image: &str, more: &Value) -> Value {
    let mut spec = spec(replicas, image);
    for (field, value) in more.as_object().unwrap() {
        spec[field] = value.clone();
    }
    spec
}

fn of_image<'a>(all: &'a [Workload], image: &str) -> Vec<&'a Workload> {
    let is = |w: &&Workload| w.spec.components.iter().any(|c| c.image == image);
    all.iter().filter(is).collect()
}

fn statuses(versions: &[WorkloadDeployment]) -> Vec<WorkloadDeploymentStatus> {
    let all = versions.iter().map(|d| d.status.clone());
    all.flatten().collect()
}

/// Ready and available replicas.
fn counts(status: &WorkloadDeploymentStatus) -> (i32, i32) {
    let count = Option::unwrap_or_default;
    (
        count(status.ready_replicas),
        count(status.available_replicas),
    )
}

/// Since when a Workload is Ready, in seconds.
fn ready_since(workload: &Workload) -> Option<i64> {
    let ready = condition::find(&workload.status.as_ref()?.conditions, "Ready")?;
    let ready = Some(ready).filter(|c| c.status == crd_types::ConditionStatus::True);
    Some(ready?.last_transition_time.as_ref()?.0.as_second())
}

/// When a Workload was deleted, in seconds.
fn deleted_at(workload: &Workload) -> Option<i64> {
    Some(workload.metadata.deletion_timestamp.as_ref()?.0.as_second())
}

/// Waits until the only Workload of this image is Ready, after so many restarts.
async fn only_ready(world: &World, image: &str, restarts: i32) -> Result<Workload> {
    until(PATIENCE, &format!("{image} to be Ready"), || async {
        let all = world.workloads().list(&ListParams::default()).await?.items;
        let mine = of_image(&all, image);
        ensure!(mine.len() == 1, "{} Workloads", mine.len());
        let status = mine[0].status.clone().unwrap_or_default();
        let same = status.restarts.unwrap_or_default() == restarts;
        ensure!(same && ready_since(mine[0]).is_some(), "{status:?}");
        Ok(mine[0].clone())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn w25_recreate_starts_nothing_new_before_everything_old_is_gone() -> Result<()> {
    within(TEST, "a Deployment with Recreate", async {
        let world = World::new().await?;
        let mut hosts: Vec<FakeHost> = Vec::new();
        for name in ["one", "two"] {
            hosts.push(world.host(name, Speaks::Extension).await?);
        }
        let recreate = json!({"deployPolicy": "Recreate"});
        world.apply("hello", with(4, V1, &recreate)).await?;
        world.ready("hello", 4).await?;
        let old = uids(&world, V1).await?;
        // One host is long rid of its own when the other still stops.
        hosts[1].on_stop(OnStop::StopsAfter(Duration::from_secs(1)));
        let before = FakeHost::log_of(&hosts).len();
        world.apply("hello", with(4, V2, &recreate)).await?;
        world.ready("hello", 4).await?;

        let log: Vec<Did> = FakeHost::log_of(&hosts).split_off(before);
        let new = uids(&world, V2).await?;
        let (stopped, started): (Vec<&Did>, Vec<&Did>) =
            log.iter().partition(|did| matches!(did, Did::Stopped(_)));
        let ids = |all: &[&Did]| -> BTreeSet<String> {
            all.iter()
                .map(|(Did::Started(id) | Did::Stopped(id))| id.clone())
                .collect()
        };
        ensure!(ids(&stopped) == old && ids(&started) == new, "{log:?}");
        let first = log.iter().position(|did| matches!(did, Did::Started(_)));
        let last = log.iter().rposition(|did| matches!(did, Did::Stopped(_)));
        ensure!(last < first, "{log:?}");
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_replica_replaces_an_old_one_when_it_has_been_ready_for_min_ready_seconds()
-> Result<()> {
    within(TEST, "a rollout with minReadySeconds", async {
        let world = World::new().await?;
        let _host = world.host("ours", Speaks::Extension).await?;
        let waits =
            json!({"minReadySeconds": 3, "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
        world.apply("hello", with(2, V1, &waits)).await?;
        world.ready("hello", 2).await?;
        let deployments = Versions::of(world.deployments()).await?;
        let workloads = Versions::of(world.workloads()).await?;
        world.apply("hello", with(2, V2, &waits)).await?;
        let done = world.ready("hello", 2).await?;

        // What was seen before the rollout says nothing of it.
        let seen = deployments.up_to(&done).await?;
        let during: Vec<_> = statuses(&seen)
            .into_iter()
            .filter(|s| s.observed_generation == done.metadata.generation)
            .collect();
        let counts: Vec<_> = during.iter().map(counts).collect();
        ensure!(
            counts.iter().all(|(_, available)| *available >= 2),
            "{counts:?}"
        );
        // A new one was ready beside two that are available, and did not count.
        ensure!(counts.contains(&(3, 2)), "{counts:?}");

        let (ready, gone) = until(PATIENCE, "both exchanges to be seen", || async {
            let seen = workloads.so_far();
            let ready = of_image(&seen, V2).into_iter().filter_map(ready_since);
            let gone = of_image(&seen, V1).into_iter().filter_map(deleted_at);
            let ready: BTreeSet<i64> = ready.collect();
            let gone: BTreeSet<i64> = gone.collect();
            ensure!(ready.len() == 2 && gone.len() == 2, "{ready:?} {gone:?}");
            Ok((ready, gone))
        })
        .await?;
        // By the API server's times, which have whole seconds as the setting has.
        let waited: Vec<i64> = gone
            .iter()
            .zip(&ready)
            .map(|(gone, ready)| gone - ready)
            .collect();
        ensure!(waited.iter().all(|seconds| *seconds >= 3), "{waited:?}");
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_fails_within_min_ready_seconds_never_counts() -> Result<()> {
    within(TEST, "a replica that does not stay", async {
        let world = World::new().await?;
        let host = world.host("ours", Speaks::Extension).await?;
        let waits =
            json!({"minReadySeconds": 5, "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
        world.apply("hello", with(2, V1, &waits)).await?;
        world.ready("hello", 2).await?;
        let old = uids(&world, V1).await?;
        let deployments = Versions::of(world.deployments()).await?;
        let workloads = Versions::of(world.workloads()).await?;
        world.apply("hello", with(2, V2, &waits)).await?;
        let new = only_ready(&world, V2, 0).await?;
        host.crash(&new.uid().unwrap(), Reason::Trap, "unreachable")
            .await;
        let again = only_ready(&world, V2, 1).await?;
        ensure!(again.uid() == new.uid(), "it is the same Workload");
        ensure!(
            ready_since(&again) > ready_since(&new),
            "{:?}",
            again.status
        );
        ensure!(uids(&world, V1).await? == old);
        let logged = host.log();
        ensure!(
            !old.iter()
                .any(|id| logged.contains(&Did::Stopped(id.clone()))),
            "{logged:?}"
        );
        let seen: Vec<_> = statuses(&deployments.so_far()).iter().map(counts).collect();
        ensure!(
            seen.contains(&(3, 2)) && seen.iter().all(|(_, n)| *n == 2),
            "{seen:?}"
        );

        // The time began anew with its second start.
        let done = world.ready("hello", 2).await?;
        let seen = workloads.so_far();
        let gone = of_image(&seen, V1).into_iter();
        let gone = gone
            .filter_map(deleted_at)
            .min()
            .context("nothing of v1 went")?;
        let since = ready_since(&again).context("it was Ready")?;
        ensure!(gone - since >= 5, "{gone} after {since}");
        let seen: Vec<_> = statuses(&deployments.up_to(&done).await?)
            .iter()
            .map(counts)
            .collect();
        ensure!(
            seen.iter().all(|(_, available)| *available >= 2),
            "{seen:?}"
        );
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_without_surge_gives_up_no_more_than_max_unavailable() -> Result<()> {
    within(TEST, "a rollout without surge", async {
        let world = World::new().await?;
        let host = world.host("ours", Speaks::Extension).await?;
        let bounds = json!({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}});
        world.apply("hello", with(3, V1, &bounds)).await?;
        world.ready("hello", 3).await?;
        let deployments = Versions::of(world.deployments()).await?;
        // Nothing new becomes available until the test says so: whoever gave up more would have done so by then.
        host.on_image(V2, OnStart::Hangs);
        world.apply("hello", with(3, V2, &bounds)).await?;
        for _ in 0..3 {
            let starting = until(PATIENCE, "the next one to start", || async {
                let id = starting(&host);
                id.with_context(|| format!("{:?}", host.log()))
            })
            .await?;
            let sizes = (size(&world, V1).await?, size(&world, V2).await?);
            let asked_for = sizes.0.unwrap_or_default() + sizes.1.unwrap_or_default();
            ensure!(asked_for == 3, "{sizes:?}");
            host.finish(&starting).await;
        }
        let done = world.ready("hello", 3).await?;
        let seen = statuses(&deployments.up_to(&done).await?);
        let least = seen.iter().filter_map(|s| s.available_replicas).min();
        ensure!(least == Some(2), "{seen:?}");
        // None but those of three are ever there, terminating ones left out.
        let most = seen
            .iter()
            .filter_map(|s| Some(s.replicas.as_ref()?.current))
            .max();
        ensure!(most == Some(3), "{seen:?}");
        Ok(())
    })
    .await?
}

/// The workload that a host is starting.
fn starting(host: &FakeHost) -> Option<String> {
    let held = host.held();
    let mut starting = held
        .into_iter()
        .filter(|(_, held)| held.state == protocol::v2::WorkloadState::Starting);
    starting.next().map(|(id, _)| id)
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_of_the_latest_templates_are_kept_as_revision_history_limit_says() -> Result<()> {
    within(TEST, "a history", async {
        let world = World::new().await?;
        let _host = world.host("ours", Speaks::Extension).await?;
        let limit = json!({"revisionHistoryLimit": 2});
        let images = async || -> Result<BTreeSet<String>> {
            let all = sets(&world).list(&ListParams::default()).await?.items;
            let image = |s: &crd_types::WorkloadReplicaSet| {
                s.spec.template.spec.components[0].image.clone()
            };
            Ok(all.iter().map(image).collect())
        };
        let mut kept: Vec<BTreeSet<String>> = Vec::new();
        for image in [V1, V2, V3, V4] {
            world.apply("hello", with(1, image, &limit)).await?;
            world.ready("hello", 1).await?;
            sized(&world, image, 1).await?;
            kept.push(images().await?);
        }
        ensure!(
            kept[2] == BTreeSet::from([V1, V2, V3].map(String::from)),
            "{kept:?}"
        );
        until(PATIENCE, "the oldest to be forgotten", || async {
            let kept = images().await?;
            ensure!(
                kept == BTreeSet::from([V2, V3, V4].map(String::from)),
                "{kept:?}"
            );
            Ok(())
        })
        .await?;
        // What is kept can be gone back to, and is no new template then.
        let of_v2 = async || -> Result<Option<String>> {
            let all = sets(&world).list(&ListParams::default()).await?.items;
            let is =
                |s: &&crd_types::WorkloadReplicaSet| s.spec.template.spec.components[0].image == V2;
            Ok(all.iter().find(is).and_then(ResourceExt::uid))
        };
        let before = of_v2().await?;
        world.apply("hello", with(1, V2, &limit)).await?;
        world.ready("hello", 1).await?;
        ensure!(before.is_some() && of_v2().await? == before);
        ensure!(images().await?.len() == 3);
        Ok(())
    })
    .await?
}
