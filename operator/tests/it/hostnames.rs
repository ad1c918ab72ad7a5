//! Host names: those a Service brings, and who may have which.

use crate::fixture::{PATIENCE, World, spec};
use anyhow::{Result, anyhow, ensure};
use crd_types::{ConditionStatus, Workload, WorkloadDeployment, condition};
use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use testbed::fake_hosts::{FakeHost, HostOptions, Speaks};
use testbed::wait::{TEST, until, within};

/// A Deployment with one replica, these interfaces and names.
fn named(interface: &str, config: &Value, host: &str) -> Value {
    let mut wanted = spec(1, "registry.example/hello:1");
    wanted["template"]["spec"]["hostId"] = json!(host);
    wanted["template"]["spec"]["hostInterfaces"] = json!([
        {"namespace": "wasi", "package": "http", "interfaces": [interface], "config": config},
    ]);
    wanted
}

/// Waits until a Workload of the Deployment says so in a condition.
async fn says(
    world: &World,
    namespace: &str,
    deployment: &str,
    type_: &str,
    status: ConditionStatus,
    reason: &str,
) -> Result<String> {
    let api: Api<Workload> = Api::namespaced(world.client.clone(), namespace);
    until(
        PATIENCE,
        &format!("{namespace}/{deployment} to say {type_} {reason}"),
        || async {
            let all = api.list(&ListParams::default()).await?.items;
            let mine = all.iter().find(|w| w.name_any().starts_with(deployment));
            let workload = mine.ok_or_else(|| anyhow!("no Workload"))?;
            let conditions = workload.status.clone().unwrap_or_default().conditions;
            let found = condition::find(&conditions, type_).cloned();
            let found = found.ok_or_else(|| anyhow!("{conditions:?}"))?;
            ensure!(
                found.status == status && found.reason == reason,
                "{found:?}"
            );
            anyhow::Ok(found.message)
        },
    )
    .await
}

async fn sent(host: &FakeHost, namespace: &str) -> Result<BTreeMap<String, String>> {
    until(PATIENCE, &format!("a start for {namespace}"), || async {
        let running = host.running();
        let mut all = running.into_iter().filter_map(|s| s.workload);
        let found = all.find(|w| w.namespace == namespace);
        let world = found.and_then(|w| w.wit_world);
        world
            .map(|w| w.host_interfaces[0].config.clone())
            .ok_or_else(|| "nothing yet".to_owned())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn w16_both_generations_of_handlers_get_all_four_names_of_the_service() -> Result<()> {
    within(TEST, "names of a Service", async {
        let world = World::new().await?;
        for (name, interface, speaks) in [
            ("two", "incoming-handler", Speaks::Extension),
            ("three", "handler", Speaks::Extension),
            ("base", "handler", Speaks::Base),
        ] {
            let host = world
                .host_with(HostOptions::named(name).speaks(speaks))
                .await?;
            let mut wanted = named(
                interface,
                &json!({"host-aliases": "shop.example"}),
                &host.id,
            );
            wanted["kubernetes"] = json!({"service": {"name": name}});
            world.apply(name, wanted).await?;
            let config = sent(&host, "default").await?;
            let full = format!("{name}.default.svc.cluster.local");
            ensure!(
                config["host-aliases"]
                    == format!("shop.example,{name},{name}.default,{name}.default.svc,{full}"),
                "{config:?}"
            );
            // Hosts of the reference insist on a host.
            ensure!(config["host"] == full, "{config:?}");
            // A name that all three declare within one namespace is shared.
            world.ready(name, 1).await?;
        }
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn w34_a_name_has_one_owner_and_a_single_label_has_none() -> Result<()> {
    within(TEST, "owners of names", async {
        let world = World::new().await?;
        let namespaces: Api<Namespace> = Api::all(world.client.clone());
        for name in ["shop", "thief"] {
            let body = serde_json::from_value(json!({"metadata": {"name": name}}))?;
            namespaces.create(&PostParams::default(), &body).await?;
        }
        let host = world.host("ours", Speaks::Extension).await?;
        let names = json!({"host": "shop.example", "host-aliases": "web"});
        world
            .apply_in("shop", "web", named("handler", &names, &host.id))
            .await?;
        says(
            &world,
            "shop",
            "web",
            "Ready",
            ConditionStatus::True,
            "Available",
        )
        .await?;
        let services: Api<Service> = Api::namespaced(world.client.clone(), "shop");
        let service = json!({"metadata": {"name": "api"}, "spec": {"ports": [{"port": 80}]}});
        services
            .create(&PostParams::default(), &serde_json::from_value(service)?)
            .await?;

        // It wants the name of another, a name of another namespace's Service, and one of its own: it gets that.
        let greedy =
            json!({"host": "Shop.Example", "host-aliases": "api.shop, mine.example, api.shop.svc"});
        world
            .apply_in("thief", "greedy", named("handler", &greedy, &host.id))
            .await?;
        let no = ConditionStatus::False;
        let message = says(&world, "thief", "greedy", "Hostnames", no, "HostnameTaken").await?;
        ensure!(
            message.contains("\"shop.example\" belongs to an older workload of namespace \"shop\""),
            "{message}"
        );
        ensure!(
            message.contains("\"api.shop\" is a name of a Service"),
            "{message}"
        );
        let config = sent(&host, "thief").await?;
        ensure!(config["host"] == "mine.example" && config["host-aliases"] == "mine.example");
        says(
            &world,
            "thief",
            "greedy",
            "Ready",
            ConditionStatus::True,
            "Available",
        )
        .await?;

        // Nothing but the name of another: it is not placed until that is free.
        let only = json!({"host": "shop.example"});
        world
            .apply_in("thief", "only", named("handler", &only, &host.id))
            .await?;
        says(&world, "thief", "only", "Ready", no, "HostnameTaken").await?;

        // A single label is nobody's: both are told.
        let label = json!({"host": "other.example", "host-aliases": "web"});
        world
            .apply_in("thief", "label", named("handler", &label, &host.id))
            .await?;
        says(&world, "thief", "label", "Hostnames", no, "AliasAmbiguous").await?;
        says(&world, "shop", "web", "Hostnames", no, "AliasAmbiguous").await?;

        let owners: Api<WorkloadDeployment> = Api::namespaced(world.client.clone(), "shop");
        owners.delete("web", &DeleteParams::background()).await?;
        // What the garbage collector does; it takes up to 30 s to learn of a new kind, too long for a test.
        let sets: Api<crd_types::WorkloadReplicaSet> =
            Api::namespaced(world.client.clone(), "shop");
        let workloads: Api<Workload> = Api::namespaced(world.client.clone(), "shop");
        let (all, now) = (ListParams::default(), DeleteParams::background());
        sets.delete_collection(&now, &all).await?;
        workloads.delete_collection(&now, &all).await?;
        says(
            &world,
            "thief",
            "only",
            "Ready",
            ConditionStatus::True,
            "Available",
        )
        .await?;
        let yes = ConditionStatus::True;
        says(&world, "thief", "label", "Hostnames", yes, "Available").await?;
        Ok(())
    })
    .await?
}
