//! A namespace for one test, and requests to the server.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use http::{Method, Request};
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use testbed::kube::Kubectl;
use testbed::wait;

use crate::answer::Answer;
use crate::objects::GROUP;
use crate::server::Server;
use crate::stream::Watching;

pub const JSON: &str = "application/json";
pub const MERGE: &str = "application/merge-patch+json";
pub const STRATEGIC: &str = "application/strategic-merge-patch+json";
pub const JSON_PATCH: &str = "application/json-patch+json";
pub const APPLY: &str = "application/apply-patch+yaml";
pub const TABLE: &str = "application/json;as=Table;g=meta.k8s.io;v=v1";

/// How long anything that follows from a request may take to show.
pub const SOON: Duration = Duration::from_secs(20);

/// What a test works with.
pub struct Space {
    client: Client,
    kubeconfig: PathBuf,
    /// The test's own namespace.
    pub namespace: String,
}

impl Space {
    /// A namespace named after the test.
    pub async fn new(server: &Server, test: &str) -> Result<Self> {
        let name: String = test.replace('_', "-").chars().take(60).collect();
        let space = Self {
            client: server.client.clone(),
            kubeconfig: server.kubeconfig.clone(),
            namespace: name.trim_end_matches('-').to_owned(),
        };
        let body = json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space.namespace},
        });
        let answer = space.post("/api/v1/namespaces", &body).await;
        ensure!(answer.code == 201, "{:#}", answer.body);
        Ok(space)
    }

    /// Creates a CRD and waits until its objects can be created.
    pub async fn install(client: &Client, crd: &Value) -> Result<()> {
        let space = Self {
            client: client.clone(),
            kubeconfig: PathBuf::new(),
            namespace: String::new(),
        };
        let answer = space.post(CRDS, crd).await;
        ensure!(answer.code == 201, "{:#}", answer.body);
        let spec = &crd["spec"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let path = format!(
            "/apis/{}/{}/{}",
            text(&spec["group"]),
            text(&spec["versions"][0]["name"]),
            text(&spec["names"]["plural"])
        );
        wait::until(SOON, "the CRD to be served", || async {
            let answer = space.get(&path).await;
            ensure!(answer.code == 200, "{:#}", answer.body);
            Ok(())
        })
        .await
    }

    /// As [`Space::install`], for a CRD of this test.
    pub async fn crd(&self, crd: &Value) {
        Self::install(&self.client, crd).await.unwrap();
    }

    /// Sends one request; fails the test when the server cannot be reached.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let what = format!("{} {}", request.method(), request.uri());
        let answer = async {
            let response = self.client.send(request).await?;
            let (head, body) = response.into_parts();
            let bytes = body.collect().await?.to_bytes();
            let body = serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
            Ok::<_, anyhow::Error>(Answer {
                code: head.status.as_u16(),
                headers: head.headers,
                body,
            })
        };
        answer.await.context(what).unwrap()
    }

    pub fn request(
        method: Method,
        path: &str,
        media: &str,
        body: impl Into<Vec<u8>>,
    ) -> Request<Body> {
        Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", media)
            .header("accept", JSON)
            .header("user-agent", "conformance/1")
            .body(Body::from(body.into()))
            .expect("a request")
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Self::request(Method::GET, path, JSON, "")).await
    }

    /// `GET` that accepts `media`.
    pub async fn get_as(&self, path: &str, media: &str) -> Answer {
        let mut request = Self::request(Method::GET, path, JSON, "");
        let media = media.parse().expect("a header's value");
        request.headers_mut().insert("accept", media);
        self.send(request).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Self::request(Method::POST, path, JSON, body.to_string()))
            .await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Self::request(Method::PUT, path, JSON, body.to_string()))
            .await
    }

    pub async fn patch(&self, path: &str, media: &str, body: &Value) -> Answer {
        self.send(Self::request(Method::PATCH, path, media, body.to_string()))
            .await
    }

    /// Server-side apply as `manager`.
    pub async fn apply(&self, path: &str, manager: &str, body: &Value) -> Answer {
        let path = format!("{path}?fieldManager={manager}");
        self.patch(&path, APPLY, body).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Self::request(Method::DELETE, path, JSON, ""))
            .await
    }

    /// `DELETE` with options in the body.
    pub async fn delete_with(&self, path: &str, options: &Value) -> Answer {
        let body = options.to_string();
        self.send(Self::request(Method::DELETE, path, JSON, body))
            .await
    }

    /// Creates an object that must be accepted.
    pub async fn create(&self, path: &str, body: &Value) -> Value {
        self.post(path, body).await.expect(201)
    }

    /// Opens a watch: `path` with its options but `watch`.
    pub async fn watch(&self, path: &str) -> Watching {
        self.watch_as(path, JSON).await
    }

    /// As [`Space::watch`], in another form.
    pub async fn watch_as(&self, path: &str, media: &str) -> Watching {
        let with = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{with}watch=true");
        let mut request = Self::request(Method::GET, &path, JSON, "");
        let media = media.parse().expect("a header's value");
        request.headers_mut().insert("accept", media);
        let response = self.client.send(request).await.unwrap();
        assert_eq!(response.status().as_u16(), 200, "{path}");
        Watching::new(response.into_body())
    }

    /// Waits until `GET path` answers with `code`.
    pub async fn until(&self, path: &str, code: u16) -> Value {
        let what = format!("{path} to answer {code}");
        wait::until(SOON, &what, || async {
            let answer = self.get(path).await;
            ensure!(answer.code == code, "{} {:#}", answer.code, answer.body);
            Ok(answer.body)
        })
        .await
        .unwrap()
    }

    /// The path of a collection of the core group in the test's namespace.
    pub fn core(&self, plural: &str) -> String {
        format!("/api/v1/namespaces/{}/{plural}", self.namespace)
    }

    /// The widgets of the test's namespace.
    pub fn widgets(&self) -> String {
        format!("/apis/{GROUP}/v1/namespaces/{}/widgets", self.namespace)
    }

    /// The same, without credentials of its own.
    pub async fn stranger(&self) -> Self {
        let client = crate::server::client(&self.kubeconfig, false)
            .await
            .unwrap();
        Self {
            client,
            kubeconfig: self.kubeconfig.clone(),
            namespace: self.namespace.clone(),
        }
    }

    /// kubectl as the administrator.
    pub fn kubectl(&self) -> Kubectl {
        Kubectl::new(&self.kubeconfig).unwrap()
    }
}

pub const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
