//! A control plane with the CRDs and a running operator.

use anyhow::{Result, anyhow, ensure};
use crd_types::{Workload, WorkloadDeployment, condition};
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use operator::{OperatorDeps, OperatorOptions};
use protocol::bus::SharedBus;
use protocol::bus::memory::MemoryBus;
use serde_json::{Value, json};
use service::metrics::Metrics;
use service::telemetry::LogOptions;
use std::time::Duration;
use testbed::fake_hosts::{FakeHost, HostOptions, Speaks};
use testbed::kube::ControlPlane;
use testbed::wait::until;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const PATIENCE: Duration = Duration::from_secs(20);

/// Everything a test needs; gone when dropped.
pub struct World {
    pub plane: ControlPlane,
    pub client: Client,
    pub bus: SharedBus,
    /// For the next operator that is started.
    pub options: OperatorOptions,
    /// What the operator that was started last counts.
    pub metrics: Metrics,
    token: CancellationToken,
    operator: Option<JoinHandle<Result<operator::Exit, operator::OperatorError>>>,
}

impl World {
    pub async fn new() -> Result<Self> {
        let log = LogOptions {
            filter: "off".into(),
            ..LogOptions::default()
        };
        service::telemetry::init(&log)?;
        let plane = ControlPlane::start().await?;
        let client = plane.client().await?;
        operator::install_crds(&client).await?;
        let mut world = Self {
            plane,
            client,
            bus: MemoryBus::new(),
            options: options(),
            metrics: Metrics::new(),
            token: CancellationToken::new(),
            operator: None,
        };
        world.start_operator();
        Ok(world)
    }

    pub fn start_operator(&mut self) {
        self.start_operator_as(self.client.clone());
    }

    /// Starts the operator with a client of its own.
    pub fn start_operator_as(&mut self, client: Client) {
        self.token = CancellationToken::new();
        self.metrics = Metrics::new();
        let deps = OperatorDeps {
            metrics: self.metrics.clone(),
            ..OperatorDeps::new(client, self.bus.clone(), self.options.clone())
        };
        self.operator = Some(tokio::spawn(operator::run(deps, self.token.clone())));
    }

    pub async fn stop_operator(&mut self) -> Result<()> {
        self.token.cancel();
        let running = self
            .operator
            .take()
            .ok_or_else(|| anyhow!("no operator runs"))?;
        ensure!(running.await?? == operator::Exit::Stopped);
        Ok(())
    }

    /// Starts a host and waits until its object is Ready.
    pub async fn host(&self, name: &str, speaks: Speaks) -> Result<FakeHost> {
        self.host_with(HostOptions::named(name).speaks(speaks))
            .await
    }

    /// As [`Self::host`], with other options.
    pub async fn host_with(&self, options: HostOptions) -> Result<FakeHost> {
        let name = &options.name.clone();
        let hosts: Api<crd_types::Host> = Api::namespaced(self.client.clone(), "default");
        // A heartbeat sent before the operator listens is lost, as on any bus.
        until(PATIENCE, "the operator to listen", || async {
            let beat = self
                .bus
                .request(
                    "runtime.operator.heartbeat.probe",
                    protocol::bus::Headers::new(),
                    bytes::Bytes::new(),
                    Duration::from_millis(50),
                )
                .await;
            match beat {
                Err(protocol::bus::BusError::Timeout { .. }) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await?;
        let host = FakeHost::with(&self.bus, options).await?;
        until(PATIENCE, "the Host to be Ready", || async {
            let object = hosts
                .get_opt(name)
                .await?
                .ok_or_else(|| anyhow!("no Host {name}"))?;
            let conditions = object.status.map(|s| s.conditions).unwrap_or_default();
            ensure!(condition::is_true(&conditions, "Ready"), "{conditions:?}");
            anyhow::Ok(())
        })
        .await?;
        Ok(host)
    }

    pub fn deployments(&self) -> Api<WorkloadDeployment> {
        Api::namespaced(self.client.clone(), "default")
    }

    pub fn workloads(&self) -> Api<Workload> {
        Api::namespaced(self.client.clone(), "default")
    }

    pub async fn apply(&self, name: &str, spec: Value) -> Result<()> {
        self.apply_in("default", name, spec).await
    }

    /// As [`Self::apply`], in another namespace.
    pub async fn apply_in(&self, namespace: &str, name: &str, spec: Value) -> Result<()> {
        let body = json!({
            "apiVersion": "runtime.wasmcloud.dev/v1alpha1", "kind": "WorkloadDeployment",
            "metadata": {"name": name}, "spec": spec,
        });
        let params = PatchParams::apply("test").force();
        let api: Api<WorkloadDeployment> = Api::namespaced(self.client.clone(), namespace);
        api.patch(name, &params, &Patch::Apply(&body)).await?;
        Ok(())
    }

    /// Waits until the Deployment is Ready at its present generation with so many replicas.
    pub async fn ready(&self, name: &str, replicas: i32) -> Result<WorkloadDeployment> {
        until(
            PATIENCE,
            &format!("{name} to have {replicas} available replicas"),
            || async {
                let found = self.deployments().get(name).await?;
                let status = found.status.clone().unwrap_or_default();
                let ready = condition::find(&status.conditions, "Ready").cloned();
                ensure!(
                    status.observed_generation == found.metadata.generation,
                    "not observed yet"
                );
                ensure!(status.available_replicas == Some(replicas), "{status:?}");
                ensure!(condition::is_true(&status.conditions, "Ready"), "{ready:?}");
                anyhow::Ok(found)
            },
        )
        .await
    }

    /// Waits until only so many Workloads are there, terminating ones included.
    pub async fn workload_count(&self, count: usize) -> Result<Vec<Workload>> {
        until(PATIENCE, &format!("{count} Workloads"), || async {
            let all = self.workloads().list(&ListParams::default()).await?.items;
            ensure!(
                all.len() == count,
                "{:?}",
                all.iter().map(ResourceExt::name_any).collect::<Vec<_>>()
            );
            anyhow::Ok(all)
        })
        .await
    }
}

fn options() -> OperatorOptions {
    OperatorOptions {
        config_interval: Duration::from_millis(500),
        probe_interval: Duration::from_secs(1),
        poll_interval: Duration::from_secs(2),
        ..OperatorOptions::new("default")
    }
}

/// A spec with one component of this image.
pub fn spec(replicas: i32, image: &str) -> Value {
    json!({
        "replicas": replicas,
        "template": {"spec": {
            "hostSelector": {"hostgroup": "default"},
            "components": [{"name": "c", "image": image}],
            "hostInterfaces": [{"namespace": "wasi", "package": "http", "interfaces": ["incoming-handler"], "config": {"host": "hello.example"}}],
        }},
    })
}

/// Waits for a host to be asked for a start four times. The pauses between them are those of the back-off, 1 s and each
/// twice as long as the one before, with up to a fifth taken off; a slow machine only makes them longer.
pub async fn tries_with_pauses(host: &FakeHost) -> Result<()> {
    let asked = until(PATIENCE, "four tries", || async {
        let asked = host.start_times();
        ensure!(asked.len() >= 4, "{} tries", asked.len());
        anyhow::Ok(asked)
    })
    .await?;
    let pauses: Vec<Duration> = asked.windows(2).map(|w| w[1] - w[0]).collect();
    let least = (0..).map(|n| Duration::from_millis(800) * 2_u32.pow(n));
    let kept = pauses
        .iter()
        .zip(least)
        .all(|(pause, least)| *pause >= least);
    ensure!(kept, "{pauses:?}");
    Ok(())
}
