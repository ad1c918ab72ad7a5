//! Artifacts against a real registry.

use crate::fixture::{PATIENCE, World, spec};
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use crd_types::{Artifact, condition};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::PostParams;
use oci::{Credentials, Digest, Images, ImagesOptions, LocalStore};
use protocol::Reason;
use serde_json::{Value, json};
use std::time::Duration;
use testbed::fake_hosts::{FakeHost, Speaks};
use testbed::registry::{PASSWORD, Registry, USER};
use testbed::wait::{TEST, until, within};

/// Pushes the committed component, made different from others by a custom section.
pub async fn push(image: &str, mark: u8) -> Result<Digest> {
    let folder = tempfile::tempdir()?;
    let images = Images::new(LocalStore::open(folder.path())?, ImagesOptions::default())?;
    let mut component = std::fs::read(testbed::prebuilt::path())?;
    component.extend([0, 2, 1, mark]);
    let credentials = Credentials::basic(USER, PASSWORD);
    let reference = image.parse()?;
    let pushed = images.push(&reference, Bytes::from(component), Some(&credentials));
    Ok(pushed.await?)
}

fn artifacts(world: &World) -> Api<Artifact> {
    Api::namespaced(world.client.clone(), "default")
}

async fn create(world: &World, name: &str, spec: Value) -> Result<()> {
    let object = json!({
        "apiVersion": "runtime.wasmcloud.dev/v1alpha1", "kind": "Artifact",
        "metadata": {"name": name}, "spec": spec,
    });
    let artifact = serde_json::from_value(object)?;
    artifacts(world)
        .create(&PostParams::default(), &artifact)
        .await?;
    Ok(())
}

/// Waits until the Artifact is at a digest; returns the image it stands for.
async fn resolved(world: &World, name: &str, digest: Digest) -> Result<String> {
    until(PATIENCE, &format!("{name} to be {digest}"), || async {
        let status = artifacts(world).get(name).await?.status.unwrap_or_default();
        ensure!(status.digest == Some(digest.to_string()), "{status:?}");
        ensure!(condition::is_true(&status.conditions, "Ready"));
        status.artifact_url.context("no artifactUrl")
    })
    .await
}

async fn unreachable(world: &World, name: &str) -> Result<String> {
    until(PATIENCE, &format!("{name} to say so"), || async {
        let status = artifacts(world).get(name).await?.status.unwrap_or_default();
        let ready = condition::find(&status.conditions, "Ready").cloned();
        let told = ready.filter(|c| c.reason == Reason::RegistryUnreachable.as_str());
        ensure!(told.is_some(), "{:?}", status.conditions);
        ensure!(condition::is_true(&status.conditions, "Published"));
        status.artifact_url.context("no artifactUrl")
    })
    .await
}

async fn apply(world: &World, name: &str, artifact: &str) -> Result<()> {
    let mut spec = spec(1, "artifact://app");
    spec["artifacts"] = json!([{"name": "app", "artifactFrom": {"name": artifact}}]);
    spec["template"]["spec"]["hostInterfaces"][0]["config"]["host"] = json!(name);
    world.apply(name, spec).await
}

/// Images that run, with whether a password came along.
fn running(host: &FakeHost) -> Vec<(String, bool)> {
    let starts = host.running().into_iter();
    let mut all: Vec<_> = starts
        .flat_map(|s| s.workload.unwrap().wit_world.unwrap().components)
        .map(|c| {
            let secret = c.image_pull_secret.map(|s| s.password == PASSWORD);
            (c.image, secret.unwrap_or(false))
        })
        .collect();
    all.sort();
    all
}

async fn runs(host: &FakeHost, image: &str) -> Result<()> {
    until(PATIENCE, &format!("{image} to run alone"), || async {
        let running = running(host);
        ensure!(running == [(image.to_owned(), true)], "{running:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn w31_a_tag_becomes_a_digest_and_a_new_digest_rolls_out() -> Result<()> {
    within(TEST, "an Artifact", async {
        let mut registry = Registry::options().authenticated().start().await?;
        let world = World::new().await?;
        let host = world.host("ours", Speaks::Extension).await?;
        let login = json!({"auths": {registry.address(): {"username": USER, "password": PASSWORD}}});
        let secret = json!({
            "metadata": {"name": "key"}, "type": "kubernetes.io/dockerconfigjson",
            "stringData": {".dockerconfigjson": login.to_string()},
        });
        let secrets: Api<Secret> = Api::namespaced(world.client.clone(), "default");
        secrets
            .create(&PostParams::default(), &serde_json::from_value(secret)?)
            .await?;

        let tag = registry.image("team/app:1");
        let first = push(&tag, b'1').await?;
        let wanted = |image: &str| {
            json!({"image": image, "imagePullSecret": {"name": "key"}, "interval": "1s"})
        };
        create(&world, "app", wanted(&tag)).await?;
        let image = resolved(&world, "app", first).await?;
        ensure!(image == registry.image(&format!("team/app@{first}")), "{image}");
        apply(&world, "hello", "app").await?;
        world.ready("hello", 1).await?;
        runs(&host, &image).await?;

        let second = push(&tag, b'2').await?;
        let image = resolved(&world, "app", second).await?;
        runs(&host, &image).await?;
        world.ready("hello", 1).await?;
        ensure!(host.starts() == 2, "{} starts", host.starts());

        // An outage is told, and nothing moves.
        registry.stop();
        ensure!(unreachable(&world, "app").await? == image);
        // What is published without the registry is published by its tag; its first digest rolls nothing out.
        let late = registry.image("team/late:1");
        create(&world, "late", wanted(&late)).await?;
        ensure!(unreachable(&world, "late").await? == late);
        apply(&world, "late", "late").await?;
        world.ready("late", 1).await?;
        ensure!(host.starts() == 3, "{} starts", host.starts());
        registry.start_again().await?;
        let first = push(&late, b'3').await?;
        ensure!(resolved(&world, "late", first).await? == late);
        let pinned = push(&late, b'4').await?;
        let pinned_image = resolved(&world, "late", pinned).await?;
        until(Duration::from_secs(15), "the second digest", || async {
            let now = running(&host);
            ensure!(now.contains(&(pinned_image.clone(), true)) && now.len() == 2, "{now:?}");
            Ok(())
        })
        .await?;
        ensure!(
            host.starts() == 4,
            "{} starts: the first digest started none",
            host.starts()
        );
        ensure!(resolved(&world, "app", second).await? == image);
        Ok(())
    })
    .await?
}
