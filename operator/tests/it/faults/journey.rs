//! What happens to a town: where it begins, what is done, and where it has to end.

use super::cut::Cut;
use super::end::End;
use super::ground::Ground;
use super::town::{NAME, PATIENCE, Town};
use crate::artifacts::push;
use anyhow::{Context, Result, ensure};
use crd_types::Artifact;
use kube::api::PostParams;
use serde_json::json;
use testbed::fake_hosts::OnStart;
use testbed::wait::until;

const ONE: &str = "registry.example/hello:1";
const TWO: &str = "registry.example/hello:2";

#[derive(Clone, Copy, Debug)]
pub enum Journey {
    Deploy,
    ScaleUp,
    ScaleDown,
    Update,
    /// Every old replica goes before the first new one comes.
    Recreate,
    /// Back to the former template, while the new one does not get anywhere.
    Undo,
    /// The tag of an Artifact gets another digest.
    Digest,
    Delete,
    HostLost,
}

impl Journey {
    /// As a namespace is called.
    pub fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// Brings a town to where it begins. No operator runs then.
    pub async fn begin(self, ground: &Ground, town: &mut Town) -> Result<()> {
        let replicas = match self {
            Self::Deploy => return Ok(()),
            Self::Digest => {
                tagged(ground, town).await?;
                return Ok(());
            }
            Self::ScaleUp | Self::Recreate | Self::Undo => 1,
            Self::ScaleDown | Self::Update | Self::Delete | Self::HostLost => 2,
        };
        town.operate(&Cut::never());
        // Otherwise the first one heard of gets everything, or not, and each run would be another journey.
        town.knows_its_hosts().await?;
        town.apply(replicas, ONE).await?;
        town.reaches(&End::Replicas(replicas, ONE.into()))
            .await
            .context("the beginning")?;
        if let Self::Undo = self {
            stuck(town, replicas).await.context("the beginning")?;
            // A base host answers a start that hangs when it is over: nobody waits for that.
            town.crash();
            return Ok(());
        }
        town.stop().await
    }

    /// Does it; returns where it has to end.
    pub async fn act(self, ground: &Ground, town: &Town) -> Result<End> {
        let (replicas, image) = match self {
            Self::Delete => {
                town.delete().await?;
                return Ok(End::Nothing);
            }
            Self::HostLost => {
                town.host("a")?.die();
                return Ok(End::Replicas(2, ONE.into()));
            }
            Self::Recreate => {
                let recreate = json!({"deployPolicy": "Recreate"});
                town.apply_with(1, TWO, &recreate).await?;
                return Ok(End::Replicas(1, TWO.into()));
            }
            Self::Digest => {
                let second = push(&tag(ground, town)?, b'2').await?;
                let image = format!("{}/app@{second}", town.namespace);
                return Ok(End::Replicas(1, ground.registry()?.image(&image)));
            }
            Self::Deploy | Self::ScaleDown | Self::Undo => (1, ONE),
            Self::Update => (2, TWO),
            Self::ScaleUp => (2, ONE),
        };
        town.apply(replicas, image).await?;
        Ok(End::Replicas(replicas, image.into()))
    }
}

/// A rollout whose first new replica starts and starts.
async fn stuck(town: &Town, replicas: usize) -> Result<()> {
    for host in town.fleet.hosts() {
        host.on_image(TWO, OnStart::Hangs);
    }
    town.apply(replicas, TWO).await?;
    until(PATIENCE, "a start that hangs", || async {
        let held: usize = town.fleet.hosts().iter().map(|h| h.held().len()).sum();
        ensure!(held > replicas, "{held} workloads");
        Ok(())
    })
    .await
}

fn tag(ground: &Ground, town: &Town) -> Result<String> {
    Ok(ground
        .registry()?
        .image(&format!("{}/app:1", town.namespace)))
}

/// A Deployment of the image that an Artifact stands for, at its first digest.
async fn tagged(ground: &Ground, town: &mut Town) -> Result<()> {
    let tag = tag(ground, town)?;
    let first = push(&tag, b'1').await?;
    let artifact = json!({
        "apiVersion": "runtime.wasmcloud.dev/v1alpha1", "kind": "Artifact",
        "metadata": {"name": "app"}, "spec": {"image": tag, "interval": "1s"},
    });
    town.api::<Artifact>()
        .create(&PostParams::default(), &serde_json::from_value(artifact)?)
        .await?;
    town.operate(&Cut::never());
    let uses = json!({"artifacts": [{"name": "app", "artifactFrom": {"name": "app"}}]});
    town.apply_with(1, "artifact://app", &uses).await?;
    let image = format!("{}/app@{first}", town.namespace);
    town.reaches(&End::Replicas(1, ground.registry()?.image(&image)))
        .await
        .with_context(|| format!("the beginning of {NAME}"))?;
    town.stop().await
}
