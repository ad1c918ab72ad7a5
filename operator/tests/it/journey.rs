//! A Deployment's life: applied, scaled, updated, deleted; bad images; lost hosts.

use crate::fixture::{PATIENCE, World, spec};
use anyhow::{Result, ensure};
use crd_types::WorkloadReplicaSet;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use std::collections::BTreeSet;
use testbed::fake_hosts::{FakeHost, Speaks};
use testbed::wait::{TEST, until, within};

fn images(host: &FakeHost) -> Vec<String> {
    let running = host.running().into_iter();
    running
        .flat_map(|s| s.workload.unwrap().wit_world.unwrap().components)
        .map(|c| c.image)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_lives_on_our_hosts_and_on_the_reference_s() -> Result<()> {
    within(TEST, "the life of a Deployment", async {
        let world = World::new().await?;
        let ours = world.host("ours", Speaks::Extension).await?;
        let theirs = world.host("theirs", Speaks::Base).await?;

        world
            .apply("hello", spec(3, "registry.example/hello:1"))
            .await?;
        let first = world.ready("hello", 3).await?;
        let spread: BTreeSet<usize> = [ours.running().len(), theirs.running().len()].into();
        ensure!(
            spread == BTreeSet::from([1, 2]),
            "spread evenly: {spread:?}"
        );
        let status = first.status.unwrap();
        ensure!(status.current_replicas == Some(3));
        ensure!(
            status.selector.as_deref() == Some("runtime.wasmcloud.dev/workload-deployment=hello")
        );
        let before: BTreeSet<_> = world
            .workload_count(3)
            .await?
            .iter()
            .filter_map(ResourceExt::uid)
            .collect();

        world
            .apply("hello", spec(5, "registry.example/hello:1"))
            .await?;
        world.ready("hello", 5).await?;
        let after: BTreeSet<_> = world
            .workload_count(5)
            .await?
            .iter()
            .filter_map(ResourceExt::uid)
            .collect();
        ensure!(
            before.is_subset(&after),
            "scaling up touches nothing that runs"
        );
        world
            .apply("hello", spec(2, "registry.example/hello:1"))
            .await?;
        world.ready("hello", 2).await?;
        world.workload_count(2).await?;

        world
            .apply("hello", spec(2, "registry.example/hello:2"))
            .await?;
        let updated = world.ready("hello", 2).await?;
        ensure!(updated.status.unwrap().updated_replicas == Some(2));
        world.workload_count(2).await?;
        for host in [&ours, &theirs] {
            ensure!(
                images(host).iter().all(|i| i == "registry.example/hello:2"),
                "{:?}",
                images(host)
            );
        }

        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn workloads_of_a_lost_host_are_replaced_and_a_restart_moves_nothing() -> Result<()> {
    within(TEST, "a lost host", async {
        let mut world = World::new().await?;
        let stays = world.host("stays", Speaks::Extension).await?;
        let leaves = world.host("leaves", Speaks::Extension).await?;
        world
            .apply("hello", spec(4, "registry.example/hello:1"))
            .await?;
        world.ready("hello", 4).await?;
        ensure!(leaves.running().len() == 2);
        let placed = |all: Vec<crd_types::Workload>| -> BTreeSet<(Option<String>, Option<String>)> {
            all.iter()
                .map(|w| (w.uid(), w.status.as_ref().and_then(|s| s.host_id.clone())))
                .collect()
        };
        let before = placed(world.workload_count(4).await?);

        world.stop_operator().await?;
        world.start_operator();
        let witness = world.host("witness", Speaks::Extension).await?;
        ensure!(
            placed(world.workload_count(4).await?) == before,
            "a restart of the operator moves nothing"
        );

        drop(leaves);
        until(PATIENCE, "all replicas on hosts that are there", || async {
            let all = world.workloads().list(&ListParams::default()).await?.items;
            let on: Vec<_> = all
                .iter()
                .filter_map(|w| w.status.as_ref()?.host_name.clone())
                .collect();
            ensure!(
                on.len() == 4 && !on.contains(&"leaves".to_owned()),
                "{on:?}"
            );
            Ok(())
        })
        .await?;
        world.ready("hello", 4).await?;
        ensure!(stays.running().len() + witness.running().len() == 4);
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_leads_to_the_hosts_until_the_deployment_is_deleted() -> Result<()> {
    within(TEST, "routes", async {
        let world = World::new().await?;
        let host = world.host("ours", Speaks::Extension).await?;
        let mut wanted = spec(1, "registry.example/hello:1");
        wanted["kubernetes"] = json!({"service": {"name": "hello"}});
        world.apply("hello", wanted).await?;
        world.ready("hello", 1).await?;
        // The Service comes last: what waits for it notices.
        let services: Api<Service> = Api::namespaced(world.client.clone(), "default");
        let service: Service = serde_json::from_value(json!({
            "metadata": {"name": "hello"}, "spec": {"ports": [{"name": "http", "port": 80}]}
        }))?;
        services.create(&PostParams::default(), &service).await?;
        let slices: Api<EndpointSlice> = Api::namespaced(world.client.clone(), "default");
        let selector = ListParams::default().labels("kubernetes.io/service-name=hello");
        until(PATIENCE, "an EndpointSlice", || async {
            let all = slices.list(&selector).await?.items;
            let addresses: Vec<String> = all
                .iter()
                .flat_map(|s| s.endpoints.iter().flatten())
                .flat_map(|e| e.addresses.clone())
                .collect();
            ensure!(addresses == ["10.1.2.3"], "{addresses:?}");
            Ok(())
        })
        .await?;
        let config = host.running()[0]
            .workload
            .clone()
            .unwrap()
            .wit_world
            .unwrap()
            .host_interfaces[0]
            .config
            .clone();
        ensure!(
            config["host-aliases"]
                == "hello,hello.default,hello.default.svc,hello.default.svc.cluster.local"
        );
        // What the garbage collector does; it takes up to 30 s to learn of a new kind, too long for a test.
        world
            .deployments()
            .delete("hello", &DeleteParams::background())
            .await?;
        let sets: Api<WorkloadReplicaSet> = Api::namespaced(world.client.clone(), "default");
        let (all, now) = (ListParams::default(), DeleteParams::background());
        sets.delete_collection(&now, &all).await?;
        world.workloads().delete_collection(&now, &all).await?;
        until(PATIENCE, "the EndpointSlice to go", || async {
            let count = slices.list(&selector).await?.items.len();
            ensure!(count == 0, "{count} slices");
            Ok(())
        })
        .await?;
        until(PATIENCE, "the Workload to go", || async {
            let left = world
                .workloads()
                .list(&ListParams::default())
                .await?
                .items
                .len();
            ensure!(left == 0, "{left} Workloads");
            Ok(())
        })
        .await?;
        ensure!(host.running().is_empty(), "nothing is left on the host");
        Ok(())
    })
    .await?
}
