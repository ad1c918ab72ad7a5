//! The operator ends with its n-th write, for every n, on each journey; the write got there or did not. The next
//! operator brings it to the same end.

use super::cut::Cut;
use super::ground::Ground;
use super::journey::Journey;
use super::town::Town;
use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use std::sync::Arc;
use testbed::wait::within;

/// Towns at one time.
const AT_A_TIME: usize = 8;
/// All of a journey, on a machine that has other things to do.
const PATIENCE: std::time::Duration = std::time::Duration::from_mins(3);

/// Goes it with an operator that ends at `cut`, if it gets there, and then with another; whether it got there.
async fn go(journey: Journey, ground: &Ground, namespace: &str, cut: &Arc<Cut>) -> Result<bool> {
    let mut town = Town::new(&ground.client, namespace).await?;
    journey.begin(ground, &mut town).await?;
    town.operate(cut);
    let end = journey.act(ground, &town).await?;
    let ended = tokio::select! {
        biased;
        () = cut.ended() => true,
        came = town.comes_to(&end) => {
            came.context("nothing was cut")?;
            false
        }
    };
    town.crash();
    if ended {
        town.operate(&Cut::never());
        town.comes_to(&end).await.context("the second operator")?;
        town.crash();
    }
    Ok(ended)
}

async fn every_crash(journey: Journey) -> Result<()> {
    let ground = Ground::embedded().await?;
    every_crash_on(&ground, journey).await
}

async fn every_crash_on(ground: &Ground, journey: Journey) -> Result<()> {
    within(PATIENCE, &journey.name(), async {
        let whole = Cut::never();
        let name = format!("{}-whole", journey.name());
        ensure!(!go(journey, ground, &name, &whole).await?);
        let writes = whole.writes().len();
        let crashes = (1..=writes).flat_map(|n| [(n, true), (n, false)]);
        let missed: Vec<usize> = stream::iter(crashes)
            .map(|(n, reaches)| async move {
                let how = if reaches { "reaches" } else { "lost" };
                let namespace = format!("{}-{n}-{how}", journey.name());
                let ended = go(journey, ground, &namespace, &Cut::at(n, reaches))
                    .await
                    .with_context(|| format!("{journey:?}: write {n} of {writes} {how}"))?;
                anyhow::Ok((!ended).then_some(n))
            })
            .buffer_unordered(AT_A_TIME)
            .try_filter_map(|missed| async move { Ok(missed) })
            .try_collect()
            .await?;
        // On a busy machine two changes of a status may come in one write: then a run has fewer writes than the one
        // that was counted, and its last are not there to be cut. Those of the first half always are; of the other
        // half, whose writes are to be cut in as many runs as there are writes, some always are too.
        let early = missed.iter().find(|n| **n <= writes / 2);
        ensure!(early.is_none(), "write {early:?} of {writes} never came");
        ensure!(
            missed.len() <= writes * 3 / 4,
            "of {writes} writes, {missed:?} never came"
        );
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_write_of_a_deployment() -> Result<()> {
    every_crash(Journey::Deploy).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_write_of_scaling_up() -> Result<()> {
    every_crash(Journey::ScaleUp).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_write_of_scaling_down() -> Result<()> {
    every_crash(Journey::ScaleDown).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_write_of_a_rolling_update() -> Result<()> {
    every_crash(Journey::Update).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_write_of_a_recreation() -> Result<()> {
    every_crash(Journey::Recreate).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_write_of_taking_a_rollout_back() -> Result<()> {
    every_crash(Journey::Undo).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_write_of_a_new_digest() -> Result<()> {
    let ground = Ground::with_registry().await?;
    every_crash_on(&ground, Journey::Digest).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_write_of_a_deletion() -> Result<()> {
    every_crash(Journey::Delete).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_write_after_the_loss_of_a_host() -> Result<()> {
    every_crash(Journey::HostLost).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_write_on_a_real_control_plane() -> Result<()> {
    let ground = Ground::real().await?;
    every_crash_on(&ground, Journey::Undo).await
}
