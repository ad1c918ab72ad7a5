//! A cordoned host keeps what it has and is given nothing new, whoever cordoned it.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testbed::kube::Kubectl;
use testbed::{bin, wait};

use crate::cluster::{Cluster, Hosts, SOON};
use crate::objects::{condition, deployment, list, placements, ready, spread};

#[tokio::test]
async fn a_cordoned_host_is_given_nothing_new() {
    wait::within(3 * wait::TEST, "cordoned hosts", cordon())
        .await
        .unwrap()
        .unwrap();
}

async fn wash(kubeconfig: &Path, verb: &str, host: &str) -> Result<String> {
    let output = tokio::process::Command::new(bin::path("wash")?)
        .args(["host", verb, host, "--kubeconfig"])
        .arg(kubeconfig)
        .output()
        .await
        .context("cannot run wash")?;
    ensure!(
        output.status.success(),
        "wash host {verb} {host}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

async fn hosts_by_name(kubectl: &Kubectl) -> Result<[Value; 2]> {
    let mut hosts = list(kubectl, "hosts").await?;
    hosts.sort_by_key(|host| host["metadata"]["name"].to_string());
    hosts
        .try_into()
        .map_err(|hosts| anyhow::anyhow!("not two: {hosts:?}"))
}

async fn cordon() -> Result<()> {
    let cluster = Cluster::start(Hosts::TwoOverNats).await?;
    let (kubectl, kubeconfig) = (cluster.kubectl()?, cluster.kubeconfig());
    let hello = cluster.publish("http-hello", "hello:1").await?;
    let hosts = hosts_by_name(&kubectl).await?;
    let [first, second] = hosts.map(|host| host["hostId"].as_str().unwrap_or("").to_owned());
    let (first_name, second_name) = (cluster.host_name(0), cluster.host_name(1));

    // By wash, from wherever: the host's namespace is found.
    let told = wash(&kubeconfig, "cordon", first_name).await?;
    ensure!(told == format!("host/{first_name} cordoned\n"), "{told:?}");
    let told = wash(&kubeconfig, "cordon", first_name).await?;
    ensure!(told.contains("already cordoned"), "{told:?}");
    kubectl.apply(&deployment("hello", &hello, 2)).await?;
    let two = ready(&kubectl, "hello", 2)
        .await
        .with_context(|| cluster.logs())?;
    ensure!(spread(&two)[&second] == 2, "{:?}", spread(&two));

    // By kubectl the same, with what runs there left alone.
    wash(&kubeconfig, "uncordon", first_name).await?;
    let namespace = hosts_by_name(&kubectl).await?[1]["metadata"]["namespace"]
        .as_str()
        .context("a host has a namespace")?
        .to_owned();
    let patch = [
        "--namespace",
        &namespace,
        "patch",
        &format!("host/{second_name}"),
        "--type=merge",
        "--patch",
        "{\"unschedulable\":true}",
    ];
    kubectl.run(&patch).await?;
    kubectl
        .run(&["scale", "workloaddeployment/hello", "--replicas=4"])
        .await?;
    let four = ready(&kubectl, "hello", 4)
        .await
        .with_context(|| cluster.logs())?;
    let counts = spread(&four);
    ensure!(counts[&first] == 2 && counts[&second] == 2, "{counts:?}");
    let now = placements(&four);
    for kept in placements(&two) {
        ensure!(now.contains(&kept), "{kept} was not kept: {now:?}");
    }

    // With none left the reason says so, and goes with the first host that is back.
    wash(&kubeconfig, "cordon", first_name).await?;
    kubectl.apply(&deployment("late", &hello, 1)).await?;
    wait::until(SOON, "the reason", || async {
        let workloads = list(&kubectl, "workloads").await?;
        let late = workloads
            .iter()
            .find(|workload| workload["metadata"]["name"].to_string().contains("late"))
            .context("no workload yet")?;
        let scheduled = condition(late, "Ready").context("no condition yet")?;
        ensure!(
            scheduled["reason"] == "NoHostFits"
                && scheduled["message"].to_string().contains("2 unschedulable"),
            "{scheduled}"
        );
        Ok::<_, anyhow::Error>(())
    })
    .await
    .with_context(|| cluster.logs())?;
    wash(&kubeconfig, "uncordon", second_name).await?;
    wait::until(SOON, "the late one", || async {
        let workloads = list(&kubectl, "workloads").await?;
        let ready = workloads
            .iter()
            .filter(|workload| crate::objects::is_ready(workload))
            .cloned()
            .collect::<Vec<_>>();
        ensure!(ready.len() == 5, "{} of 5", ready.len());
        ensure!(spread(&ready)[&second] == 3, "{:?}", spread(&ready));
        Ok::<_, anyhow::Error>(())
    })
    .await
    .with_context(|| cluster.logs())
}
