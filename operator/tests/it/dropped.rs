//! One event of a watch that stays open is lost. No server and no connection does that: a watch tells everything in
//! order, or ends. Informers build on it, and so do we; what is shown here is how far the damage goes.

use crate::fixture::{World, spec};
use crate::watching::{Stream, through};
use anyhow::{Result, ensure};
use http_body_util::{BodyExt, StreamBody};
use kube::Client;
use kube::api::{Patch, PatchParams};
use kube::client::Body;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use testbed::fake_hosts::Speaks;
use testbed::wait::{TEST, until, within};
use tokio::sync::Notify;

const IMAGE: &str = "registry.example/hello:1";
const KIND: &str = "/workloaddeployments";

/// Loses events about Deployments when told to.
#[derive(Clone, Default)]
struct Loss {
    /// So many are still to be lost.
    due: Arc<AtomicUsize>,
    /// Ends the watch, without a word, as a server does after its time.
    end: Arc<Notify>,
}

impl Loss {
    fn client(&self, inner: Client) -> Client {
        let loss = self.clone();
        through(inner, move |path, body| {
            if path.ends_with(KIND) {
                loss.clone().over(body)
            } else {
                body.boxed_unsync()
            }
        })
    }

    fn over(self, body: Body) -> Stream {
        let frames = futures::stream::unfold((body, self), |(mut body, loss)| async move {
            loop {
                let frame = tokio::select! {
                    frame = body.frame() => frame?,
                    () = loss.end.notified() => return None,
                };
                let event = frame.as_ref().ok().and_then(|frame| frame.data_ref());
                let told = event.is_some_and(|e| e.starts_with(b"{\"type\":\"MODIFIED\""));
                let less = |due: usize| due.checked_sub(1);
                let lost = told
                    && loss
                        .due
                        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
                        .is_ok();
                if !lost {
                    return Some((frame, (body, loss)));
                }
            }
        });
        StreamBody::new(Box::pin(frames)).boxed_unsync()
    }

    async fn has_happened(&self) -> Result<()> {
        until(TEST, "the event to be lost", || async {
            let due = self.due.load(Ordering::SeqCst);
            ensure!(due == 0, "{due} to be lost");
            Ok(())
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_lost_is_made_up_for_by_the_next_or_by_the_next_watch() -> Result<()> {
    within(TEST, "lost events", async {
        let mut world = World::new().await?;
        world.stop_operator().await?;
        let loss = Loss::default();
        world.start_operator_as(loss.client(world.client.clone()));
        let host = world.host("ours", Speaks::Extension).await?;
        world.apply("hello", spec(1, IMAGE)).await?;
        world.ready("hello", 1).await?;
        let unseen = async || {
            let found = world.deployments().get("hello").await?;
            let observed = found.status.unwrap_or_default().observed_generation;
            ensure!(observed != found.metadata.generation, "{observed:?}");
            anyhow::Ok(())
        };

        // Each event tells all of its object.
        loss.due.store(1, Ordering::SeqCst);
        world.apply("hello", spec(2, IMAGE)).await?;
        loss.has_happened().await?;
        unseen().await?;
        let note = json!({"metadata": {"annotations": {"note": "later"}}});
        world
            .deployments()
            .patch("hello", &PatchParams::default(), &Patch::Merge(note))
            .await?;
        world.ready("hello", 2).await?;

        // A watch goes on from the last event that came; one that was lost comes again.
        loss.due.store(1, Ordering::SeqCst);
        world.apply("hello", spec(3, IMAGE)).await?;
        loss.has_happened().await?;
        unseen().await?;
        loss.end.notify_waiters();
        world.ready("hello", 3).await?;
        ensure!(host.starts() == 3, "{:?}", host.log());
        Ok(())
    })
    .await?
}
