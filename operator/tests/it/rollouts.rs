//! From one template to the next, and back.

use crate::fixture::{PATIENCE, World, spec};
use anyhow::{Context, Result, ensure};
use crd_types::names::REVISION_ANNOTATION;
use crd_types::{ConditionStatus, Workload, WorkloadReplicaSet, condition};
use k8s_openapi::api::events::v1::Event;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use protocol::Reason;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use testbed::fake_hosts::{FakeHost, OnStart, Speaks};
use testbed::wait::{TEST, until, within};

const V1: &str = "registry.example/hello:1";
const V2: &str = "registry.example/hello:2";
const V3: &str = "registry.example/hello:3";

pub fn sets(world: &World) -> Api<WorkloadReplicaSet> {
    Api::namespaced(world.client.clone(), "default")
}

/// Waits until a condition of the Deployment has this status and reason; returns its message.
async fn says(world: &World, type_: &str, status: ConditionStatus, reason: &str) -> Result<String> {
    until(PATIENCE, &format!("{type_} to be {reason}"), || async {
        let found = world.deployments().get("hello").await?;
        let held = found.status.clone().unwrap_or_default();
        ensure!(held.observed_generation == found.metadata.generation);
        let said = condition::find(&held.conditions, type_).cloned();
        let said = said.filter(|c| c.status == status && c.reason == reason);
        said.map(|c| c.message)
            .with_context(|| format!("{:?}", held.conditions))
    })
    .await
}

/// Ids of the Workloads of an image.
pub async fn uids(world: &World, image: &str) -> Result<BTreeSet<String>> {
    let all = world.workloads().list(&ListParams::default()).await?.items;
    let of_image = |w: &Workload| w.spec.components.iter().any(|c| c.image == image);
    Ok(all
        .iter()
        .filter(|w| of_image(w))
        .filter_map(ResourceExt::uid)
        .collect())
}

/// The replicas that the ReplicaSet of an image is asked for.
pub async fn size(world: &World, image: &str) -> Result<Option<i32>> {
    let all = sets(world).list(&ListParams::default()).await?.items;
    Ok(all
        .iter()
        .find(|s| s.spec.template.spec.components[0].image == image)
        .and_then(|s| s.spec.replicas))
}

/// Waits until it is asked for so many.
pub async fn sized(world: &World, image: &str, replicas: i32) -> Result<()> {
    until(PATIENCE, &format!("{image} to have {replicas}"), || async {
        let size = size(world, image).await?;
        ensure!(size == Some(replicas), "{size:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn w24_a_change_during_an_unfinished_rollout_gives_up_nothing_that_serves() -> Result<()> {
    within(TEST, "changes during a rollout", async {
        let world = World::new().await?;
        let host = world.host("ours", Speaks::Extension).await?;
        for broken in [V2, V3] {
            let text = format!("{broken}: unauthorized");
            host.fail(broken, Reason::UnauthorizedRegistry, &text);
        }
        world.apply("hello", spec(2, V1)).await?;
        world.ready("hello", 2).await?;
        let serving = uids(&world, V1).await?;

        for broken in [V2, V3] {
            world.apply("hello", spec(2, broken)).await?;
            // W-07, W-08: what the host said reaches the Deployment, word for word.
            let reason = Reason::UnauthorizedRegistry.as_str();
            let told = says(&world, "Ready", ConditionStatus::False, reason).await?;
            until(PATIENCE, "the image's own words", || async {
                let told = says(&world, "Ready", ConditionStatus::False, reason).await?;
                ensure!(told.contains(&format!("{broken}: unauthorized")), "{told}");
                Ok(())
            })
            .await
            .context(told)?;
            ensure!(uids(&world, V1).await? == serving, "v1 serves");
        }
        let status = world
            .deployments()
            .get("hello")
            .await?
            .status
            .unwrap_or_default();
        ensure!(status.available_replicas == Some(2), "{status:?}");
        ensure!(
            status.current_replicas == Some(2),
            "an autoscaler sees no surge"
        );
        // What comes after a broken template leaves nothing of it.
        sized(&world, V2, 0).await?;

        world.apply("hello", spec(2, V1)).await?;
        let back = world.ready("hello", 2).await?;
        ensure!(
            uids(&world, V1).await? == serving,
            "the same Workloads serve on"
        );
        ensure!(back.annotations()[REVISION_ANNOTATION] == "4");
        world.workload_count(2).await?;
        Ok(())
    })
    .await?
}

/// Ends the starts that hang, of one image.
pub async fn finish(host: &FakeHost, image: &str) {
    for (id, held) in host.held() {
        let world = held.start.workload.unwrap().wit_world.unwrap();
        if world.components[0].image == image {
            host.finish(&id).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w25_a_rollout_has_a_deadline_a_pause_a_history_and_keeps_its_proportions() -> Result<()> {
    within(TEST, "the contract of apps/v1", async {
        let world = World::new().await?;
        let host = world.host("ours", Speaks::Extension).await?;
        host.on_image(V2, OnStart::Hangs);
        let with = |replicas: i32, image: &str, more: Value| {
            let mut spec = spec(replicas, image);
            spec["progressDeadlineSeconds"] = json!(1);
            spec["revisionHistoryLimit"] = json!(0);
            spec["rollingUpdate"] = json!({"maxSurge": 2});
            spec.as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            spec
        };
        world.apply("hello", with(4, V1, json!({}))).await?;
        world.ready("hello", 4).await?;
        let done = says(
            &world,
            "Progressing",
            ConditionStatus::True,
            "NewReplicaSetAvailable",
        )
        .await?;
        ensure!(done.contains("is rolled out"), "{done}");

        // Late, and told so; nothing that serves was given up.
        world.apply("hello", with(4, V2, json!({}))).await?;
        let late = Reason::ProgressDeadlineExceeded.as_str();
        says(&world, "Progressing", ConditionStatus::False, late).await?;
        ensure!(uids(&world, V1).await?.len() == 4);
        let events: Api<Event> = Api::namespaced(world.client.clone(), "default");
        until(PATIENCE, "the Event", || async {
            let all = events.list(&ListParams::default()).await?.items;
            ensure!(all.iter().any(|e| e.reason.as_deref() == Some(late)));
            Ok(())
        })
        .await?;

        // Paused and scaled: both templates grow in proportion, 8 and 2 of 6 (4 + surge) become of 10 (8 + surge).
        world
            .apply("hello", with(8, V2, json!({"paused": true})))
            .await?;
        sized(&world, V1, 7).await?;
        sized(&world, V2, 3).await?;
        world
            .apply("hello", with(4, V2, json!({"paused": true})))
            .await?;
        sized(&world, V1, 4).await?;
        sized(&world, V2, 2).await?;
        world
            .apply("hello", with(4, V3, json!({"paused": true})))
            .await?;
        says(&world, "Sync", ConditionStatus::Unknown, "Paused").await?;
        ensure!(size(&world, V3).await?.is_none(), "paused, nothing new");

        // Resumed with v2: it gets on, recovers and ends; the history is forgotten.
        world.apply("hello", with(4, V2, json!({}))).await?;
        until(PATIENCE, "v2 to take over", || async {
            finish(&host, V2).await;
            ensure!(size(&world, V2).await? == Some(4));
            Ok(())
        })
        .await?;
        until(PATIENCE, "the end of the rollout", || async {
            finish(&host, V2).await;
            let all = sets(&world).list(&ListParams::default()).await?.items;
            ensure!(all.len() == 1, "{} ReplicaSets", all.len());
            Ok(())
        })
        .await?;
        world.ready("hello", 4).await?;
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn w29_labels_and_annotations_of_the_template_roll_out() -> Result<()> {
    within(TEST, "a label", async {
        let world = World::new().await?;
        let host = world.host("ours", Speaks::Extension).await?;
        world.apply("hello", spec(1, V1)).await?;
        world.ready("hello", 1).await?;
        let before = uids(&world, V1).await?;
        let mut labelled = spec(1, V1);
        labelled["template"]["labels"] = json!({"tier": "front"});
        labelled["template"]["annotations"] = json!({"note": "kept"});
        world.apply("hello", labelled).await?;
        until(PATIENCE, "a Workload with the label", || async {
            let all = world.workloads().list(&ListParams::default()).await?.items;
            let only = all.first().filter(|_| all.len() == 1);
            let only = only.with_context(|| format!("{} Workloads", all.len()))?;
            ensure!(only.labels().get("tier").is_some_and(|t| t == "front"));
            ensure!(only.annotations().get("note").is_some_and(|n| n == "kept"));
            Ok(())
        })
        .await?;
        world.ready("hello", 1).await?;
        ensure!(uids(&world, V1).await?.is_disjoint(&before));
        ensure!(host.starts() == 2);
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn w28_nothing_is_created_for_a_parent_on_its_way_out() -> Result<()> {
    within(TEST, "a parent on its way out", async {
        let world = World::new().await?;
        let _host = world.host("ours", Speaks::Extension).await?;
        world.apply("hello", spec(2, V1)).await?;
        world.ready("hello", 2).await?;
        // Held by somebody's finalizer, as the garbage collector holds the parents of a foreground deletion.
        let set = sets(&world).list(&ListParams::default()).await?.items;
        let set = set.first().context("a ReplicaSet")?.name_any();
        let hold = json!({"metadata": {"finalizers": ["example.com/hold"]}});
        let (params, hold) = (PatchParams::default(), Patch::Merge(hold));
        sets(&world).patch(&set, &params, &hold).await?;
        world.deployments().patch("hello", &params, &hold).await?;
        let now = DeleteParams::background();
        world.deployments().delete("hello", &now).await?;
        sets(&world).delete(&set, &now).await?;
        for workload in world.workload_count(2).await? {
            world.workloads().delete(&workload.name_any(), &now).await?;
        }
        world.workload_count(0).await?;
        // Whoever works off a later Deployment has seen all this.
        world.apply("witness", spec(1, V2)).await?;
        world.ready("witness", 1).await?;
        ensure!(uids(&world, V1).await?.is_empty(), "refilled");
        let all = sets(&world).list(&ListParams::default()).await?.items;
        ensure!(all.len() == 2, "{} ReplicaSets", all.len());
        Ok(())
    })
    .await?
}
