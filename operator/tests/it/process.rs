//! The built `runtime-operator` over a real NATS server.

use crate::fixture::{PATIENCE, spec};
use crate::scrape::read;
use anyhow::{Context, Result, ensure};
use crd_types::{Host, WorkloadDeployment, condition};
use kube::Api;
use kube::api::PostParams;
use protocol::bus::SharedBus;
use protocol::bus::nats::{NatsOptions, connect};
use serde_json::json;
use std::process::Stdio;
use testbed::fake_hosts::{FakeHost, Speaks};
use testbed::kube::ControlPlane;
use testbed::nats::NatsServer;
use testbed::wait::{TEST, until, within};
use tokio::process::Command;

pub fn operator(plane: &ControlPlane) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_runtime-operator"));
    command
        .env("KUBECONFIG", plane.kubeconfig())
        .env("OPERATOR_NAMESPACE", "default")
        .env_remove("RUST_LOG")
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_installs_crds_serves_over_nats_outlives_its_bus_and_stops_when_told()
-> Result<()> {
    within(TEST, "the program", async {
        let plane = ControlPlane::start().await?;
        let mut nats = NatsServer::start().await?;
        let installed = operator(&plane).arg("install-crds").output().await?;
        ensure!(
            installed.status.success(),
            "{}",
            String::from_utf8_lossy(&installed.stderr)
        );

        let port = testbed::free_port()?;
        let mut running = operator(&plane)
            .args([
                format!("-nats-url={}", nats.url()),
                "-leader-elect".into(),
                "-metrics-bind-address=0".into(),
                format!("-health-probe-bind-address=127.0.0.1:{port}"),
            ])
            .stderr(Stdio::inherit())
            .arg("--log-level=warn")
            .spawn()?;
        let client = plane.client().await?;
        let leases: Api<k8s_openapi::api::coordination::v1::Lease> =
            Api::namespaced(client.clone(), "default");
        until(PATIENCE, "the operator to lead", || async {
            leases.get("d34db3ef.wasmcloud.dev").await.map(drop)
        })
        .await?;

        let bus: SharedBus = connect(&NatsOptions::server(nats.url())).await?;
        let host = FakeHost::start(&bus, "ours", Speaks::Extension).await?;
        let hosts: Api<Host> = Api::namespaced(client.clone(), "default");
        until(PATIENCE, "the Host", || async {
            // A heartbeat that nobody listened for is lost; hosts send it again and again.
            host.beat().await;
            hosts.get("ours").await.map(drop)
        })
        .await?;
        let deployments: Api<WorkloadDeployment> = Api::namespaced(client, "default");
        let object = json!({
            "apiVersion": "runtime.wasmcloud.dev/v1alpha1", "kind": "WorkloadDeployment",
            "metadata": {"name": "hello"}, "spec": spec(2, "registry.example/hello:1"),
        });
        deployments
            .create(&PostParams::default(), &serde_json::from_value(object)?)
            .await?;
        until(PATIENCE, "the Deployment to be Ready", || async {
            let conditions = deployments
                .get("hello")
                .await?
                .status
                .map(|s| s.conditions)
                .unwrap_or_default();
            ensure!(condition::is_true(&conditions, "Ready"), "{conditions:?}");
            anyhow::Ok(())
        })
        .await?;
        ensure!(host.running().len() == 2);

        // Readiness follows the bus; a probe of life does not, or an outage would restart every operator.
        let health = format!("http://127.0.0.1:{port}");
        let says = async |path: &str| read(&health, path, None).await;
        ensure!(says("/readyz").await?.is_ok() && says("/livez").await?.is_ok());
        nats.stop();
        until(PATIENCE, "the operator not to be ready", || async {
            ensure!(says("/readyz").await?.is_err());
            anyhow::Ok(())
        })
        .await?;
        ensure!(says("/livez").await?.is_ok(), "it lives");
        nats.start_again().await?;
        until(PATIENCE, "the operator to be ready again", || async {
            ensure!(says("/livez").await?.is_ok(), "it lives");
            ensure!(says("/readyz").await?.is_ok());
            anyhow::Ok(())
        })
        .await?;
        ensure!(host.running().len() == 2, "{:?}", host.log());

        let pid = running.id().context("it runs")?;
        let told = Command::new("kill")
            .args(["-TERM", &pid.to_string()])
            .status()
            .await?;
        ensure!(told.success());
        let ended = running.wait().await?;
        ensure!(ended.success(), "{ended}");
        ensure!(host.running().len() == 2, "workloads outlive the operator");
        Ok(())
    })
    .await?
}

#[tokio::test]
async fn what_is_missing_is_said_once() -> Result<()> {
    within(TEST, "the program", async {
        let run = Command::new(env!("CARGO_BIN_EXE_runtime-operator")).env_remove("OPERATOR_NAMESPACE").output().await?;
        let told = String::from_utf8_lossy(&run.stderr);
        ensure!(run.status.code() == Some(1));
        ensure!(
            told == "error: OPERATOR_NAMESPACE is not set; set it to the namespace the operator runs in\n",
            "{told}"
        );
        Ok(())
    })
    .await?
}
