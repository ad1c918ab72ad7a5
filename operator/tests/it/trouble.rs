//! What goes wrong is told: in the status of every level, and in an Event.

use crate::fixture::{PATIENCE, World, spec, tries_with_pauses};
use anyhow::{Result, ensure};
use crd_types::{ConditionStatus, condition};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::api::events::v1::Event;
use kube::api::{ListParams, PostParams};
use kube::{Api, ResourceExt};
use protocol::Reason;
use serde_json::json;
use testbed::fake_hosts::Speaks;
use testbed::wait::{TEST, until, within};

/// Waits until the Deployment is not Ready for this reason, with these words.
async fn told(world: &World, name: &str, reason: &str, words: &str) -> Result<()> {
    until(
        PATIENCE,
        &format!("{name} to say {reason}: {words}"),
        || async {
            let found = world.deployments().get(name).await?;
            let conditions = found.status.map(|s| s.conditions).unwrap_or_default();
            let ready = condition::find(&conditions, "Ready");
            let said = ready.is_some_and(|r| {
                r.status == ConditionStatus::False
                    && r.reason == reason
                    && r.message.contains(words)
            });
            ensure!(said, "{ready:?}");
            anyhow::Ok(())
        },
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_image_is_explained_and_does_not_loop() -> Result<()> {
    within(TEST, "a bad image", async {
        let world = World::new().await?;
        for (name, speaks, reason) in [
            ("ours", Speaks::Extension, Reason::ImageNotFound.as_str()),
            ("theirs", Speaks::Base, "StartFailed"),
        ] {
            let host = world.host(name, speaks).await?;
            let image = format!("registry.example/{name}:1");
            host.fail(
                &image,
                Reason::ImageNotFound,
                &format!("{image}: manifest unknown"),
            );
            let mut wanted = spec(1, &image);
            wanted["template"]["spec"]["hostId"] = json!(host.id);
            world.apply(name, wanted).await?;
            told(&world, name, reason, "manifest unknown").await?;
            let mine = || async {
                let all = world.workloads().list(&ListParams::default()).await?.items;
                let mut mine = all.into_iter().filter(|w| w.name_any().starts_with(name));
                let first = mine.next();
                ensure!(mine.next().is_none(), "one Workload at a time");
                first.ok_or_else(|| anyhow::anyhow!("no Workload"))
            };
            let workload = mine().await?;
            let error = workload.status.as_ref().and_then(|s| s.last_error.clone());
            ensure!(error.is_some_and(|e| e.reason == reason));
            let events: Api<Event> = Api::namespaced(world.client.clone(), "default");
            until(PATIENCE, "the Event", || async {
                let all = events.list(&ListParams::default()).await?.items;
                let told = all.iter().any(|e| {
                    e.reason.as_deref() == Some(reason)
                        && e.regarding.as_ref().and_then(|r| r.name.clone())
                            == Some(workload.name_any())
                });
                ensure!(told, "{} events", all.len());
                anyhow::Ok(())
            })
            .await?;
            tries_with_pauses(&host).await?;
            ensure!(
                mine().await?.uid() == workload.uid(),
                "the Workload was not recreated"
            );
        }
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_named_and_noticed_when_it_comes() -> Result<()> {
    within(TEST, "missing configuration and hosts", async {
        let world = World::new().await?;
        let mut wanted = spec(1, "registry.example/hello:1");
        wanted["template"]["spec"]["components"][0]["localResources"] = json!({"environment": {
            "config": {"A": "literal", "B": "literal"},
            "configFrom": [{"name": "settings"}, {"name": "absent", "optional": true}],
            "secretFrom": [{"name": "keys"}],
        }});
        world.apply("hello", wanted).await?;
        told(
            &world,
            "hello",
            Reason::ConfigNotFound.as_str(),
            "ConfigMap settings does not exist",
        )
        .await?;

        let maps: Api<ConfigMap> = Api::namespaced(world.client.clone(), "default");
        let map = json!({"metadata": {"name": "settings"}, "data": {"B": "map", "C": "map"}});
        maps.create(&PostParams::default(), &serde_json::from_value(map)?)
            .await?;
        let secrets: Api<Secret> = Api::namespaced(world.client.clone(), "default");
        let secret = json!({"metadata": {"name": "keys"}, "stringData": {"C": "secret"}});
        secrets
            .create(&PostParams::default(), &serde_json::from_value(secret)?)
            .await?;
        told(&world, "hello", Reason::NoHostFits.as_str(), "0/0 hosts").await?;

        let host = world.host("ours", Speaks::Extension).await?;
        world.ready("hello", 1).await?;
        let start = host.running().remove(0);
        let components = start.workload.unwrap().wit_world.unwrap().components;
        let environment = components[0].local_resources.clone().unwrap().environment;
        let expected = [("A", "literal"), ("B", "map"), ("C", "secret")];
        ensure!(
            environment
                .iter()
                .map(|(k, v)| (k.as_str(), v.as_str()))
                .eq(expected),
            "{environment:?}"
        );
        Ok(())
    })
    .await?
}
