//! The API server goes away amid a rollout, and watches break off and have to begin again from a list: what happened in
//! between was seen by nobody, and the end is the same.

use crate::fixture::{World, spec};
use crate::watching::{Stream, expired, through};
use anyhow::{Result, ensure};
use http_body_util::{BodyExt, StreamBody};
use kube::ResourceExt;
use kube::client::Body;
use protocol::v2::WorkloadState;
use std::collections::BTreeSet;
use std::time::Duration;
use testbed::fake_hosts::{FakeHost, Held, OnStart, Speaks};
use testbed::wait::{TEST, until, within};
use tokio::time::{Instant, sleep_until};

const V1: &str = "registry.example/hello:1";
const V2: &str = "registry.example/hello:2";
/// How long a watch lives.
const BREATH: Duration = Duration::from_millis(400);

/// A watch that ends soon, with the word that its position is too old to go on from.
fn cut_short(body: Body) -> Stream {
    let end = Instant::now() + BREATH;
    let frames = futures::stream::unfold(Some(body), move |body| async move {
        let mut body = body?;
        tokio::select! {
            frame = body.frame() => Some((frame?, Some(body))),
            () = sleep_until(end) => {
                Some((Ok(expired()), None))
            }
        }
    });
    StreamBody::new(Box::pin(frames)).boxed_unsync()
}

/// Waits until the host holds the Workloads that there are, each once, and nothing else.
async fn settled(world: &World, host: &FakeHost, count: usize) -> Result<()> {
    let wanted: BTreeSet<String> = world
        .workload_count(count)
        .await?
        .iter()
        .filter_map(ResourceExt::uid)
        .collect();
    until(TEST, "the host to hold just these", || async {
        let held: Vec<String> = host.held().into_iter().map(|(id, _)| id).collect();
        let distinct: BTreeSet<String> = held.iter().cloned().collect();
        ensure!(
            held.len() == count && distinct == wanted,
            "{held:?}, wanted {wanted:?}"
        );
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_restarts_amid_a_rollout_changes_nothing_about_its_end() -> Result<()> {
    within(TEST, "a rollout with an outage", async {
        let mut world = World::new().await?;
        let host = world.host("ours", Speaks::Extension).await?;
        world.apply("hello", spec(3, V1)).await?;
        world.ready("hello", 3).await?;
        host.on_image(V2, OnStart::Hangs);
        world.apply("hello", spec(3, V2)).await?;
        let begun = until(TEST, "a start of V2", || async {
            let starting = |(_, held): &(String, Held)| held.state == WorkloadState::Starting;
            let found = host.held().into_iter().find(starting);
            found.ok_or_else(|| format!("{:?}", host.log()))
        })
        .await?
        .0;
        world.plane.stop_apiserver();
        // Nobody can say what should run, and what runs goes on.
        ensure!(host.running().len() == 3, "{}", host.running().len());
        // What gets ready meanwhile is known to the host alone.
        host.on_image(V2, OnStart::Runs);
        host.finish(&begun).await;
        world.plane.start_apiserver().await?;
        world.ready("hello", 3).await?;
        settled(&world, &host, 3).await?;
        ensure!(host.starts() == 6, "{} starts of 3 and 3", host.starts());
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_that_miss_what_happened_lead_to_the_same_end() -> Result<()> {
    within(TEST, "a life seen in glimpses", async {
        let mut world = World::new().await?;
        world.stop_operator().await?;
        let glimpses = through(world.client.clone(), |_, body| cut_short(body));
        world.start_operator_as(glimpses);
        let host = world.host("ours", Speaks::Extension).await?;
        world.apply("hello", spec(3, V1)).await?;
        world.ready("hello", 3).await?;
        world.apply("hello", spec(3, V2)).await?;
        world.ready("hello", 3).await?;
        settled(&world, &host, 3).await?;
        world.apply("hello", spec(2, V2)).await?;
        world.ready("hello", 2).await?;
        settled(&world, &host, 2).await?;
        ensure!(host.starts() == 6, "{} starts of 3 and 3", host.starts());
        Ok(())
    })
    .await?
}
