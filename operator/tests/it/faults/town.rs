//! A namespace with hosts, in which operators come and go.

use super::cut::Cut;
use anyhow::{Result, anyhow, ensure};
use crd_types::{Host, Workload, WorkloadDeployment, WorkloadReplicaSet, condition};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use operator::{OperatorDeps, OperatorError, OperatorOptions};
use protocol::bus::SharedBus;
use protocol::bus::memory::MemoryBus;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use testbed::fake_hosts::{FakeFleet, FakeHost, HostOptions, Speaks};
use testbed::wait::until;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const PATIENCE: Duration = Duration::from_secs(40);
/// Silence after which a host is lost: short, and still longer than a busy machine makes a test wait.
const WINDOW: Duration = Duration::from_secs(2);
/// Between heartbeats.
const BEAT: Duration = Duration::from_millis(250);
/// How long what was reached must last.
const LASTS: Duration = Duration::from_millis(300);

/// The one Deployment of a town.
pub const NAME: &str = "hello";

/// What there is to be in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// So many replicas of this image, all Ready, each on one host, and nothing else anywhere.
    Replicas(usize, &'static str),
    /// Nothing.
    Nothing,
}

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
    /// One host with the extension and one without.
    pub async fn new(client: &Client, namespace: &str) -> Result<Self> {
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let object = serde_json::from_value(json!({"metadata": {"name": namespace}}))?;
        namespaces.create(&PostParams::default(), &object).await?;
        let bus = MemoryBus::new();
        let shared: SharedBus = bus.clone();
        let fleet = FakeFleet::new(&shared);
        for (name, speaks) in [("a", Speaks::Extension), ("b", Speaks::Base)] {
            let options = HostOptions::named(format!("{namespace}-{name}")).speaks(speaks);
            fleet.add(options).await?;
        }
        fleet.beat_every(BEAT);
        Ok(Self {
            client: client.clone(),
            namespace: namespace.to_owned(),
            bus,
            fleet,
            operators: Vec::new(),
        })
    }

    pub fn options(&self) -> OperatorOptions {
        let mut options = OperatorOptions::new(&self.namespace);
        options.watch_namespaces = vec![self.namespace.clone()];
        options.liveness.window = WINDOW;
        options.liveness.max_share = 1.0;
        options.probe_interval = Duration::from_millis(500);
        options.poll_interval = Duration::from_secs(1);
        options.inventory_interval = Duration::from_secs(1);
        options.lost_retention = Duration::from_secs(1);
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
        let body = json!({
            "apiVersion": "runtime.wasmcloud.dev/v1alpha1", "kind": "WorkloadDeployment",
            "metadata": {"name": NAME},
            "spec": {"replicas": replicas, "template": {"spec": {
                "components": [{"name": "c", "image": image}],
            }}},
        });
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

    /// Waits until it has come to this end, and stays there.
    pub async fn comes_to(&self, end: End) -> Result<()> {
        let what = format!("{}: {end:?}", self.namespace);
        let came = until(PATIENCE, &what, || async {
            self.is_at(end).await?;
            tokio::time::sleep(LASTS).await;
            self.is_at(end).await
        })
        .await;
        match came {
            Ok(()) => Ok(()),
            Err(error) => Err(error.context(self.picture().await?)),
        }
    }

    /// What there is, for who has to find out why it is not what it should be.
    async fn picture(&self) -> Result<String> {
        let all = ListParams::default();
        let mut lines = Vec::new();
        for host in self.api::<Host>().list(&all).await? {
            lines.push(json!({"Host": host.name_any(), "id": host.host_id, "status": host.status}));
        }
        for set in self.api::<WorkloadReplicaSet>().list(&all).await? {
            let replicas = set.spec.desired();
            lines.push(
                json!({"ReplicaSet": set.name_any(), "replicas": replicas, "status": set.status}),
            );
        }
        for workload in self.api::<Workload>().list(&all).await? {
            lines.push(json!({
                "Workload": workload.name_any(), "metadata": workload.metadata, "status": workload.status,
            }));
        }
        for host in self.fleet.hosts() {
            let held: Vec<_> = host.held().into_iter().map(|(id, _)| id).collect();
            lines.push(json!({"host": host.id, "holds": held}));
        }
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        Ok(lines.join("\n"))
    }

    async fn is_at(&self, end: End) -> Result<()> {
        let all = ListParams::default();
        let deployments = self.api::<WorkloadDeployment>().list(&all).await?.items;
        if end != End::Nothing {
            // Before anything else is asked for: most looks end here.
            is_ready(&deployments)?;
        }
        let sets = self.api::<WorkloadReplicaSet>().list(&all).await?.items;
        let workloads = self.api::<Workload>().list(&all).await?.items;
        let (replicas, image) = match end {
            End::Nothing => {
                let left = deployments.len() + sets.len() + workloads.len();
                ensure!(left == 0, "{left} objects are left");
                return self.nothing_else_runs(&[]);
            }
            End::Replicas(replicas, image) => (replicas, image),
        };
        let in_use: Vec<_> = sets.iter().filter(|s| s.spec.desired() > 0).collect();
        ensure!(
            in_use.len() == 1 && in_use[0].spec.desired() as usize == replicas,
            "{} ReplicaSets are in use",
            in_use.len()
        );
        ensure!(workloads.len() == replicas, "{} Workloads", workloads.len());
        for workload in &workloads {
            let name = workload.name_any();
            let status = workload.status.clone().unwrap_or_default();
            ensure!(
                workload.metadata.deletion_timestamp.is_none(),
                "{name} leaves"
            );
            ensure!(
                condition::is_true(&status.conditions, "Ready"),
                "{name} is not Ready"
            );
            ensure!(
                workload.spec.components[0].image == image,
                "{name} is of another image"
            );
        }
        self.nothing_else_runs(&workloads)
    }

    /// Each of these is on the host that its status names, once, and hosts have nothing else.
    fn nothing_else_runs(&self, workloads: &[Workload]) -> Result<()> {
        let wanted: BTreeMap<String, String> = workloads
            .iter()
            .map(|w| {
                let host = w.status.as_ref().and_then(|s| s.host_id.clone());
                (w.uid().unwrap_or_default(), host.unwrap_or_default())
            })
            .collect();
        let mut found = BTreeMap::new();
        for host in self.fleet.hosts() {
            for (id, held) in host.held() {
                ensure!(
                    wanted.get(&id) == Some(&host.id),
                    "{} has {id} ({:?}), which is to be at {:?}",
                    host.name(),
                    held.state,
                    wanted.get(&id)
                );
                found.insert(id, host.id.clone());
            }
        }
        ensure!(
            found == wanted,
            "{} of {} are held",
            found.len(),
            wanted.len()
        );
        Ok(())
    }
}

fn is_ready(deployments: &[WorkloadDeployment]) -> Result<()> {
    let [deployment] = deployments else {
        return Err(anyhow!("{} Deployments", deployments.len()));
    };
    let status = deployment.status.clone().unwrap_or_default();
    ensure!(
        status.observed_generation == deployment.metadata.generation,
        "the Deployment is not observed"
    );
    let ready = condition::find(&status.conditions, "Ready");
    ensure!(condition::is_true(&status.conditions, "Ready"), "{ready:?}");
    Ok(())
}
