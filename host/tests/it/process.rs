//! The built `wasmcloud-host`, spoken to as an operator of the reference would: a raw NATS client, JSON and
//! HTTP.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};
use async_nats::{Client, Subscriber};
use futures::StreamExt;
use serde_json::{Value, json};
use testbed::{Process, nats::NatsServer, wait};

use crate::http::{
    client::get,
    fake::{eventually, within},
};

const DEADLINE: Duration = Duration::from_secs(40);
const IMAGE: &str = "localhost/http-hello:1";

/// A host in a folder of its own, with one component in its image store.
struct Host {
    process: Process,
    admin: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Host {
    fn new(nats: &NatsServer) -> Self {
        Self::at(nats, "127.0.0.1:0")
    }

    fn at(nats: &NatsServer, http: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = oci::LocalStore::open(folder.path().join("images")).unwrap();
        let component = testbed::guests::bytes("http-hello").unwrap();
        store
            .put_component(&IMAGE.parse().unwrap(), component.into())
            .unwrap();
        let admin = SocketAddr::from(([127, 0, 0, 1], testbed::free_port().unwrap()));
        let path = |name: &str| folder.path().join(name).display().to_string();
        let process = Process::new(
            "wasmcloud-host",
            env!("CARGO_BIN_EXE_wasmcloud-host"),
            path("log"),
        )
        .env("HOME", folder.path())
        .args(["--name", "raw", "--host-group", "test", "--label", "zone=a"])
        .args(["--scheduler-nats-url".to_owned(), nats.url()])
        .args([
            "--endpoint-delay",
            "100ms",
            "--handover",
            "0s",
            "--drain",
            "5s",
        ])
        .args(["--http-addr", http])
        .args(["--admin-addr".to_owned(), admin.to_string()])
        .args([
            "--store".to_owned(),
            path("images"),
            "--compile-cache".to_owned(),
            path("compiled"),
        ])
        .args(["--max-instances", "50"]);
        Self {
            process,
            admin,
            _folder: folder,
        }
    }

    /// Status of the admin port's page, 0 while nothing listens.
    async fn probe(&self, page: &str) -> (u16, String) {
        let Ok(stream) = tokio::net::TcpStream::connect(self.admin).await else {
            return (0, String::new());
        };
        drop(stream);
        let request = format!("GET {page} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let reply = crate::http::client::raw(self.admin, request.as_bytes()).await;
        (reply.status, reply.body)
    }
}

/// The next message of a subscription as JSON, with its subject.
async fn next(messages: &mut Subscriber) -> Result<(String, Value)> {
    let message = tokio::time::timeout(DEADLINE, messages.next())
        .await?
        .context("the subscription ended")?;
    Ok((
        message.subject.to_string(),
        serde_json::from_slice(&message.payload)?,
    ))
}

async fn command(nats: &Client, host: &str, command: &str, request: &Value) -> Value {
    let reply = nats
        .request(
            format!("runtime.host.{host}.{command}"),
            request.to_string().into(),
        )
        .await
        .unwrap();
    serde_json::from_slice(&reply.payload).unwrap()
}

fn start(id: &str, hostname: &str) -> Value {
    json!({
        "workloadId": id,
        "workload": {
            "namespace": "default",
            "name": "hello-0",
            "witWorld": {
                "components": [{"name": "hello", "image": IMAGE, "imagePullPolicy": "IMAGE_PULL_POLICY_NEVER"}],
                "hostInterfaces": [{
                    "namespace": "wasi",
                    "package": "http",
                    "interfaces": ["incoming-handler"],
                    "config": {"host": hostname},
                }],
            },
        },
    })
}

#[tokio::test]
async fn a_host_registers_serves_what_it_is_told_to_and_leaves_in_order() {
    within(async {
        let nats = NatsServer::start().await.unwrap();
        let client = async_nats::connect(nats.url()).await.unwrap();
        let mut beats = client
            .subscribe("runtime.operator.heartbeat.*")
            .await
            .unwrap();
        let mut announcements = client.subscribe("runtime.operator.host.*").await.unwrap();
        client.flush().await.unwrap();
        let mut host = Host::new(&nats);
        host.process.start().unwrap();

        let (subject, beat) = next(&mut beats).await.unwrap();
        let id = beat["id"].as_str().unwrap().to_owned();
        assert_eq!(subject, format!("runtime.operator.heartbeat.{id}"));
        assert_eq!(beat["friendlyName"], "raw");
        assert_eq!(
            (&beat["labels"]["hostgroup"], &beat["labels"]["zone"]),
            (&json!("test"), &json!("a"))
        );
        let port = u16::try_from(beat["httpPort"].as_u64().unwrap()).unwrap();
        let http = SocketAddr::from(([127, 0, 0, 1], port));
        wait::until(DEADLINE, "the host to be ready", || async {
            match host.probe("/readyz").await {
                (200, _) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await
        .unwrap();

        assert_eq!(get(http, "hello.example").await.status, 404);
        let started = command(
            &client,
            &id,
            "workload.start",
            &start("uid-1", "hello.example"),
        )
        .await;
        assert_eq!(
            started["workloadStatus"]["workloadState"], "WORKLOAD_STATE_RUNNING",
            "{started}"
        );
        let reply = get(http, "Hello.Example:80").await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let (_, metrics) = host.probe("/metrics").await;
        assert!(
            metrics.contains("wasmcloud_host_http_requests_total{host=\"raw\""),
            "{metrics}"
        );

        // A second workload cannot take the name from another namespace.
        let mut stranger = start("uid-2", "hello.example");
        stranger["workload"]["namespace"] = json!("other");
        let refused = command(&client, &id, "workload.start", &stranger).await;
        assert_eq!(
            refused["workloadStatus"]["workloadState"], "WORKLOAD_STATE_ERROR",
            "{refused}"
        );
        assert!(
            refused["workloadStatus"]["message"]
                .as_str()
                .unwrap()
                .contains("hello.example"),
            "{refused}"
        );

        let stopping = command(
            &client,
            &id,
            "workload.stop",
            &json!({"workloadId": "uid-1"}),
        )
        .await;
        assert_eq!(
            stopping["workloadStatus"]["workloadState"], "WORKLOAD_STATE_STOPPING",
            "{stopping}"
        );
        wait::until(DEADLINE, "the workload to be gone", || async {
            let status = command(
                &client,
                &id,
                "workload.status",
                &json!({"workloadId": "uid-1"}),
            )
            .await;
            match status["workloadStatus"]["workloadState"].as_str() {
                Some("WORKLOAD_STATE_NOT_FOUND") => Ok(()),
                _ => Err(status.to_string()),
            }
        })
        .await
        .unwrap();
        assert_eq!(get(http, "hello.example").await.status, 404);

        let again = command(
            &client,
            &id,
            "workload.start",
            &start("uid-3", "again.example"),
        )
        .await;
        assert_eq!(
            again["workloadStatus"]["workloadState"], "WORKLOAD_STATE_RUNNING",
            "{again}"
        );
        let ended = host.process.terminate(DEADLINE).await.unwrap();
        assert!(ended.success(), "{ended}: {}", host.process.log_tail());
        let mut phases = Vec::new();
        loop {
            let (_, announcement) = next(&mut announcements).await.unwrap();
            phases.push((
                announcement["draining"] == true,
                announcement["goodbye"] == true,
            ));
            if announcement["goodbye"] == true {
                break;
            }
        }
        assert!(phases.contains(&(true, false)), "{phases:?}");
        assert!(
            tokio::net::TcpStream::connect(http).await.is_err(),
            "the port is closed"
        );
    })
    .await;
}

#[tokio::test]
async fn a_host_that_starts_before_its_nats_joins_when_it_comes() {
    within(async {
        let mut nats = NatsServer::start().await.unwrap();
        nats.stop();
        let mut host = Host::new(&nats);
        host.process.start().unwrap();
        wait::until(DEADLINE, "the host to wait for its bus", || async {
            match host.probe("/readyz").await {
                (503, body) if body.contains("bus") => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await
        .unwrap();
        nats.start_again().await.unwrap();
        let client = async_nats::connect(nats.url()).await.unwrap();
        let mut beats = client
            .subscribe("runtime.operator.heartbeat.*")
            .await
            .unwrap();
        let (_, beat) = next(&mut beats).await.unwrap();
        assert_eq!(beat["friendlyName"], "raw");
        assert!(host.process.terminate(DEADLINE).await.unwrap().success());
    })
    .await;
}

#[tokio::test]
async fn a_host_that_still_waits_for_its_bus_stops_at_once() {
    within(async {
        let mut nats = NatsServer::start().await.unwrap();
        nats.stop();
        let mut host = Host::new(&nats);
        host.process.start().unwrap();
        wait::until(DEADLINE, "the host to be alive", || async {
            match host.probe("/livez").await {
                (200, _) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await
        .unwrap();
        assert!(host.process.terminate(DEADLINE).await.unwrap().success());
    })
    .await;
}

/// Exit code and standard error of the host with these flags.
async fn refused(flags: &[&str]) -> Result<(i32, String)> {
    let output = tokio::process::Command::new(PathBuf::from(env!("CARGO_BIN_EXE_wasmcloud-host")))
        .args(flags)
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(DEADLINE, output).await??;
    let Some(code) = output.status.code() else {
        bail!("{}", output.status)
    };
    Ok((code, String::from_utf8(output.stderr)?))
}

#[tokio::test]
async fn flags_that_cannot_be_served_end_the_host_with_their_name() {
    within(async {
        for flags in [
            &["--host-plugin=x"][..],
            &["--tls-cert-path=missing.pem", "--tls-key-path=missing.pem"],
            &["--socket-egress=count"],
            &["--name=Not.A.Label"],
            &["--http-addr=nowhere"],
        ] {
            let (code, text) = refused(flags).await.unwrap();
            let flag = flags[0].split('=').next().unwrap();
            assert!(code != 0 && text.contains(flag), "{flags:?}: {code} {text}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_port_in_use_ends_the_host_with_an_error() {
    within(async {
        let nats = NatsServer::start().await.unwrap();
        let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = held.local_addr().unwrap().to_string();
        let mut host = Host::at(&nats, &address);
        host.process.start().unwrap();
        let ended = host.process.wait_for_exit(DEADLINE).await.unwrap();
        let log = std::fs::read_to_string(host.process.log()).unwrap();
        assert!(!ended.success() && log.contains(&address), "{ended}: {log}");
        eventually("the admin port to be closed", || {
            std::net::TcpListener::bind(host.admin).is_ok()
        })
        .await;
    })
    .await;
}
