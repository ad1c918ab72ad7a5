//! A namespace of its own on a control plane that the tests of this binary share, with an operator and a bus.

use anyhow::{Context, Result, anyhow, ensure};
use crd_types::{Host, Workload, WorkloadDeployment, condition};
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::api::events::v1::Event;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use operator::{OperatorDeps, OperatorOptions, Stage};
use protocol::bus::SharedBus;
use protocol::bus::memory::MemoryBus;
use serde_json::{Value, json};
use service::metrics::Metrics;
use service::telemetry::LogOptions;
use std::sync::{Arc, Weak};
use std::time::Duration;
use testbed::fake_hosts::{FakeHost, HostOptions};
use testbed::kube::ControlPlane;
use testbed::wait::until;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

pub const PATIENCE: Duration = Duration::from_secs(20);

/// The control plane lives as long as somebody uses it.
static SHARED: Mutex<Weak<ControlPlane>> = Mutex::const_new(Weak::new());

async fn plane() -> Result<Arc<ControlPlane>> {
    let mut shared = SHARED.lock().await;
    if let Some(plane) = shared.upgrade() {
        return Ok(plane);
    }
    let plane = Arc::new(ControlPlane::start().await?);
    operator::install_crds(&plane.client().await?).await?;
    *shared = Arc::downgrade(&plane);
    Ok(plane)
}

/// A running operator; stopped when dropped.
pub struct Running {
    ended: JoinHandle<Result<operator::Exit, operator::OperatorError>>,
    stop: DropGuard,
}

impl Running {
    /// Stops it and waits for its end.
    pub async fn stop(self) -> Result<()> {
        drop(self.stop);
        ensure!(self.ended.await?? == operator::Exit::Stopped);
        Ok(())
    }
}

/// A namespace, and a bus that only it uses.
pub struct Estate {
    _plane: Arc<ControlPlane>,
    pub client: Client,
    pub namespace: String,
    pub network: Arc<MemoryBus>,
}

impl Estate {
    pub async fn new(name: &str) -> Result<Self> {
        let log = LogOptions {
            filter: "off".into(),
            ..LogOptions::default()
        };
        service::telemetry::init(&log)?;
        let plane = plane().await?;
        let client = plane.client().await?;
        let namespace: Namespace = serde_json::from_value(json!({"metadata": {"name": name}}))?;
        Api::all(client.clone())
            .create(&PostParams::default(), &namespace)
            .await?;
        Ok(Self {
            _plane: plane,
            client,
            namespace: name.to_owned(),
            network: MemoryBus::new(),
        })
    }

    pub fn bus(&self) -> SharedBus {
        self.network.clone()
    }

    /// Impatient settings: what takes minutes outside takes seconds.
    pub fn options(&self) -> OperatorOptions {
        let mut options = OperatorOptions::new(&self.namespace);
        options.watch_namespaces = vec![self.namespace.clone()];
        options.probe_interval = Duration::from_millis(300);
        options.poll_interval = Duration::from_secs(1);
        options.inventory_interval = Duration::from_secs(1);
        options.lost_retention = Duration::from_secs(2);
        options.liveness.window = Duration::from_secs(2);
        options
    }

    /// Runs an operator, once it is at work.
    pub async fn operate(&self, options: OperatorOptions) -> Result<Running> {
        self.operate_counted(options, Metrics::new()).await
    }

    /// As [`Self::operate`]; what the operator counts can be read.
    pub async fn operate_counted(
        &self,
        options: OperatorOptions,
        metrics: Metrics,
    ) -> Result<Running> {
        self.operate_over(self.bus(), options, metrics).await
    }

    /// The same over another bus.
    pub async fn operate_over(
        &self,
        bus: SharedBus,
        options: OperatorOptions,
        metrics: Metrics,
    ) -> Result<Running> {
        let token = CancellationToken::new();
        let mut stage = options.progress.watch();
        let deps = OperatorDeps {
            metrics,
            ..OperatorDeps::new(self.client.clone(), bus, options)
        };
        let ended = tokio::spawn(operator::run(deps, token.clone()));
        tokio::time::timeout(PATIENCE, stage.wait_for(|stage| *stage == Stage::Working))
            .await
            .context("the operator is not at work")??;
        Ok(Running {
            ended,
            stop: token.drop_guard(),
        })
    }

    /// A host, once its object is Ready.
    pub async fn host(&self, options: HostOptions) -> Result<FakeHost> {
        let name = options.name.clone();
        let host = FakeHost::with(&self.bus(), options).await?;
        self.host_ready(&name).await?;
        Ok(host)
    }

    pub async fn host_ready(&self, name: &str) -> Result<Host> {
        until(PATIENCE, "the Host to be Ready", || async {
            let object = self
                .hosts()
                .get_opt(name)
                .await?
                .ok_or_else(|| anyhow!("no Host {name}"))?;
            let conditions = object
                .status
                .as_ref()
                .map(|s| s.conditions.clone())
                .unwrap_or_default();
            ensure!(condition::is_true(&conditions, "Ready"), "{conditions:?}");
            anyhow::Ok(object)
        })
        .await
    }

    pub fn hosts(&self) -> Api<Host> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub fn workloads(&self) -> Api<Workload> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub fn deployments(&self) -> Api<WorkloadDeployment> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub async fn all_workloads(&self) -> Result<Vec<Workload>> {
        Ok(self.workloads().list(&ListParams::default()).await?.items)
    }

    pub async fn apply(&self, name: &str, spec: Value) -> Result<()> {
        let body = json!({
            "apiVersion": "runtime.wasmcloud.dev/v1alpha1", "kind": "WorkloadDeployment",
            "metadata": {"name": name}, "spec": spec,
        });
        let params = PatchParams::apply("test").force();
        self.deployments()
            .patch(name, &params, &Patch::Apply(&body))
            .await?;
        Ok(())
    }

    /// A Workload without a Deployment.
    pub async fn create(&self, name: &str, mut spec: Value) -> Result<Workload> {
        if spec.get("components").is_none() {
            spec["components"] = json!([{"name": "c", "image": "registry.example/hello:1"}]);
        }
        let body = json!({"metadata": {"name": name}, "spec": spec});
        let workload =
            crd_types::Workload::new(name, serde_json::from_value(body["spec"].clone())?);
        Ok(self
            .workloads()
            .create(&PostParams::default(), &workload)
            .await?)
    }

    /// Waits until a Workload is Ready.
    pub async fn workload_ready(&self, name: &str) -> Result<Workload> {
        self.workload(name, "Ready", |w| {
            let conditions = w.status.as_ref().map(|s| s.conditions.as_slice());
            condition::is_true(conditions.unwrap_or_default(), "Ready")
        })
        .await
    }

    /// Waits until a Workload is as it should be.
    pub async fn workload(
        &self,
        name: &str,
        what: &str,
        is: impl Fn(&Workload) -> bool,
    ) -> Result<Workload> {
        until(PATIENCE, &format!("{name} to be {what}"), || async {
            let found = self.workloads().get(name).await?;
            ensure!(is(&found), "{:?}", found.status);
            anyhow::Ok(found)
        })
        .await
    }

    /// Waits until a Deployment has so many available replicas.
    pub async fn available(&self, name: &str, replicas: i32) -> Result<()> {
        until(PATIENCE, &format!("{name} to have {replicas}"), || async {
            let found = self.deployments().get(name).await?;
            let status = found.status.unwrap_or_default();
            ensure!(status.available_replicas == Some(replicas), "{status:?}");
            anyhow::Ok(())
        })
        .await
    }

    /// Waits for an Event of this reason about an object of this name.
    pub async fn event(&self, name: &str, reason: &str) -> Result<Event> {
        let events: Api<Event> = Api::namespaced(self.client.clone(), &self.namespace);
        until(PATIENCE, &format!("the Event {reason}"), || async {
            let all = events.list(&ListParams::default()).await?.items;
            let seen: Vec<_> = all.iter().map(|e| e.reason.clone()).collect();
            let mut of_it = all.into_iter().filter(|e| {
                e.reason.as_deref() == Some(reason)
                    && e.regarding.as_ref().and_then(|r| r.name.as_deref()) == Some(name)
            });
            of_it.next().ok_or_else(|| anyhow!("{seen:?}"))
        })
        .await
    }
}

/// Ids of what a host has.
pub fn ids(host: &FakeHost) -> Vec<String> {
    host.held().into_iter().map(|(id, _)| id).collect()
}

/// Ids of Workloads.
pub fn uids(workloads: &[Workload]) -> Vec<String> {
    let mut all: Vec<String> = workloads.iter().filter_map(ResourceExt::uid).collect();
    all.sort();
    all
}
