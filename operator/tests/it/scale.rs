//! What an autoscaler sees and does.

use crate::fixture::{World, spec};
use crate::rollouts::{finish, sized};
use anyhow::{Result, ensure};
use crd_types::WorkloadDeployment;
use futures::{StreamExt, TryStreamExt};
use kube::Api;
use kube::api::{Patch, PatchParams};
use kube::runtime::{WatchStreamExt, watcher};
use parking_lot::Mutex;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use testbed::fake_hosts::{OnStart, Speaks};
use testbed::wait::{TEST, within};

const V1: &str = "registry.example/hello:1";
const V2: &str = "registry.example/hello:2";
const V3: &str = "registry.example/hello:3";

/// Every number that the Deployment ever reported to autoscalers.
fn reported(api: Api<WorkloadDeployment>) -> Arc<Mutex<BTreeSet<i32>>> {
    let all = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = all.clone();
    tokio::spawn(async move {
        let mut events = watcher(api, watcher::Config::default())
            .default_backoff()
            .touched_objects()
            .boxed();
        while let Ok(Some(deployment)) = events.try_next().await {
            seen.lock()
                .extend(deployment.status.and_then(|s| s.current_replicas));
        }
    });
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn w30_the_scale_subresource_shows_no_surge_and_takes_counts_during_a_rollout() -> Result<()>
{
    within(TEST, "scale during a rollout", async {
        let world = World::new().await?;
        let host = world.host("ours", Speaks::Extension).await?;
        host.on_start(OnStart::RunsAfter(Duration::from_millis(150)));
        world.apply("hello", spec(3, V1)).await?;
        world.ready("hello", 3).await?;
        let seen = reported(world.deployments());
        world.apply("hello", spec(3, V2)).await?;
        world.ready("hello", 3).await?;
        let numbers = seen.lock().clone();
        ensure!(numbers == BTreeSet::from([3]), "{numbers:?}");

        let scale = world.deployments().get_scale("hello").await?;
        let status = scale.status.unwrap_or_default();
        ensure!(status.replicas == 3);
        ensure!(
            status.selector.as_deref() == Some("runtime.wasmcloud.dev/workload-deployment=hello")
        );
        // A count that comes in the middle of a rollout is taken at once, by both templates in proportion: 3 and 1 of 4
        // (3 + surge) become of 7 (5 + surge).
        host.on_image(V3, OnStart::Hangs);
        world.apply("hello", spec(3, V3)).await?;
        sized(&world, V3, 1).await?;
        let five = Patch::Merge(json!({"spec": {"replicas": 5}}));
        let params = PatchParams::default();
        world
            .deployments()
            .patch_scale("hello", &params, &five)
            .await?;
        sized(&world, V2, 5).await?;
        sized(&world, V3, 2).await?;
        host.on_image(V3, OnStart::Runs);
        finish(&host, V3).await;
        world.ready("hello", 5).await?;
        let most = seen.lock().last().copied();
        ensure!(most == Some(5), "{most:?}: no surge in what is reported");
        Ok(())
    })
    .await?
}
