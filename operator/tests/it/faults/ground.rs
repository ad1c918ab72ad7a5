//! What towns stand on: an API server, and for some a registry.

use crate::embedded;
use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use testbed::kube::ControlPlane;
use testbed::registry::Registry;
use tokio_util::sync::DropGuard;

/// An API server with the CRDs; it ends with this value.
pub struct Ground {
    pub client: Client,
    registry: Option<Registry>,
    _server: Server,
}

enum Server {
    Embedded { _end: DropGuard },
    Real { _plane: Box<ControlPlane> },
}

impl Ground {
    /// On the embedded API server, which costs no process.
    pub async fn embedded() -> Result<Self> {
        let (client, guard) = embedded::server().await?;
        Self::new(client, Server::Embedded { _end: guard }).await
    }

    pub async fn with_registry() -> Result<Self> {
        let registry = Some(Registry::start().await?);
        Ok(Self {
            registry,
            ..Self::embedded().await?
        })
    }

    pub async fn real() -> Result<Self> {
        let plane = ControlPlane::start().await?;
        let client = plane.client().await?;
        let plane = Box::new(plane);
        Self::new(client, Server::Real { _plane: plane }).await
    }

    async fn new(client: Client, server: Server) -> Result<Self> {
        operator::install_crds(&client).await?;
        Ok(Self {
            client: remembering(client),
            registry: None,
            _server: server,
        })
    }

    pub fn registry(&self) -> Result<&Registry> {
        self.registry.as_ref().context("there is no registry")
    }
}

/// A client that asks for a published schema once. Each operator reads them when it starts; to put them together anew
/// for hundreds of operators is most of what this machine would do.
fn remembering(client: Client) -> Client {
    let known: Arc<Mutex<HashMap<String, Bytes>>> = Arc::default();
    let service = tower::service_fn(move |request: Request<Body>| {
        let (client, known) = (client.clone(), known.clone());
        async move {
            if !request.uri().path().starts_with("/openapi/") {
                return client.send(request).await;
            }
            let url = request.uri().to_string();
            let held = known.lock().get(&url).cloned();
            let document = match held {
                Some(document) => document,
                None => {
                    client
                        .send(request)
                        .await?
                        .into_body()
                        .collect_bytes()
                        .await?
                }
            };
            known.lock().insert(url, document.clone());
            Ok::<_, kube::Error>(Response::new(Body::from(document.to_vec())))
        }
    });
    Client::new(service, "default")
}
