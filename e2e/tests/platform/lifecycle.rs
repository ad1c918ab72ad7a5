//! A deployment's life: applied, scaled, updated, deleted.

use anyhow::Result;
use testbed::wait;

use crate::cluster::{Cluster, Hosts, SOON};
use crate::objects::{deployment, handling, list, object, placements, ready};

#[tokio::test]
async fn a_deployment_answers_scales_changes_and_leaves_nothing_behind() {
    wait::within(2 * wait::TEST, "the lifecycle", lifecycle())
        .await
        .unwrap()
        .unwrap();
}

/// Every name of the deployment behind the Service `service`: its own, its alias, and those of the Service.
fn names(service: &str) -> [String; 6] {
    let ends = [
        "test",
        "alias.test",
        "default",
        "default.svc",
        "default.svc.cluster.local",
    ];
    let [host, alias, short, svc, full] = ends.map(|end| format!("{service}.{end}"));
    [host, alias, service.to_owned(), short, svc, full]
}

#[tokio::test]
async fn w16_names_of_a_service_lead_to_components_of_wasi_0_3_too() {
    wait::within(2 * wait::TEST, "names of a service", names_of_0_3())
        .await
        .unwrap()
        .unwrap();
}

async fn names_of_0_3() -> Result<()> {
    let cluster = Cluster::start(Hosts::One).await?;
    let kubectl = cluster.kubectl()?;
    let component = cluster.publish("http-async", "async:1").await?;
    kubectl
        .apply(&handling("async", &component, 1, "handler"))
        .await?;
    ready(&kubectl, "async", 1).await?;
    for name in names("async") {
        let answer = cluster.get(0, &name, "/").await?;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
    }
    Ok(())
}

async fn lifecycle() -> Result<()> {
    let cluster = Cluster::start(Hosts::One).await?;
    let kubectl = cluster.kubectl()?;
    let hello = cluster.publish("http-hello", "hello:1").await?;
    let echo = cluster.publish("http-echo", "hello:2").await?;

    // Applied: it answers under its own name and every name of its Service.
    kubectl.apply(&deployment("hello", &hello, 2)).await?;
    let first = ready(&kubectl, "hello", 2).await?;
    for name in names("hello") {
        let answer = cluster.get(0, &name, "/path?x=1").await?;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        assert!(
            answer.body.contains("You asked for /path?x=1"),
            "{name}: {answer:?}"
        );
    }
    assert_eq!(cluster.get(0, "stranger.test", "/").await?.status, 404);

    // Scaled up and down: those that stay are not touched.
    kubectl
        .run(&["scale", "workloaddeployment/hello", "--replicas=4"])
        .await?;
    let four = placements(&ready(&kubectl, "hello", 4).await?);
    for kept in placements(&first) {
        assert!(four.contains(&kept), "{kept} was not kept: {four:?}");
    }
    kubectl
        .run(&["scale", "workloaddeployment/hello", "--replicas=1"])
        .await?;
    let one = placements(&ready(&kubectl, "hello", 1).await?);
    assert!(four.contains(&one[0]), "{one:?} is none of {four:?}");
    assert_eq!(cluster.get(0, "hello.test", "/").await?.status, 200);

    // Updated: the new image answers, and no other workload than its own is left.
    kubectl.apply(&deployment("hello", &echo, 1)).await?;
    let new = |answer: &crate::cluster::Answer| {
        answer.status == 200 && answer.head.contains("x-path: /new")
    };
    cluster
        .answers("hello.test", "/new", new, "the new image's answer")
        .await?;
    let updated = ready(&kubectl, "hello", 1).await?;
    assert_ne!(placements(&updated), one);
    assert_eq!(
        updated[0]["spec"]["components"][0]["image"].as_str(),
        Some(echo.as_str())
    );

    // Deleted: the name is unknown, the objects are gone and the host is empty.
    kubectl
        .run(&["delete", "workloaddeployment/hello", "--wait=false"])
        .await?;
    cluster
        .answers(
            "hello.test",
            "/",
            |answer| answer.status == 404,
            "404 after the deletion",
        )
        .await?;
    for kind in ["workloaddeployments", "workloadreplicasets", "workloads"] {
        wait::until(SOON, &format!("no {kind}"), || async {
            let left = list(&kubectl, kind).await?;
            anyhow::ensure!(left.is_empty(), "{left:?}");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
    }
    wait::until(SOON, "an empty host", || async {
        let hosts = list(&kubectl, "hosts").await?;
        let count = &hosts[0]["status"]["workloadCount"];
        anyhow::ensure!(count.as_i64().unwrap_or(0) == 0, "it has {count} workloads");
        Ok::<_, anyhow::Error>(())
    })
    .await?;
    // The Service is the user's own: it stays.
    object(&kubectl, "service/hello").await?;
    cluster.nothing_was_refused()
}
