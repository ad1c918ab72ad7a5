//! An external metrics API: what autoscalers read is what a test has set.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use kube::Api;
use kube::api::PostParams;
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::ControlPlane;
use crate::wait::until;

const READY: Duration = Duration::from_secs(20);
const GROUP_VERSION: &str = "external.metrics.k8s.io/v1beta1";
const NAME: &str = "external-metrics";

/// What is served, and how often it was asked for.
#[derive(Debug, Default)]
struct Metrics {
    values: BTreeMap<String, String>,
    reads: usize,
}

/// An external metrics API behind the API server of a [`ControlPlane`]; gone when dropped.
///
/// Its registration stays behind: an API server whose metrics are gone reports an incomplete
/// discovery, so it is for a control plane that ends with the test.
#[derive(Debug)]
pub struct ExternalMetrics {
    metrics: Arc<Mutex<Metrics>>,
    // Aborts the server and its connections.
    _server: JoinSet<()>,
}

impl ExternalMetrics {
    /// Serves, registers with the API server and waits until that forwards requests.
    pub async fn start(plane: &ControlPlane) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let identity = plane.authority().server(&["localhost"])?;
        let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes())?;
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)?;

        let metrics = Arc::new(Mutex::new(Metrics::default()));
        let mut server = JoinSet::new();
        server.spawn(serve(listener, Arc::new(config).into(), metrics.clone()));
        register(&plane.client().await?, port).await?;
        Ok(Self {
            metrics,
            _server: server,
        })
    }

    /// Sets what a metric is, in every namespace and for every selector; `value` is a quantity.
    pub fn set(&self, metric: &str, value: &str) {
        let mut metrics = self.metrics.lock();
        metrics.values.insert(metric.to_owned(), value.to_owned());
    }

    /// How many times a metric was read.
    pub fn reads(&self) -> usize {
        self.metrics.lock().reads
    }
}

async fn register(client: &kube::Client, port: u16) -> Result<()> {
    // An API server that does not route to endpoints itself takes the name of such a Service for
    // the address: the one way to a server that is no Pod.
    let service: Service = serde_json::from_value(json!({
        "metadata": {"name": NAME},
        "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port}]},
    }))?;
    let params = PostParams::default();
    Api::<Service>::namespaced(client.clone(), "default")
        .create(&params, &service)
        .await?;

    let registration: APIService = serde_json::from_value(json!({
        "metadata": {"name": "v1beta1.external.metrics.k8s.io"},
        "spec": {
            "group": "external.metrics.k8s.io", "version": "v1beta1",
            "groupPriorityMinimum": 100, "versionPriority": 100,
            "insecureSkipTLSVerify": true,
            "service": {"namespace": "default", "name": NAME, "port": port},
        },
    }))?;
    let registrations = Api::<APIService>::all(client.clone());
    registrations.create(&params, &registration).await?;
    let name = registration.metadata.name.unwrap_or_default();
    until(READY, "the metrics API to be available", || async {
        let status = registrations.get(&name).await?.status.unwrap_or_default();
        let conditions = status.conditions.unwrap_or_default();
        let available = conditions
            .iter()
            .any(|c| c.type_ == "Available" && c.status == "True");
        ensure!(available, "{conditions:?}");
        // The condition precedes the route to it.
        let path = format!("/apis/{GROUP_VERSION}");
        let request = http::Request::get(path).body(Vec::new())?;
        client.request_text(request).await?;
        Ok(())
    })
    .await
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, metrics: Arc<Mutex<Metrics>>) {
    let mut connections = JoinSet::new();
    // What fails here fails visibly at the other end: as the condition of the APIService.
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(connection(stream, acceptor.clone(), metrics.clone()));
    }
}

async fn connection(stream: TcpStream, acceptor: TlsAcceptor, metrics: Arc<Mutex<Metrics>>) {
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let service = service_fn(|request: Request<hyper::body::Incoming>| {
        let answer = answer(request.uri().path(), &metrics);
        async move { Ok::<_, Infallible>(response(answer)) }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // A peer that hangs up is no failure.
    drop(connection.await);
}

fn answer(path: &str, metrics: &Mutex<Metrics>) -> Option<Value> {
    let below = path
        .strip_prefix("/apis/")?
        .strip_prefix(GROUP_VERSION)?
        .trim_matches('/');
    if below.is_empty() {
        return Some(json!({
            "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": GROUP_VERSION,
            "resources": [{
                "name": "externalmetrics", "singularName": "", "namespaced": true,
                "kind": "ExternalMetricValueList", "verbs": ["get"],
            }],
        }));
    }
    let (_, metric) = below.strip_prefix("namespaces/")?.split_once('/')?;
    let mut metrics = metrics.lock();
    let value = metrics.values.get(metric)?.clone();
    metrics.reads += 1;
    Some(json!({
        "kind": "ExternalMetricValueList", "apiVersion": GROUP_VERSION, "metadata": {},
        "items": [{
            "metricName": metric, "metricLabels": {}, "value": value,
            "timestamp": Time(Timestamp::now()),
        }],
    }))
}

fn response(answer: Option<Value>) -> Response<Full<Bytes>> {
    let status = match answer {
        Some(_) => StatusCode::OK,
        None => StatusCode::NOT_FOUND,
    };
    let body = answer.map(|answer| answer.to_string()).unwrap_or_default();
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
