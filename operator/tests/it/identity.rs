//! Who a host is, and how far it is believed.

use crate::crowd::sum;
use crate::estate::{Estate, PATIENCE};
use anyhow::{Result, ensure};
use bytes::Bytes;
use crd_types::condition;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use protocol::bus::{Bus, Headers};
use protocol::{json as wire, subject, v2};
use serde_json::json;
use service::metrics::Metrics;
use std::time::Duration;
use testbed::fake_hosts::{HostOptions, Speaks};
use testbed::wait::{TEST, until, within};

const LEGACY: &str = "runtime.wasmcloud.dev/pod-host-finalizer";

/// A host Pod with this address; nothing runs in it.
async fn pod(estate: &Estate, name: &str, address: &str) -> Result<Api<Pod>> {
    let pods: Api<Pod> = Api::namespaced(estate.client.clone(), &estate.namespace);
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": name, "labels": {"wasmcloud.com/hostgroup": "default"}, "finalizers": [LEGACY]},
        "spec": {"containers": [{"name": "host", "image": "registry.example/host:1"}], "terminationGracePeriodSeconds": 0},
    }))?;
    pods.create(&PostParams::default(), &pod).await?;
    let status =
        json!({"status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}});
    pods.patch_status(name, &PatchParams::default(), &Patch::Merge(status))
        .await?;
    Ok(pods)
}

async fn without_finalizers(pods: &Api<Pod>, name: &str) -> Result<()> {
    until(PATIENCE, "the finalizer to be taken off", || async {
        let held = pods.get(name).await?;
        ensure!(held.finalizers().is_empty(), "{:?}", held.finalizers());
        anyhow::Ok(())
    })
    .await
}

async fn send(estate: &Estate, under: &str, beat: &v2::HostHeartbeat) -> Result<()> {
    let subject = subject::heartbeat(under)?;
    let payload = Bytes::from(wire::encode(beat));
    estate
        .network
        .publish(&subject, Headers::new(), payload)
        .await?;
    Ok(())
}

/// Waits until so many messages were not believed, no more.
async fn rejected(metrics: &Metrics, count: u32) -> Result<()> {
    until(PATIENCE, &format!("{count} to be rejected"), || async {
        let rejected = sum(metrics, "wasmcloud_operator_heartbeats_rejected_total", &[])?;
        ensure!((rejected - f64::from(count)).abs() < 0.5, "{rejected}");
        anyhow::Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn w45_forged_heartbeats_are_ignored_and_told() -> Result<()> {
    within(TEST, "forged heartbeats", async {
        let estate = Estate::new("w45").await?;
        let metrics = Metrics::new();
        let _operator = estate
            .operate_counted(estate.options(), metrics.clone())
            .await?;
        let pods = pod(&estate, "honest-0", "10.45.0.1").await?;
        without_finalizers(&pods, "honest-0").await?;
        let honest = HostOptions::named("honest")
            .hostname("10.45.0.1")
            .environment("w45");
        let honest = estate.host(honest).await?;

        // In another host's name: the subject is what the sender may use, the payload what it wishes for.
        let forged = v2::HostHeartbeat {
            id: honest.id.clone(),
            friendly_name: "honest".into(),
            hostname: "6.6.6.6".into(),
            ..v2::HostHeartbeat::default()
        };
        send(&estate, "attacker", &forged).await?;
        let told = estate.event("honest", "HeartbeatRejected").await?;
        let note = told.note.unwrap_or_default();
        ensure!(note.contains("the subject's is \"attacker\""), "{note}");
        // Under its id, with another name.
        let renamed = v2::HostHeartbeat {
            friendly_name: "renamed".into(),
            ..forged.clone()
        };
        send(&estate, &honest.id, &renamed).await?;

        // A Pod of this namespace that claims to serve another tenant.
        pod(&estate, "liar-0", "10.45.0.2").await?;
        without_finalizers(&pods, "liar-0").await?;
        let liar = v2::HostHeartbeat {
            id: "liar".into(),
            friendly_name: "liar".into(),
            hostname: "10.45.0.2".into(),
            environment: "victim".into(),
            ..v2::HostHeartbeat::default()
        };
        send(&estate, "liar", &liar).await?;
        let told = estate.event("liar", "HeartbeatRejected").await?;
        let note = told.note.unwrap_or_default();
        ensure!(note.contains("claims the environment \"victim\""), "{note}");
        // All three were judged, and another host that was heard of later has its object: whatever they led to would be
        // there. Outside the cluster, without a Pod, it is believed here, as the bus let it in.
        rejected(&metrics, 3).await?;
        estate
            .host(HostOptions::named("edge").environment("lab"))
            .await?;
        ensure!(estate.hosts().get_opt("liar").await?.is_none());
        ensure!(estate.hosts().get_opt("renamed").await?.is_none());
        let object = estate.host_ready("honest").await?;
        ensure!(
            object.hostname.as_deref() == Some("10.45.0.1"),
            "{object:?}"
        );
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn w45_where_every_host_is_a_pod_others_are_ignored() -> Result<()> {
    within(TEST, "hosts without Pods", async {
        let estate = Estate::new("w45-strict").await?;
        let mut options = estate.options();
        options.require_host_pods = true;
        let metrics = Metrics::new();
        let _operator = estate.operate_counted(options, metrics.clone()).await?;
        let pods = pod(&estate, "inside-0", "10.46.0.1").await?;
        without_finalizers(&pods, "inside-0").await?;
        let outside = v2::HostHeartbeat {
            id: "outside".into(),
            friendly_name: "outside".into(),
            hostname: "10.46.0.9".into(),
            ..v2::HostHeartbeat::default()
        };
        send(&estate, "outside", &outside).await?;
        estate.event("outside", "HeartbeatRejected").await?;
        rejected(&metrics, 1).await?;
        estate
            .host(HostOptions::named("inside").hostname("10.46.0.1"))
            .await?;
        ensure!(estate.hosts().get_opt("outside").await?.is_none());
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn w03_w04_a_host_goes_with_its_pod_and_holds_it_back_in_nothing() -> Result<()> {
    within(TEST, "Pods of hosts", async {
        let estate = Estate::new("w04-pods").await?;
        let mut options = estate.options();
        // As outside: what follows is not found out by silence.
        options.liveness.window = Duration::from_secs(45);
        options.probe_interval = Duration::from_secs(5);
        options.lost_retention = Duration::from_secs(20);
        let operator = estate.operate(options.clone()).await?;
        let pods = pod(&estate, "host-0", "10.47.0.1").await?;
        without_finalizers(&pods, "host-0").await?;
        let at = |name: &str, address: &str| {
            HostOptions::named(name)
                .speaks(Speaks::Base)
                .hostname(address)
        };
        let first = estate.host(at("odd-name", "10.47.0.1")).await?;
        estate.create("job", json!({})).await?;
        estate.workload_ready("job").await?;

        // The container restarts: another name, the same Pod.
        first.die();
        let second = estate.host(at("other-name", "10.47.0.1")).await?;
        until(PATIENCE, "the workload on the new process", || async {
            ensure!(second.running().len() == 1, "{:?}", second.log());
            anyhow::Ok(())
        })
        .await?;

        // The Pod is deleted: nothing keeps it, and its host is gone at once.
        let spare = estate.host(at("spare", "10.47.0.2")).await?;
        pods.delete("host-0", &DeleteParams::default()).await?;
        until(PATIENCE, "the Pod to go", || async {
            ensure!(pods.get_opt("host-0").await?.is_none());
            anyhow::Ok(())
        })
        .await?;
        until(PATIENCE, "the workload to move", || async {
            ensure!(spare.running().len() == 1, "{:?}", spare.log());
            let host = estate.hosts().get("other-name").await?;
            let conditions = host.status.unwrap_or_default().conditions;
            let ready = condition::find(&conditions, "Ready").cloned();
            ensure!(
                ready
                    .as_ref()
                    .is_some_and(|r| r.message.contains("Pod is gone")),
                "{ready:?}"
            );
            anyhow::Ok(())
        })
        .await?;

        // A Pod that the reference's operator left behind goes although no operator runs by then.
        operator.stop().await?;
        pod(&estate, "old-0", "10.47.0.3").await?;
        let operator = estate.operate(options).await?;
        without_finalizers(&pods, "old-0").await?;
        operator.stop().await?;
        pods.delete("old-0", &DeleteParams::default()).await?;
        until(PATIENCE, "the Pod to go", || async {
            ensure!(pods.get_opt("old-0").await?.is_none());
            anyhow::Ok(())
        })
        .await
    })
    .await?
}
