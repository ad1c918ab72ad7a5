//! An operator that knows only the base contract: a bare NATS client and JSON as text.

use std::time::Duration;

use host::agent::workloads::report;
use protocol::bus::nats::{self, NatsOptions};
use protocol::v2::WorkloadState;
use serde_json::{Value, json};
use testbed::nats::NatsServer;
use testbed::wait::{TEST, within};

use super::{NEVER, Running};

async fn ask(client: &async_nats::Client, command: &str, payload: &'static str) -> Value {
    let subject = format!("runtime.host.host-1.{command}");
    let answer = client.request(subject, payload.into()).await.unwrap();
    assert!(answer.headers.is_none());
    serde_json::from_slice(&answer.payload).unwrap()
}

#[tokio::test]
async fn a_base_peer_meets_no_field_it_does_not_know() {
    let server = NatsServer::start().await.unwrap();
    let options = NatsOptions::server(server.url());
    let host = nats::connect(&options).await.unwrap();
    let operator = nats::connect(&options).await.unwrap();
    let client = async_nats::connect(server.url()).await.unwrap();
    let scenario = async {
        let running = Running::start(host, operator, NEVER).await;

        let mut heartbeat = ask(&client, "heartbeat", "").await;
        let filled = heartbeat.as_object_mut().unwrap();
        for measured in ["systemCpuUsage", "osKernel"] {
            filled.remove(measured);
        }
        for (measured, unit) in [("systemMemoryTotal", 1 << 20), ("systemMemoryFree", 1)] {
            let bytes: u64 = filled
                .remove(measured)
                .unwrap()
                .as_str()
                .unwrap()
                .parse()
                .unwrap();
            assert!(bytes >= unit, "{measured}");
        }
        assert_eq!(
            heartbeat,
            json!({
                "id": "host-1", "friendlyName": "calm-otter", "hostname": "10.0.0.7",
                "version": env!("CARGO_PKG_VERSION"), "labels": {"hostgroup": "default"},
                "startedAt": "2023-11-14T22:13:20+00:00",
                "osArch": std::env::consts::ARCH, "osName": std::env::consts::OS,
                "httpPort": 8080, "environment": "blue",
                "imports": [{"namespace": "wasi", "package": "config", "version": "0.2.0-rc.1", "interfaces": ["store"]}],
                "exports": [{"namespace": "wasi", "package": "http", "interfaces": ["incoming-handler"]}],
            })
        );

        let start = r#"{"workload_id":"w","workload":{"namespace":"shop","name":"cart",
            "witWorld":{"components":[{"name":"c","image":"registry.example/cart:1","imagePullPolicy":3}]}}}"#;
        let begun = tokio::spawn({
            let client = client.clone();
            async move { ask(&client, "workload.start", start).await }
        });
        testbed::wait::until(
            Duration::from_secs(5),
            "the start to be begun",
            async || {
                let told = running.workloads.told();
                if told.is_empty() {
                    Err("nothing")
                } else {
                    Ok(())
                }
            },
        )
        .await
        .unwrap();
        running
            .workloads
            .becomes(report("w", WorkloadState::Running, "ready"));
        assert_eq!(
            begun.await.unwrap(),
            json!({"workloadStatus": {"workloadId": "w", "workloadState": "WORKLOAD_STATE_RUNNING", "message": "ready"}})
        );
        let component = &running
            .workloads
            .request("w")
            .workload
            .wit_world
            .unwrap()
            .components[0];
        assert_eq!(component.image, "registry.example/cart:1");
        assert_eq!(component.image_pull_policy, 3);

        assert_eq!(
            ask(&client, "workload.stop", r#"{"workloadId":"w"}"#).await,
            json!({"workloadStatus": {"workloadId": "w", "workloadState": "WORKLOAD_STATE_STOPPING", "message": "draining"}})
        );
        assert_eq!(
            ask(&client, "workload.status", r#"{"workloadId":"x"}"#).await,
            json!({"workloadStatus": {
                "workloadId": "x", "workloadState": "WORKLOAD_STATE_NOT_FOUND", "message": "workload x is not on this host"
            }})
        );
        assert_eq!(
            ask(&client, "workload.stop", "{}").await["workloadStatus"]["workloadState"],
            "WORKLOAD_STATE_NOT_FOUND"
        );
    };
    within(TEST, "the exchange", scenario).await.unwrap();
}
