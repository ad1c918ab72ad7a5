//! What hosts have against what they should have.

use crate::estate::{Estate, PATIENCE, ids, uids};
use anyhow::{Result, anyhow, ensure};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::DeleteParams;
use kube::{Api, ResourceExt};
use serde_json::json;
use testbed::fake_hosts::{Did, FakeHost, HostOptions, OnStart, Speaks};
use testbed::wait::{TEST, until, within};

async fn control_plane(estate: &Estate) -> Result<String> {
    let namespaces: Api<Namespace> = Api::all(estate.client.clone());
    let namespace = namespaces.get(&estate.namespace).await?;
    namespace.uid().ok_or_else(|| anyhow!("no uid"))
}

pub async fn gone(estate: &Estate, name: &str) -> Result<()> {
    until(PATIENCE, "the Workload to go", || async {
        let found = estate.workloads().get_opt(name).await?;
        ensure!(found.is_none(), "{:?}", found.map(|w| w.metadata));
        anyhow::Ok(())
    })
    .await
}

pub async fn has(host: &FakeHost, wanted: &[String]) -> Result<()> {
    until(PATIENCE, "the host to have what it should", || async {
        let has = ids(host);
        ensure!(has == wanted, "{has:?}, {:?}", host.log());
        anyhow::Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn w09_a_start_that_arrives_after_the_deletion_is_undone() -> Result<()> {
    within(TEST, "a late start", async {
        let estate = Estate::new("w09-late").await?;
        let _operator = estate.operate(estate.options()).await?;
        let host = estate.host(HostOptions::named("late")).await?;
        // Somebody else's, and one that says not whose: neither is ours to stop.
        host.plant_for("theirs", "another", &estate.namespace, "theirs");
        host.plant_for("base", "", &estate.namespace, "base");

        host.on_start(OnStart::Silent);
        estate.create("slow", json!({})).await?;
        let placed = estate
            .workload("slow", "placed", |w| {
                w.status.as_ref().is_some_and(|s| s.host_id.is_some())
            })
            .await?;
        let now = DeleteParams::background();
        estate.workloads().delete("slow", &now).await?;
        gone(&estate, "slow").await?;

        let uid = placed.uid().unwrap();
        let ours = control_plane(&estate).await?;
        host.plant_for(&uid, &ours, &estate.namespace, "slow");
        has(&host, &["base".into(), "theirs".into()]).await?;
        ensure!(host.log().contains(&Did::Stopped(uid)));
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn w09_what_a_host_has_lost_is_started_again_at_once() -> Result<()> {
    within(TEST, "a lost workload", async {
        let estate = Estate::new("w09-missing").await?;
        let _operator = estate.operate(estate.options()).await?;
        let host = estate.host(HostOptions::named("forgetful")).await?;
        estate.create("kept", json!({})).await?;
        let uid = estate.workload_ready("kept").await?.uid().unwrap();
        host.lose(&uid);
        has(&host, std::slice::from_ref(&uid)).await?;
        let back = estate
            .workload("kept", "started again", |w| {
                w.status.as_ref().is_some_and(|s| s.restarts == Some(1))
            })
            .await?;
        ensure!(back.uid().as_ref() == Some(&uid));
        let error = back.status.and_then(|s| s.last_error).unwrap();
        ensure!(error.reason == "WorkloadGone", "{error:?}");
        estate.workload_ready("kept").await?;
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn w09_a_host_that_comes_back_stops_what_was_replaced_meanwhile() -> Result<()> {
    within(TEST, "a host that comes back", async {
        let estate = Estate::new("w09-back").await?;
        let _operator = estate.operate(estate.options()).await?;
        let away = estate.host(HostOptions::named("away")).await?;
        let stays = estate.host(HostOptions::named("stays")).await?;
        estate
            .apply("hello", crate::fixture::spec(2, "registry.example/hello:1"))
            .await?;
        estate.available("hello", 2).await?;
        ensure!((away.running().len(), stays.running().len()) == (1, 1));
        away.disconnect();
        until(PATIENCE, "both on the host that stays", || async {
            ensure!(stays.running().len() == 2, "{:?}", stays.log());
            anyhow::Ok(())
        })
        .await?;
        estate.available("hello", 2).await?;
        ensure!(away.running().len() == 1, "it goes on, unheard");

        away.reconnect().await?;
        has(&away, &[]).await?;
        let mut has: Vec<String> = ids(&stays);
        has.sort();
        ensure!(has == uids(&estate.all_workloads().await?));
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn w09_a_host_without_inventory_gets_the_stops_it_is_owed() -> Result<()> {
    within(TEST, "stops that are owed", async {
        let estate = Estate::new("w09-owed").await?;
        let mut operator = estate.operate(estate.options()).await?;
        let host = estate
            .host(HostOptions::named("base").speaks(Speaks::Base))
            .await?;
        estate.create("gone", json!({})).await?;
        estate.create("kept", json!({})).await?;
        estate.workload_ready("gone").await?;
        let kept = estate.workload_ready("kept").await?.uid().unwrap();
        ensure!(host.running().len() == 2);

        host.disconnect();
        estate
            .workloads()
            .delete("gone", &DeleteParams::background())
            .await?;
        gone(&estate, "gone").await?;
        let noted = estate.hosts().get("base").await?;
        let owed = noted.status.unwrap_or_default().owed_stops;
        ensure!(owed.iter().any(|o| o.name == "gone"), "{owed:?}");
        // What is owed is remembered by the API server, not by the operator.
        operator.stop().await?;
        operator = estate.operate(estate.options()).await?;

        host.reconnect().await?;
        has(&host, std::slice::from_ref(&kept)).await?;
        until(PATIENCE, "nothing to be owed", || async {
            host.beat().await;
            let status = estate.hosts().get("base").await?.status.unwrap_or_default();
            ensure!(status.owed_stops.is_empty(), "{:?}", status.owed_stops);
            anyhow::Ok(())
        })
        .await?;
        estate.workload_ready("kept").await?;
        operator.stop().await
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn two_control_planes_on_one_bus_leave_each_other_alone() -> Result<()> {
    within(TEST, "two control planes", async {
        let one = Estate::new("planes-one").await?;
        let mut two = Estate::new("planes-two").await?;
        two.network = one.network.clone();
        let _first = one.operate(one.options()).await?;
        let second = two.operate(two.options()).await?;
        let host = one.host(HostOptions::named("common")).await?;
        two.host_ready("common").await?;
        // The same names on both sides.
        one.create("same", json!({})).await?;
        two.create("same", json!({})).await?;
        let mine = one.workload_ready("same").await?.uid().unwrap();
        let theirs = two.workload_ready("same").await?.uid().unwrap();
        let mut both = vec![mine.clone(), theirs.clone()];
        both.sort();
        has(&host, &both).await?;

        // One restarts what the other has nothing to do with, several inventories long.
        for round in 2..4 {
            host.lose(&mine);
            until(PATIENCE, "ours to be back", || async {
                let started = Did::Started(mine.clone());
                let times = host.log().iter().filter(|d| **d == started).count();
                ensure!(times >= round, "{times}");
                anyhow::Ok(())
            })
            .await?;
        }
        has(&host, &both).await?;
        second.stop().await?;
        one.workloads()
            .delete("same", &DeleteParams::background())
            .await?;
        has(&host, std::slice::from_ref(&theirs)).await?;
        let times = |did: Did| host.log().iter().filter(|d| **d == did).count();
        ensure!(
            times(Did::Started(theirs.clone())) == 1 && times(Did::Stopped(theirs.clone())) == 0
        );
        Ok(())
    })
    .await?
}
