//! What clients notice of rollouts: nothing. And what is deleted goes, parents last too.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, ensure};
use testbed::{bin, wait};

use crate::cluster::{Cluster, Hosts, SOON};
use crate::load::{ask, noticed_nothing};
use crate::objects::{ROLLOUT, condition, deployment, list, object, placements, ready};

#[tokio::test]
async fn w24_w35_no_request_fails_while_templates_come_and_go() {
    wait::within(4 * wait::TEST, "rollouts under load", under_load())
        .await
        .unwrap()
        .unwrap();
}

async fn under_load() -> Result<()> {
    let cluster = Cluster::start(Hosts::One).await?;
    let kubectl = cluster.kubectl()?;
    let first = cluster.publish("http-hello", "hello:1").await?;
    let second = cluster.publish("http-hello", "hello:2").await?;
    kubectl.apply(&deployment("hello", &first, 2)).await?;
    ready(&kubectl, "hello", 2)
        .await
        .with_context(|| cluster.logs())?;

    let stop = AtomicBool::new(false);
    let changes = async {
        let outcome = async {
            kubectl.apply(&deployment("hello", &second, 2)).await?;
            ready(&kubectl, "hello", 2).await?;
            // One that cannot start, and in the middle of that back to the first.
            let broken = cluster.missing_image();
            kubectl.apply(&deployment("hello", &broken, 2)).await?;
            wait::until(SOON, "the broken template to say so", || async {
                let deployment = object(&kubectl, "workloaddeployment/hello").await?;
                let ready = condition(&deployment, "Ready").context("no condition Ready")?;
                ensure!(ready["reason"] == "ImageNotFound", "{ready}");
                Ok::<_, anyhow::Error>(())
            })
            .await?;
            kubectl.apply(&deployment("hello", &first, 2)).await?;
            ready(&kubectl, "hello", 2).await
        }
        .await;
        stop.store(true, Ordering::Relaxed);
        outcome
    };
    let one = |_| Some(0);
    let (outcome, first, second, third) = tokio::join!(
        changes,
        ask(&cluster, &stop, one),
        ask(&cluster, &stop, one),
        ask(&cluster, &stop, one)
    );
    outcome.with_context(|| cluster.logs())?;
    noticed_nothing(&cluster, &[first, second, third])
}

/// `wash rollout ARGUMENTS` against the cluster: what it printed, on whichever stream, and whether it succeeded.
async fn rollout(cluster: &Cluster, arguments: &[&str]) -> Result<(bool, String)> {
    let run = tokio::process::Command::new(bin::path("wash")?)
        .arg("rollout")
        .args(arguments)
        .env("KUBECONFIG", cluster.kubeconfig())
        .kill_on_drop(true)
        .output();
    let what = format!("wash rollout {}", arguments.join(" "));
    let output = wait::within(ROLLOUT, &what, run).await??;
    let text = [output.stdout, output.stderr].concat();
    Ok((
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    ))
}

/// The same, where it must succeed and say these words.
async fn rolls(cluster: &Cluster, arguments: &[&str], words: &str) -> Result<()> {
    let (succeeded, text) = rollout(cluster, arguments).await?;
    ensure!(succeeded && text.contains(words), "{arguments:?}: {text}");
    Ok(())
}

#[tokio::test]
async fn w25_wash_rollout_does_what_kubectl_does_for_apps_v1() {
    wait::within(4 * wait::TEST, "wash rollout", by_hand())
        .await
        .unwrap()
        .unwrap();
}

async fn by_hand() -> Result<()> {
    let cluster = Cluster::start(Hosts::One).await?;
    let kubectl = cluster.kubectl()?;
    let images = [
        cluster.publish("http-hello", "hello:1").await?,
        cluster.publish("http-hello", "hello:2").await?,
    ];
    for image in &images {
        kubectl.apply(&deployment("hello", image, 1)).await?;
        rolls(&cluster, &["status", "hello"], "successfully rolled out")
            .await
            .with_context(|| cluster.logs())?;
    }
    for image in &images {
        rolls(&cluster, &["history", "hello"], image).await?;
    }
    let image = || async {
        let deployment = object(&kubectl, "workloaddeployment/hello").await?;
        let image = &deployment["spec"]["template"]["spec"]["components"][0]["image"];
        anyhow::Ok(image.as_str().unwrap_or_default().to_owned())
    };
    rolls(
        &cluster,
        &["undo", "workloaddeployment/hello"],
        "rolled back",
    )
    .await?;
    ensure!(image().await? == images[0]);
    rolls(&cluster, &["status", "hello"], "successfully rolled out").await?;
    rolls(
        &cluster,
        &["undo", "hello", "--to-revision=2"],
        "rolled back",
    )
    .await?;
    ensure!(image().await? == images[1]);
    rolls(&cluster, &["status", "hello"], "successfully rolled out").await?;

    let before = placements(&ready(&kubectl, "hello", 1).await?);
    rolls(&cluster, &["pause", "hello"], "paused").await?;
    let (succeeded, text) = rollout(&cluster, &["undo", "hello"]).await?;
    ensure!(!succeeded && text.contains("wash rollout resume"), "{text}");
    rolls(&cluster, &["resume", "hello"], "resumed").await?;
    rolls(&cluster, &["restart", "hello"], "restarted").await?;
    rolls(&cluster, &["status", "hello"], "successfully rolled out").await?;
    ensure!(placements(&ready(&kubectl, "hello", 1).await?) != before);
    Ok(())
}

#[tokio::test]
async fn w28_a_foreground_deletion_completes() {
    wait::within(3 * wait::TEST, "a foreground deletion", foreground())
        .await
        .unwrap()
        .unwrap();
}

async fn foreground() -> Result<()> {
    let cluster = Cluster::start(Hosts::One).await?;
    let kubectl = cluster.kubectl()?;
    let hello = cluster.publish("http-hello", "hello:1").await?;
    kubectl.apply(&deployment("hello", &hello, 2)).await?;
    ready(&kubectl, "hello", 2)
        .await
        .with_context(|| cluster.logs())?;
    kubectl
        .run(&[
            "delete",
            "workloaddeployment/hello",
            "--cascade=foreground",
            "--wait=false",
        ])
        .await?;
    for kind in ["workloads", "workloadreplicasets", "workloaddeployments"] {
        wait::until(ROLLOUT, &format!("no {kind}"), || async {
            let left = list(&kubectl, kind).await?;
            ensure!(left.is_empty(), "{left:?}");
            Ok::<_, anyhow::Error>(())
        })
        .await
        .with_context(|| cluster.logs())?;
    }
    Ok(())
}
