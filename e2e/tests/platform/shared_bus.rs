//! Two control planes on one bus: each sees the other's hosts, and none touches the other's workloads.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testbed::wait;

use crate::cluster::{Apart, Cluster, SOON};
use crate::objects::{deployment, list, placements, ready};

#[tokio::test]
async fn two_control_planes_on_one_bus_leave_each_others_workloads_alone() {
    wait::within(4 * wait::TEST, "two control planes", two())
        .await
        .unwrap()
        .unwrap();
}

fn plan(group: &str) -> Apart {
    Apart {
        group: group.to_owned(),
        ..Apart::default()
    }
}

/// A deployment for the hosts of a group.
fn grouped(name: &str, image: &str, replicas: u32, group: &str) -> Result<String> {
    let manifest = deployment(name, image, replicas);
    let (service, deployment) = manifest
        .split_once("---")
        .context("a Service, then a deployment")?;
    let mut deployment: Value = serde_json::from_str(deployment)?;
    deployment["spec"]["template"]["spec"]["hostSelector"] =
        serde_json::json!({ "hostgroup": group });
    Ok(format!("{service}---\n{deployment}\n"))
}

async fn two() -> Result<()> {
    let red = Cluster::apart(&plan("red")).await?;
    let blue = red.beside(&plan("blue")).await?;
    let mut both = [(red, "red"), (blue, "blue")];
    let mut placed = Vec::new();
    for (cluster, group) in &both {
        let kubectl = cluster.kubectl()?;
        let hello = cluster.publish("http-hello", "hello:1").await?;
        kubectl.apply(&grouped("hello", &hello, 2, group)?).await?;
        let workloads = ready(&kubectl, "hello", 2)
            .await
            .with_context(|| cluster.logs())?;
        placed.push(placements(&workloads));
        // Both hosts are on the bus, so each control plane knows both.
        wait::until(SOON, "both hosts", || async {
            let hosts = list(&kubectl, "hosts").await?;
            ensure!(hosts.len() == 2, "{hosts:?}");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
    }

    // A new operator compares what hosts have with what it asked for: that is when it would stop what it does not know.
    for (cluster, group) in &mut both {
        cluster.restart_operator().await?;
        let kubectl = cluster.kubectl()?;
        let hello = cluster.publish("http-hello", "hello:1").await?;
        kubectl
            .apply(&grouped("witness", &hello, 1, group)?)
            .await?;
    }
    for (index, (cluster, _)) in both.iter().enumerate() {
        let kubectl = cluster.kubectl()?;
        let all = wait::until(wait::TEST, "the witness", || async {
            let all = list(&kubectl, "workloads").await?;
            let ready = all.iter().filter(|w| crate::objects::is_ready(w)).count();
            ensure!(ready == 3 && all.len() == 3, "{ready} of {}", all.len());
            Ok::<_, anyhow::Error>(all)
        })
        .await
        .with_context(|| cluster.logs())?;
        let now = placements(&all);
        for kept in &placed[index] {
            ensure!(now.contains(kept), "{kept} was not kept: {now:?}");
        }
        let answer = cluster.get(0, "hello.test", "/").await?;
        ensure!(answer.status == 200, "{answer:?}");
    }

    // What one deletes ends there, and only there.
    let [(red, _), (blue, _)] = &both;
    red.kubectl()?
        .run(&["delete", "workloaddeployment/hello", "--timeout=25s"])
        .await?;
    red.answers("hello.test", "/", |a| a.status == 404, "404 on red")
        .await?;
    let answer = blue.get(0, "hello.test", "/").await?;
    ensure!(answer.status == 200, "{answer:?}");
    let left = placements(&list(&blue.kubectl()?, "workloads").await?);
    for kept in &placed[1] {
        ensure!(left.contains(kept), "{kept} was not kept: {left:?}");
    }
    Ok(())
}
