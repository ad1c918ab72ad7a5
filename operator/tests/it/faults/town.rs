//! A namespace with hosts, in which operators come and go.

use super::cut::Cut;
use anyhow::{Result, anyhow};
use crd_types::WorkloadDeployment;
use k8s_openapi::api::core::v1::{Namespace, Service};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use operator::{OperatorDeps, OperatorError, OperatorOptions};
use protocol::bus::SharedBus;
use protocol::bus::memory::MemoryBus;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use testbed::fake_hosts::{FakeFleet, FakeHost, HostOptions, Speaks};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const PATIENCE: Duration = Duration::from_secs(40);
/// Silence after which a host is lost: short, and still longer than a busy machine makes a test wait.
const WINDOW: Duration = Duration::from_secs(2);
/// Between heartbeats.
const BEAT: Duration = Duration::from_millis(250);
/// Between looks at what runs: what was reached has to last for two of them.
const LOOK: Duration = Duration::from_millis(200);

/// The one Deployment of a town, and the Service before it.
pub const NAME: &str = "hello";

/// A namespace with its own bus and hosts.
pub struct Town {
    pub client: Client,
    pub namespace: String,
    pub bus: Arc<MemoryBus>,
    pub fleet: FakeFleet,
    operators: Vec<Running>,
}

struct Running {
    cut: Arc<Cut>,
    token: CancellationToken,
    task: JoinHandle<Result<operator::Exit, OperatorError>>,
}

impl Town {
    /// One host with the extension and one without, and a Service.
    pub async fn new(client: &Client, namespace: &str) -> Result<Self> {
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let object = serde_json::from_value(json!({"metadata": {"name": namespace}}))?;
        namespaces.create(&PostParams::default(), &object).await?;
        let bus = MemoryBus::new();
        let shared: SharedBus = bus.clone();
        let fleet = FakeFleet::new(&shared);
        for (name, address, speaks) in [
            ("a", "10.1.2.3", Speaks::Extension),
            ("b", "10.1.2.4", Speaks::Base),
        ] {
            let options = HostOptions::named(format!("{namespace}-{name}")).speaks(speaks);
            fleet.add(options.hostname(address)).await?;
        }
        fleet.beat_every(BEAT);
        let town = Self {
            client: client.clone(),
            namespace: namespace.to_owned(),
            bus,
            fleet,
            operators: Vec::new(),
        };
        let service = json!({
            "metadata": {"name": NAME}, "spec": {"ports": [{"name": "http", "port": 80}]},
        });
        town.api::<Service>()
            .create(&PostParams::default(), &serde_json::from_value(service)?)
            .await?;
        Ok(town)
    }

    pub fn options(&self) -> OperatorOptions {
        let mut options = OperatorOptions::new(&self.namespace);
        options.watch_namespaces = vec![self.namespace.clone()];
        options.liveness.window = WINDOW;
        options.liveness.max_share = 1.0;
        options.probe_interval = Duration::from_millis(500);
        options.poll_interval = LOOK;
        options.inventory_interval = LOOK;
        options.lost_retention = Duration::from_secs(1);
        // Nobody sends requests here.
        options.endpoint_delay = Duration::ZERO;
        options
    }

    /// Starts an operator that ends as `cut` says.
    pub fn operate(&mut self, cut: &Arc<Cut>) {
        let client = cut.client(&self.client);
        self.operate_with(cut, client, self.options());
    }

    pub fn operate_with(&mut self, cut: &Arc<Cut>, client: Client, options: OperatorOptions) {
        let deps = OperatorDeps::new(client, cut.bus(self.bus.clone()), options);
        let token = CancellationToken::new();
        let task = tokio::spawn(operator::run(deps, token.clone()));
        self.operators.push(Running {
            cut: cut.clone(),
            token,
            task,
        });
    }

    /// Ends every operator abruptly: nobody waits for what it has under way, which would never come to an end.
    pub fn crash(&mut self) {
        for running in self.operators.drain(..) {
            running.cut.now();
            running.token.cancel();
            running.task.abort();
        }
    }

    /// Ends every operator as it is asked to.
    pub async fn stop(&mut self) -> Result<()> {
        for running in self.operators.drain(..) {
            running.token.cancel();
            tokio::time::timeout(PATIENCE, running.task).await???;
        }
        Ok(())
    }

    /// Writes of the operators that run.
    pub fn writes(&self) -> Vec<String> {
        self.operators.iter().flat_map(|o| o.cut.writes()).collect()
    }

    pub fn host(&self, letter: &str) -> Result<FakeHost> {
        let name = format!("{}-{letter}", self.namespace);
        let hosts = self.fleet.hosts();
        hosts
            .into_iter()
            .find(|host| host.name() == name)
            .ok_or_else(|| anyhow!("no host {name}"))
    }

    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub async fn apply(&self, replicas: usize, image: &str) -> Result<()> {
        self.apply_with(replicas, image, &json!({})).await
    }

    /// As [`Self::apply`], with more fields in the spec.
    pub async fn apply_with(&self, replicas: usize, image: &str, more: &Value) -> Result<()> {
        let mut body = json!({
            "apiVersion": "runtime.wasmcloud.dev/v1alpha1", "kind": "WorkloadDeployment",
            "metadata": {"name": NAME},
            "spec": {
                "replicas": replicas,
                "kubernetes": {"service": {"name": NAME}},
                "template": {"spec": {"components": [{"name": "c", "image": image}]}},
            },
        });
        for (field, value) in more.as_object().into_iter().flatten() {
            body["spec"][field] = value.clone();
        }
        let params = PatchParams::apply("test").force();
        self.api::<WorkloadDeployment>()
            .patch(NAME, &params, &Patch::Apply(&body))
            .await?;
        Ok(())
    }

    pub async fn delete(&self) -> Result<()> {
        self.api::<WorkloadDeployment>()
            .delete(NAME, &DeleteParams::background())
            .await?;
        Ok(())
    }
}
