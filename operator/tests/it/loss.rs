//! Hosts that are lost, seem lost, leave, and are replaced.

use crate::estate::{Estate, PATIENCE, ids, uids};
use crate::fixture::spec;
use crate::witness::Witness;
use anyhow::{Result, anyhow, ensure};
use crd_types::condition;
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::ListParams;
use protocol::v2::WorkloadState;
use serde_json::json;
use std::time::{Duration, Instant};
use testbed::fake_hosts::{FakeHost, Faults, HostOptions, OnStart};
use testbed::wait::{TEST, until, within};

#[tokio::test(flavor = "multi_thread")]
async fn w02_loss_of_the_bus_is_not_loss_of_the_fleet() -> Result<()> {
    within(TEST, "the bus is down", async {
        let estate = Estate::new("w02").await?;
        let mut options = estate.options();
        options.liveness.window = Duration::from_secs(1);
        options.probe_interval = Duration::from_millis(200);
        let window = options.liveness.window;
        let operator = estate.operate(options).await?;
        let a = estate.host(HostOptions::named("a")).await?;
        let b = estate.host(HostOptions::named("b")).await?;
        estate
            .apply("hello", spec(4, "registry.example/hello:1"))
            .await?;
        estate.available("hello", 4).await?;
        let before = uids(&estate.all_workloads().await?);
        let logs = (a.log(), b.log());

        let witness = Witness::of(&estate.client, &estate.namespace).await?;

        estate.network.interrupt();
        // The outage: several windows long. The workloads go on all the while.
        tokio::time::sleep(window * 5).await;
        let asked = [&a, &b].map(FakeHost::inventories);
        estate.network.restore();
        // Freshly back, hosts may be slow to be heard; probes find them within the window. The first inventory is taken
        // at once, the others 0.8 s later each, if not more: the window is over then.
        until(PATIENCE, "the window to be over", || async {
            let more = [a.inventories() - asked[0], b.inventories() - asked[1]];
            ensure!(more.iter().all(|more| *more > 3), "{more:?}");
            Ok(())
        })
        .await?;
        let trouble = witness.trouble().await?;
        ensure!(trouble.is_empty(), "{trouble:?}");
        ensure!(uids(&estate.all_workloads().await?) == before);
        for name in ["a", "b"] {
            estate.host_ready(name).await?;
        }
        estate.available("hello", 4).await?;
        ensure!((a.log(), b.log()) == logs, "nothing was started or stopped");
        // It has told all that it had to tell.
        operator.stop().await?;
        let events: Api<Event> = Api::namespaced(estate.client.clone(), &estate.namespace);
        let all = events.list(&ListParams::default()).await?.items;
        ensure!(all.iter().all(|e| e.reason.as_deref() != Some("HostLost")));
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn w03_a_restarted_host_takes_its_former_self_s_place_at_once() -> Result<()> {
    within(TEST, "a restarted host", async {
        let estate = Estate::new("w03").await?;
        let mut options = estate.options();
        // As outside: waiting for silence would take much longer than what is promised.
        options.liveness.window = Duration::from_secs(45);
        options.probe_interval = Duration::from_secs(5);
        let _operator = estate.operate(options).await?;
        let host = estate.host(HostOptions::named("phoenix")).await?;
        estate
            .apply("hello", spec(2, "registry.example/hello:1"))
            .await?;
        estate.available("hello", 2).await?;

        let killed = Instant::now();
        let new = host.restart().await?;
        until(
            PATIENCE,
            "the new process to have the workloads",
            || async {
                ensure!(new.running().len() == 2, "{:?}", new.log());
                let object = estate.hosts().get("phoenix").await?;
                ensure!(object.host_id == new.id);
                anyhow::Ok(())
            },
        )
        .await?;
        let took = killed.elapsed();
        ensure!(took < Duration::from_secs(5), "{took:?}");
        estate.available("hello", 2).await?;
        ensure!(
            estate
                .hosts()
                .list(&ListParams::default())
                .await?
                .items
                .len()
                == 1
        );
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn two_refusals_are_enough_and_a_goodbye_is_faster() -> Result<()> {
    within(TEST, "a host that dies and one that leaves", async {
        let estate = Estate::new("refusals").await?;
        let mut options = estate.options();
        options.liveness.window = Duration::from_secs(3);
        options.lost_retention = Duration::from_secs(20);
        let _operator = estate.operate(options).await?;
        let dies = estate.host(HostOptions::named("dies")).await?;
        let leaves = estate.host(HostOptions::named("leaves")).await?;
        let stays = estate.host(HostOptions::named("stays")).await?;
        estate
            .apply("hello", spec(3, "registry.example/hello:1"))
            .await?;
        estate.available("hello", 3).await?;
        ensure!(ids(&dies).len() == 1 && ids(&leaves).len() == 1);

        leaves.goodbye().await;
        until(PATIENCE, "its workload to move", || async {
            ensure!(dies.running().len() + stays.running().len() == 3);
            anyhow::Ok(())
        })
        .await?;
        dies.die();
        until(PATIENCE, "its workloads to move", || async {
            ensure!(stays.running().len() == 3, "{:?}", stays.log());
            anyhow::Ok(())
        })
        .await?;
        for (name, words) in [("leaves", "goodbye"), ("dies", "stopped answering")] {
            let host = estate.hosts().get(name).await?;
            let conditions = host.status.unwrap_or_default().conditions;
            let ready = condition::find(&conditions, "Ready").cloned().unwrap();
            ensure!(
                ready.reason == "HostLost" && ready.message.contains(words),
                "{ready:?}"
            );
            estate.event(name, "HostLost").await?;
        }
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn one_heartbeat_in_a_window_is_enough() -> Result<()> {
    within(TEST, "a host that is hardly heard", async {
        let estate = Estate::new("hardly").await?;
        let options = estate.options();
        let window = options.liveness.window;
        let _operator = estate.operate(options).await?;
        let host = estate.host(HostOptions::named("hardly")).await?;
        estate.create("kept", json!({})).await?;
        estate.workload_ready("kept").await?;
        let witness = Witness::of(&estate.client, &estate.namespace).await?;
        // It is asked, and hears nothing of it.
        host.faults(Faults {
            lost: 1.0,
            commands: true,
            ..Faults::default()
        });
        for _ in 0..4 {
            host.beat().await;
            tokio::time::sleep(window * 2 / 3).await;
        }
        host.beat().await;
        let trouble = witness.trouble().await?;
        ensure!(trouble.is_empty(), "{trouble:?}");
        // Without that it is lost.
        estate.event("hardly", "HostLost").await?;
        ensure!(!witness.trouble().await?.is_empty());
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn w04_finalizers_of_earlier_releases_hold_nothing_back() -> Result<()> {
    within(TEST, "legacy finalizers", async {
        let estate = Estate::new("w04").await?;
        let legacy = "runtime.wasmcloud.dev/gateway-host-finalizer";
        let old = json!({
            "metadata": {"name": "old", "finalizers": [legacy, "runtime.wasmcloud.dev/host-finalizer"]},
            "hostId": "old",
        });
        let hosts = estate.hosts();
        hosts
            .create(&kube::api::PostParams::default(), &serde_json::from_value(with_kind(old))?)
            .await?;
        let _operator = estate.operate(estate.options()).await?;
        until(PATIENCE, "the lost host's object to go", || async {
            let found = hosts.get_opt("old").await?;
            ensure!(found.is_none(), "{:?}", found.map(|h| h.metadata));
            anyhow::Ok(())
        })
        .await
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draining_host_serves_until_others_do() -> Result<()> {
    within(TEST, "a host that drains", async {
        let estate = Estate::new("draining").await?;
        let _operator = estate.operate(estate.options()).await?;
        let leaves = estate.host(HostOptions::named("leaves")).await?;
        let stays = estate.host(HostOptions::named("stays")).await?;
        estate
            .apply("hello", spec(2, "registry.example/hello:1"))
            .await?;
        estate.available("hello", 2).await?;
        // Its replacement takes its time.
        stays.on_start(OnStart::Hangs);
        leaves.change(|options| options.draining = true).await;
        let slow = until(PATIENCE, "the replacement to start", || async {
            let starting = stays
                .held()
                .into_iter()
                .find(|(_, held)| held.state == WorkloadState::Starting);
            starting
                .map(|(id, _)| id)
                .ok_or_else(|| anyhow!("{:?}", stays.log()))
        })
        .await?;
        ensure!(leaves.running().len() == 1, "the old one serves");
        estate.available("hello", 2).await?;
        stays.finish(&slow).await;
        until(PATIENCE, "the draining host to be empty", || async {
            ensure!(leaves.held().is_empty(), "{:?}", leaves.log());
            anyhow::Ok(())
        })
        .await?;
        estate.available("hello", 2).await?;
        ensure!(stays.running().len() == 2);
        Ok(())
    })
    .await?
}

fn with_kind(mut object: serde_json::Value) -> serde_json::Value {
    object["apiVersion"] = json!("runtime.wasmcloud.dev/v1alpha1");
    object["kind"] = json!("Host");
    object
}
