//! A server for one test, and requests to it.

use std::future::Future;
use std::time::Duration;

use apiserver::{ApiServer, ApiService, Options};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use kube::Client;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Every test ends by then.
const DEADLINE: Duration = Duration::from_mins(1);

/// Runs a test with a deadline.
pub async fn within<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, test)
        .await
        .expect("the test took longer than 60 s")
}

/// A running server in memory.
pub struct TestServer {
    pub server: std::sync::Arc<ApiServer>,
    pub stop: CancellationToken,
}

impl TestServer {
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        let server = std::sync::Arc::new(ApiServer::open(options).await.expect("the server opens"));
        let stop = CancellationToken::new();
        Self { server, stop }
    }

    pub fn client(&self) -> Client {
        Client::new(self.server.service(), "default")
    }

    pub fn service(&self) -> ApiService {
        self.server.service()
    }

    /// One request; the status code and the body as JSON.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        media: &str,
        body: &Value,
    ) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", media)
            .body(Full::<Bytes>::new(body.to_string().into()))
            .expect("a request");
        let response = self.service().oneshot(request).await.expect("infallible");
        let status = response.status();
        let bytes = response
            .into_body()
            .collect()
            .await
            .expect("infallible")
            .to_bytes();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        (status, body)
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.send(Method::GET, path, "application/json", &Value::Null)
            .await
    }

    pub async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.send(Method::POST, path, "application/json", body)
            .await
    }

    /// Creates an object that must be accepted.
    pub async fn create(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.post(path, body).await;
        assert_eq!(status, StatusCode::CREATED, "{answer:#}");
        answer
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub const WIDGETS: &str = "/apis/test.example.com/v1/namespaces/default/widgets";

/// A CRD with what CRDs can have.
pub fn widgets() -> Value {
    serde_json::from_str(include_str!("widgets.json")).expect("widgets.json is JSON")
}

/// A widget.
pub fn widget(name: &str, color: &str) -> Value {
    json!({
        "apiVersion": "test.example.com/v1", "kind": "Widget",
        "metadata": {"name": name}, "spec": {"color": color, "replicas": 2},
    })
}

/// A ConfigMap.
pub fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "1"}})
}

pub const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
pub const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
