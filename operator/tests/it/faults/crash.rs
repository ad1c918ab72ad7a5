//! The operator ends with its n-th write, for every n, on each journey; the write got there or did not. The next
//! operator brings it to the same end.

use super::cut::Cut;
use super::server;
use super::town::{End, Town};
use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use kube::Client;
use testbed::wait::within;

/// Towns at one time.
const AT_A_TIME: usize = 8;
const ONE: &str = "registry.example/hello:1";
const TWO: &str = "registry.example/hello:2";
/// All of a journey, on a machine that has other things to do.
const PATIENCE: std::time::Duration = std::time::Duration::from_mins(3);

#[derive(Clone, Copy, Debug)]
enum Journey {
    Deploy,
    ScaleUp,
    ScaleDown,
    Update,
    Delete,
    HostLost,
}

impl Journey {
    fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// Where it begins.
    fn start(self) -> Option<End> {
        match self {
            Self::Deploy => None,
            Self::ScaleUp => Some(End::Replicas(1, ONE)),
            Self::ScaleDown | Self::Update | Self::Delete | Self::HostLost => {
                Some(End::Replicas(2, ONE))
            }
        }
    }

    fn end(self) -> End {
        match self {
            Self::ScaleDown => End::Replicas(1, ONE),
            Self::Update => End::Replicas(2, TWO),
            Self::Delete => End::Nothing,
            Self::Deploy | Self::ScaleUp | Self::HostLost => End::Replicas(2, ONE),
        }
    }

    async fn act(self, town: &Town) -> Result<()> {
        match (self, self.end()) {
            (Self::Delete, _) | (_, End::Nothing) => town.delete().await,
            (Self::HostLost, _) => {
                town.host("a")?.die();
                Ok(())
            }
            (_, End::Replicas(replicas, image)) => town.apply(replicas, image).await,
        }
    }

    /// Goes it with an operator that ends at `cut`, if it gets there, and then with another.
    async fn go(self, client: &Client, namespace: &str, cut: &std::sync::Arc<Cut>) -> Result<()> {
        let mut town = Town::new(client, namespace).await?;
        if let Some(start @ End::Replicas(replicas, image)) = self.start() {
            town.operate(&Cut::never());
            town.apply(replicas, image).await?;
            town.comes_to(start).await.context("the beginning")?;
            town.stop().await?;
        }
        town.operate(cut);
        self.act(&town).await?;
        tokio::select! {
            biased;
            () = cut.ended() => {}
            end = town.comes_to(self.end()) => end.context("nothing was cut")?,
        }
        town.crash();
        town.operate(&Cut::never());
        town.comes_to(self.end())
            .await
            .context("the second operator")?;
        town.crash();
        Ok(())
    }
}

async fn every_crash(journey: Journey) -> Result<()> {
    within(PATIENCE, &journey.name(), async {
        let (client, _server) = server().await?;
        let whole = Cut::never();
        journey
            .go(&client, &format!("{}-whole", journey.name()), &whole)
            .await?;
        let writes = whole.writes();
        let crashes = (1..=writes).flat_map(|n| [(n, true), (n, false)]);
        stream::iter(crashes)
            .map(|(n, reaches)| {
                let client = client.clone();
                async move {
                    let how = if reaches { "reaches" } else { "lost" };
                    let namespace = format!("{}-{n}-{how}", journey.name());
                    journey
                        .go(&client, &namespace, &Cut::at(n, reaches))
                        .await
                        .with_context(|| format!("{journey:?}: write {n} of {writes} {how}"))
                }
            })
            .buffer_unordered(AT_A_TIME)
            .try_collect()
            .await
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
async fn a_crash_at_any_write_of_a_deletion() -> Result<()> {
    every_crash(Journey::Delete).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_write_after_the_loss_of_a_host() -> Result<()> {
    every_crash(Journey::HostLost).await
}
