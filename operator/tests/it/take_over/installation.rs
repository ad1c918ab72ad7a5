//! A running installation of the reference: its CRDs, its objects as stored, its host on the wire.

use super::crds;
use super::host::RecordedHost;
use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{ApiResource, DynamicObject, ListParams, PostParams};
use kube::{Api, Client, Resource, ResourceExt};
use operator::{OperatorDeps, OperatorOptions};
use protocol::bus::SharedBus;
use protocol::bus::memory::MemoryBus;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use service::metrics::Metrics;
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::time::Duration;
use testbed::kube::ControlPlane;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const OBJECTS: &str = include_str!("../../fixtures/reference-objects.json");
/// Kinds in the order of ownership.
pub const KINDS: [(&str, &str); 4] = [
    ("WorkloadDeployment", "workloaddeployments"),
    ("WorkloadReplicaSet", "workloadreplicasets"),
    ("Workload", "workloads"),
    ("Host", "hosts"),
];

/// Everything of it; gone when dropped.
pub struct Installation {
    _server: Box<dyn Any + Send>,
    pub client: Client,
    /// Whom the operator acts as.
    account: Client,
    watched: Vec<String>,
    pub bus: SharedBus,
    pub host: RecordedHost,
    metrics: Metrics,
    token: CancellationToken,
    operator: Option<JoinHandle<Result<operator::Exit, operator::OperatorError>>>,
}

impl Installation {
    /// On a real API server, with an operator that may do in its own namespace and in `default` what its rules say, and
    /// nothing elsewhere.
    pub async fn real() -> Result<Self> {
        let plane = ControlPlane::start().await?;
        let admin = plane.kubeconfig();
        let mut world = Self::on(plane.client().await?, Box::new(plane)).await?;
        let scope = ["--watch-namespaces=default"];
        let account = crate::account::kubeconfig(&admin, "wc", &scope).await?;
        world.account = testbed::kube::client(account.path()).await?;
        world.watched = vec!["default".into()];
        Ok(world)
    }

    /// On the embedded API server.
    pub async fn embedded() -> Result<Self> {
        let (client, server) = crate::embedded::server().await?;
        Self::on(client, Box::new(server)).await
    }

    /// Its operator has just been stopped; the host goes on.
    async fn on(client: Client, server: Box<dyn Any + Send>) -> Result<Self> {
        crds::install(&client).await?;
        let namespace: Namespace = serde_json::from_value(json!({"metadata": {"name": "wc"}}))?;
        Api::all(client.clone())
            .create(&PostParams::default(), &namespace)
            .await?;
        let uids = objects(&client).await?;
        neighbours(&client).await?;
        let bus: SharedBus = MemoryBus::new();
        let running = uids
            .iter()
            .filter(|(name, _)| name.starts_with("Workload/") && !name.contains("broken"))
            .map(|(_, uid)| uid.clone());
        let host = RecordedHost::start(&bus, running).await;
        Ok(Self {
            _server: server,
            account: client.clone(),
            watched: Vec::new(),
            client,
            bus,
            host,
            metrics: Metrics::new(),
            token: CancellationToken::new(),
            operator: None,
        })
    }

    pub fn start_operator(&mut self) {
        self.token = CancellationToken::new();
        let mut options = OperatorOptions::new("wc");
        options.probe_interval = Duration::from_secs(1);
        options.poll_interval = Duration::from_secs(1);
        options.watch_namespaces.clone_from(&self.watched);
        let deps = OperatorDeps {
            metrics: self.metrics.clone(),
            ..OperatorDeps::new(self.account.clone(), self.bus.clone(), options)
        };
        self.operator = Some(tokio::spawn(operator::run(deps, self.token.clone())));
    }

    pub async fn stop_operator(&mut self) -> Result<()> {
        self.token.cancel();
        let running = self.operator.take().context("no operator runs")?;
        ensure!(running.await?? == operator::Exit::Stopped);
        Ok(())
    }

    /// Lines of a scrape of the operator that hold this.
    pub fn scraped(&self, text: &str) -> Result<Vec<String>> {
        let all = self.metrics.encode()?;
        let found = all.lines().filter(|l| l.contains(text));
        Ok(found.map(ToOwned::to_owned).collect())
    }

    /// Counts of the operator's writes so far to objects of ours, Hosts left out: their load figures may be written.
    pub fn writes(&self) -> Result<BTreeSet<String>> {
        let all = self.scraped("rest_client_requests_total{")?;
        let is = |line: &str, label: &str, values: &[&str]| {
            values
                .iter()
                .any(|v| line.contains(&format!("{label}=\"{v}")))
        };
        Ok(all
            .into_iter()
            .filter(|l| !is(l, "verb", &["get", "list", "watch"]))
            .filter(|l| is(l, "resource", &["workload", "artifact", "endpointslice"]))
            .collect())
    }

    /// Objects of a kind in the namespace it lives in.
    pub fn api(&self, kind: &str) -> Api<DynamicObject> {
        api(&self.client, kind)
    }

    /// Every object of the four kinds, as stored, by kind and name.
    pub async fn stored(&self) -> Result<BTreeMap<String, Value>> {
        let mut all = BTreeMap::new();
        for (kind, _) in KINDS {
            for object in self.api(kind).list(&ListParams::default()).await?.items {
                let name = format!("{kind}/{}", object.name_any());
                all.insert(name, serde_json::to_value(object)?);
            }
        }
        Ok(all)
    }
}

fn api(client: &Client, kind: &str) -> Api<DynamicObject> {
    let plural = KINDS.iter().find(|(k, _)| *k == kind).unwrap().1;
    let resource = ApiResource {
        group: crd_types::GROUP.into(),
        version: crd_types::VERSION.into(),
        api_version: format!("{}/{}", crd_types::GROUP, crd_types::VERSION),
        kind: kind.into(),
        plural: plural.into(),
    };
    let namespace = if kind == "Host" { "wc" } else { "default" };
    Api::namespaced_with(client.clone(), namespace, &resource)
}

/// Creates the recorded objects with their status; the server's uids take the place of the recorded ones.
async fn objects(client: &Client) -> Result<BTreeMap<String, String>> {
    let recorded: Vec<Value> = serde_json::from_str(OBJECTS)?;
    let mut uids: BTreeMap<String, String> = BTreeMap::new();
    let mut by_name = BTreeMap::new();
    for (kind, _) in KINDS {
        for object in recorded.iter().filter(|o| o["kind"] == kind) {
            let mut text = object.to_string();
            for (old, new) in &uids {
                text = text.replace(old, new);
            }
            let mut wanted: Value = serde_json::from_str(&text)?;
            let meta = wanted["metadata"].as_object_mut().context("metadata")?;
            let old = meta.remove("uid").context("uid")?;
            for field in ["resourceVersion", "creationTimestamp", "generation"] {
                meta.remove(field);
            }
            let api = api(client, kind);
            let wanted: DynamicObject = serde_json::from_value(wanted)?;
            let mut made = api.create(&PostParams::default(), &wanted).await?;
            let (old, new) = (
                old.as_str().context("uid")?.to_owned(),
                made.uid().context("uid")?,
            );
            // The status of a Workload holds its own uid.
            let status = wanted.data["status"].to_string().replace(&old, &new);
            made.data["status"] = serde_json::from_str(&status)?;
            api.replace_status(&made.name_any(), &PostParams::default(), &made)
                .await?;
            by_name.insert(format!("{kind}/{}", made.name_any()), new.clone());
            uids.insert(old, new);
        }
    }
    Ok(by_name)
}

/// What the recorded workloads refer to, and the slice that the reference kept for the Service.
async fn neighbours(client: &Client) -> Result<()> {
    put::<ConfigMap>(
        client,
        json!({"metadata": {"name": "app-config"}, "data": {"FROM_MAP": "1"}}),
    )
    .await?;
    put::<Secret>(
        client,
        json!({"metadata": {"name": "app-secret"}, "stringData": {"FROM_SECRET": "2"}}),
    )
    .await?;
    let service = put::<Service>(
        client,
        json!({"metadata": {"name": "hello-svc"}, "spec": {"ports": [{"name": "http", "port": 80}]}}),
    )
    .await?;
    put::<EndpointSlice>(
        client,
        json!({
            "metadata": {
                "name": slice_name(),
                "labels": {"kubernetes.io/service-name": "hello-svc", "wasmcloud.dev/route-manager": "true"},
                "ownerReferences": [{
                    "apiVersion": "v1", "kind": "Service", "name": "hello-svc", "uid": service.uid(),
                    "controller": true, "blockOwnerDeletion": true,
                }],
            },
            "addressType": "IPv4",
            "ports": [{"name": "http", "protocol": "TCP", "port": 18000}],
            "endpoints": [{"addresses": ["10.9.9.9"], "conditions": {"ready": true, "serving": true}}],
        }),
    )
    .await?;
    // A host Pod on a node that is being drained: it waits for the finalizer.
    let pods: Api<Pod> = Api::namespaced(client.clone(), "wc");
    let pod = json!({
        "metadata": {
            "name": "hostgroup-default-0",
            "labels": {"wasmcloud.com/hostgroup": "default"},
            "finalizers": ["runtime.wasmcloud.dev/pod-host-finalizer", "example.com/somebody-else"],
        },
        "spec": {"containers": [{"name": "host", "image": "registry.example/host:1"}], "automountServiceAccountToken": false},
    });
    let pod: Pod = serde_json::from_value(pod)?;
    pods.create(&PostParams::default(), &pod).await?;
    Ok(())
}

/// Name of the slice, by the reference's recipe.
pub fn slice_name() -> String {
    format!("hello-svc-{:08x}", crd_types::hash::fnv1a(b"hello-svc"))
}

async fn put<K>(client: &Client, object: Value) -> Result<K>
where
    K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    K: Clone + Debug + DeserializeOwned + serde::Serialize,
{
    let api: Api<K> = Api::namespaced(client.clone(), "default");
    let object: K = serde_json::from_value(object)?;
    Ok(api.create(&PostParams::default(), &object).await?)
}
