//! Caches that lag behind: every watch event arrives two seconds late.

use crate::fixture::{World, spec};
use crate::watching::{Stream, through};
use anyhow::{Result, ensure};
use crd_types::{Workload, WorkloadReplicaSet};
use futures::{StreamExt, TryStreamExt};
use http_body_util::{BodyExt, StreamBody};
use kube::api::ListParams;
use kube::client::Body;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use testbed::fake_hosts::Speaks;
use testbed::wait::{TEST, within};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

const LAG: Duration = Duration::from_secs(2);

fn delayed(mut body: Body) -> Stream {
    let (send, receive) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let frame = tokio::select! {
                () = send.closed() => return,
                frame = body.frame() => frame,
            };
            let Some(frame) = frame else { return };
            if send.send((Instant::now() + LAG, frame)).is_err() {
                return;
            }
        }
    });
    let frames = futures::stream::unfold(receive, |mut receive| async move {
        let (due, frame) = receive.recv().await?;
        sleep_until(due).await;
        Some((frame, receive))
    });
    StreamBody::new(Box::pin(frames)).boxed_unsync()
}

/// Follows the Workloads without delay and keeps the highest number there ever was, terminating ones left out.
fn most_alive(client: Client) -> Arc<AtomicUsize> {
    let most = Arc::new(AtomicUsize::new(0));
    let seen = most.clone();
    tokio::spawn(async move {
        let api: Api<Workload> = Api::namespaced(client, "default");
        let mut events = watcher(api, watcher::Config::default())
            .default_backoff()
            .boxed();
        let mut alive = BTreeSet::new();
        while let Ok(Some(event)) = events.try_next().await {
            match event {
                watcher::Event::Apply(w) | watcher::Event::InitApply(w)
                    if w.meta().deletion_timestamp.is_none() =>
                {
                    alive.insert(w.name_any());
                }
                watcher::Event::Apply(w)
                | watcher::Event::InitApply(w)
                | watcher::Event::Delete(w) => {
                    alive.remove(&w.name_any());
                }
                watcher::Event::Init | watcher::Event::InitDone => {}
            }
            seen.fetch_max(alive.len(), Ordering::SeqCst);
        }
    });
    most
}

#[tokio::test(flavor = "multi_thread")]
async fn w26_w27_lagging_caches_never_make_more_than_replicas_and_surge() -> Result<()> {
    within(TEST, "a rollout on old news", async {
        let mut world = World::new().await?;
        world.stop_operator().await?;
        let late = through(world.client.clone(), |_, body| delayed(body));
        world.start_operator_as(late);
        let host = world.host("ours", Speaks::Extension).await?;
        let most = most_alive(world.client.clone());
        let with = |image: &str| {
            let mut spec = spec(2, image);
            spec["rollingUpdate"] = json!({"maxSurge": 2});
            spec
        };
        world
            .apply("hello", with("registry.example/hello:1"))
            .await?;
        world.ready("hello", 2).await?;
        ensure!(most.load(Ordering::SeqCst) == 2, "{most:?} at the start");
        ensure!(host.starts() == 2, "{} starts", host.starts());

        world
            .apply("hello", with("registry.example/hello:2"))
            .await?;
        world.ready("hello", 2).await?;
        ensure!(
            most.load(Ordering::SeqCst) <= 4,
            "{most:?} during a rollout of 2 with a surge of 2"
        );
        ensure!(host.starts() == 4, "{} starts", host.starts());
        let sets: Api<WorkloadReplicaSet> = Api::namespaced(world.client.clone(), "default");
        let sets = sets.list(&ListParams::default()).await?.items;
        ensure!(sets.len() == 2, "{} ReplicaSets", sets.len());
        Ok(())
    })
    .await?
}
