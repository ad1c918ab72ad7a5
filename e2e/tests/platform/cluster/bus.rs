//! What clusters can share: the bus, and the registry that images are pulled from.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use testbed::nats::NatsServer;
use testbed::registry::Registry;

use super::kind::Kind;
use super::manifests;

/// A nats-server and the addresses that lead to it.
#[derive(Clone)]
pub struct Nats {
    /// A process or a Pod; gone with the last who holds it.
    _server: Arc<dyn Send + Sync>,
    /// From here.
    pub url: String,
    /// From where operators and hosts of the cluster run.
    pub inner_url: String,
}

impl Nats {
    pub async fn process() -> Result<Self> {
        let nats = NatsServer::start().await?;
        let url = nats.url();
        Ok(Self {
            _server: Arc::new(nats),
            inner_url: url.clone(),
            url,
        })
    }

    pub async fn pod(kind: &Kind, folder: &Path) -> Result<Self> {
        let (nats, url) = kind.nats(folder).await?;
        Ok(Self {
            _server: Arc::new(nats),
            url,
            inner_url: manifests::nats_url(),
        })
    }

    /// The same, for a cluster whose operators and hosts run here.
    pub fn seen_from_here(&self) -> Self {
        Self {
            inner_url: self.url.clone(),
            ..self.clone()
        }
    }
}

/// A registry, by the addresses to push to and to pull from.
#[derive(Clone)]
pub struct Images {
    /// `None` for the registry of a kind cluster, which xtask runs.
    _registry: Option<Arc<Registry>>,
    push: String,
    pull: String,
}

impl Images {
    pub async fn process() -> Result<Self> {
        let registry = Registry::start().await?;
        let address = registry.address();
        Ok(Self {
            _registry: Some(Arc::new(registry)),
            push: address.clone(),
            pull: address,
        })
    }

    pub fn of(kind: &Kind) -> Self {
        Self {
            _registry: None,
            push: kind.push.clone(),
            pull: kind.pull.clone(),
        }
    }

    /// The same, for a cluster whose hosts run here.
    pub fn seen_from_here(&self) -> Self {
        Self {
            pull: self.push.clone(),
            ..self.clone()
        }
    }

    /// Where to push `image` (`hello:1`).
    pub fn to(&self, image: &str) -> String {
        format!("{}/{image}", self.push)
    }

    /// Where hosts pull `image` from.
    pub fn from(&self, image: &str) -> String {
        format!("{}/{image}", self.pull)
    }
}
