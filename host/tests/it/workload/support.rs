//! A platform for workloads: one engine for all tests of the process, and a front of its own per test.

use bytes::Bytes;
use host::{
    engine::{Engine, EngineOptions},
    http::{
        HandleError, HttpBody, HttpLimits, HttpMetrics, Ingress, IngressOptions, RequestContext,
        Scheme,
    },
    net::{
        AddressPolicy, EgressClients, EgressConfig, EgressPolicy, Proxies, TrustRoots,
        client_config,
    },
    workload::{
        Platform, RunningWorkload, StartError, WorkloadImages,
        spec::{
            ComponentSpec, Environment, HostInterface, LocalResources, RequestLimits, ServiceSpec,
            WorkloadSpec,
        },
    },
};
use host_api::WorkloadIdentity;
use http_body_util::{BodyExt as _, Empty};
use protocol::WorkloadPorts;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, LazyLock},
    time::Duration,
};

/// The bytes of a guest.
pub fn guest(name: &str) -> Vec<u8> {
    testbed::guests::bytes(name).unwrap()
}

/// Small engines, whose limits are reached quickly.
pub fn options() -> EngineOptions {
    EngineOptions {
        compiler: PathBuf::from(env!("CARGO_BIN_EXE_wasmcloud-host")),
        max_instances: 200,
        ..EngineOptions::default()
    }
}

/// One engine for all tests that do not need their own.
pub fn engine() -> Arc<Engine> {
    static ENGINE: LazyLock<Arc<Engine>> = LazyLock::new(|| Engine::new(options()).unwrap());
    ENGINE.clone()
}

/// What workloads of one test run on.
pub struct Bed {
    pub platform: Platform,
    pub ingress: Ingress,
    pub scratch: tempfile::TempDir,
}

impl Bed {
    pub fn new() -> Self {
        Self::on(engine())
    }

    pub fn on(engine: Arc<Engine>) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let ingress = Ingress::start(
            IngressOptions {
                address: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
                tls: None,
                limits: HttpLimits::default(),
                workload_ports: WorkloadPorts::default(),
            },
            HttpMetrics::register(&mut prometheus_client::registry::Registry::default()),
        )
        .unwrap();
        let addresses = AddressPolicy {
            allow_loopback: true,
            ..AddressPolicy::default()
        };
        let egress = EgressClients::new(EgressConfig {
            tls: client_config(TrustRoots::Webpki, &[]).unwrap(),
            addresses,
            proxies: Proxies::default(),
            max_connections: 8,
            connection_wait: Duration::from_secs(1),
        });
        let platform = Platform {
            engine,
            plugins: plugins::all(),
            routes: ingress.routes(),
            egress: Arc::new(egress),
            addresses,
            scratch: scratch.path().to_owned(),
            volume_roots: Vec::new(),
        };
        Self {
            platform,
            ingress,
            scratch,
        }
    }

    pub async fn start(&self, spec: &WorkloadSpec, images: &[&str]) -> RunningWorkload {
        self.try_start(spec, images).await.unwrap()
    }

    /// The images of the components, then the service's.
    pub async fn try_start(
        &self,
        spec: &WorkloadSpec,
        images: &[&str],
    ) -> Result<RunningWorkload, StartError> {
        let mut images = images.iter().map(|name| Bytes::from(guest(name)));
        let images = WorkloadImages {
            components: images.by_ref().take(spec.components.len()).collect(),
            service: images.next(),
        };
        RunningWorkload::start(spec, images, &self.platform).await
    }
}

/// A workload that answers HTTP with its first component.
pub fn spec(components: Vec<ComponentSpec>) -> WorkloadSpec {
    WorkloadSpec {
        identity: Arc::new(WorkloadIdentity {
            id: "id".to_owned(),
            namespace: "default".to_owned(),
            name: "test".to_owned(),
        }),
        owner: "test".to_owned(),
        components,
        service: None,
        host_interfaces: vec![interface(
            "wasi:http",
            "incoming-handler",
            &[("host", "test.local")],
        )],
        volumes: Vec::new(),
        service_hostnames: Vec::new(),
        drain: Duration::from_secs(5),
    }
}

pub fn component(name: &str) -> ComponentSpec {
    ComponentSpec {
        name: name.to_owned(),
        resources: LocalResources::default(),
        pool_size: 0,
        max_invocations: None,
        max_concurrency: 1,
        limits: RequestLimits {
            request_timeout: Duration::from_secs(20),
            ..RequestLimits::default()
        },
    }
}

pub fn service(environment: &[(&str, &str)], max_restarts: u64) -> ServiceSpec {
    let resources = LocalResources {
        environment: variables(environment),
        ..LocalResources::default()
    };
    ServiceSpec {
        resources,
        max_restarts,
    }
}

pub fn variables(pairs: &[(&str, &str)]) -> Environment {
    Environment(map(pairs))
}

pub fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

pub fn allowed_hosts(entries: &[&str]) -> EgressPolicy {
    EgressPolicy::parse(&entries.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
}

pub fn interface(package: &str, interface: &str, config: &[(&str, &str)]) -> HostInterface {
    let (namespace, package) = package.split_once(':').unwrap();
    HostInterface {
        namespace: namespace.to_owned(),
        package: package.to_owned(),
        interfaces: vec![interface.to_owned()],
        version: None,
        config: map(config),
        name: None,
    }
}

/// Status and whole body, or why there is none.
pub async fn get(workload: &RunningWorkload, path: &str) -> Result<(u16, String), HandleError> {
    let response = begin(workload, path).await?;
    let status = response.status().as_u16();
    let body =
        testbed::wait::within(testbed::wait::TEST, "reading a body", response.collect()).await;
    let body = body.unwrap().unwrap().to_bytes();
    Ok((status, String::from_utf8(body.to_vec()).unwrap()))
}

/// The head, with the body still to be read.
pub async fn begin(
    workload: &RunningWorkload,
    path: &str,
) -> Result<http::Response<HttpBody>, HandleError> {
    let body = Empty::<Bytes>::new()
        .map_err(|never| match never {})
        .boxed_unsync();
    let request = http::Request::get(path)
        .header(http::header::HOST, "test.local")
        .body(body)
        .unwrap();
    let context = RequestContext {
        request_id: "1".into(),
        scheme: Scheme::Http,
        peer: SocketAddr::from(([127, 0, 0, 1], 1)),
        deadline: None,
    };
    let handler = workload.http().unwrap();
    testbed::wait::within(testbed::wait::TEST, path, handler.handle(request, context))
        .await
        .unwrap()
}
