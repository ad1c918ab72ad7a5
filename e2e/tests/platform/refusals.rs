//! What cannot work says why, where a user looks.

use anyhow::{Context, Result, ensure};
use testbed::wait;

use crate::cluster::{Cluster, Hosts, SOON};
use crate::objects::{condition, deployment, list, object, ready};

#[tokio::test]
async fn an_image_that_is_not_there_shows_in_status_and_event() {
    wait::within(2 * wait::TEST, "the missing image", missing_image())
        .await
        .unwrap()
        .unwrap();
}

async fn missing_image() -> Result<()> {
    let cluster = Cluster::start(Hosts::One).await?;
    let kubectl = cluster.kubectl()?;
    let image = cluster.missing_image();
    kubectl.apply(&deployment("broken", &image, 1)).await?;

    let seen = wait::until(
        SOON,
        "the reason in the workload's and the deployment's status",
        || async {
            let workloads = list(&kubectl, "workloads").await?;
            let workload = workloads.first().context("no workload yet")?;
            let deployment = object(&kubectl, "workloaddeployment/broken").await?;
            for object in [workload, &deployment] {
                let ready = condition(object, "Ready").context("no condition Ready yet")?;
                ensure!(
                    ready["status"] == "False" && ready["reason"] == "ImageNotFound",
                    "{ready}"
                );
                ensure!(
                    ready["message"]
                        .as_str()
                        .is_some_and(|message| message.contains(&image)),
                    "{ready}"
                );
            }
            Ok::<_, anyhow::Error>(workload.clone())
        },
    )
    .await
    .with_context(|| cluster.logs())?;

    let name = seen["metadata"]["name"]
        .as_str()
        .context("a workload has a name")?
        .to_owned();
    let described = format!("workload/{name}");
    wait::until(SOON, "the reason in an Event", || async {
        let text = kubectl.run(&["describe", &described]).await?;
        let events = text.split("Events:").nth(1).unwrap_or_default();
        ensure!(
            events.contains("Warning") && events.contains("ImageNotFound"),
            "{text}"
        );
        Ok::<_, anyhow::Error>(())
    })
    .await?;

    // Corrected, it comes up without further help.
    let hello = cluster.publish("http-hello", "hello:1").await?;
    kubectl.apply(&deployment("broken", &hello, 1)).await?;
    ready(&kubectl, "broken", 1)
        .await
        .with_context(|| cluster.logs())?;
    assert_eq!(cluster.get(0, "broken.test", "/").await?.status, 200);
    cluster.nothing_was_refused()
}
