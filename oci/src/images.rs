//! Images between the local store and registries.
//!
//! One [`Images`] serves a whole process: callers that want the same image at the same time share one download,
//! and no caller's credentials ever fetch a manifest for another.

mod classify;
mod flight;
mod pull;
mod push;
mod registry;
mod resolve;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::credentials::Credentials;
use crate::digest::Digest;
use crate::docker_config;
use crate::error::{ErrorKind, Fault, ImageError, Operation};
use crate::policy::PullPolicy;
use crate::reference::Reference;
use crate::store::{Lease, LocalStore};

use flight::Flights;
use registry::Registries;

pub use resolve::Resolver;

/// A credential helper that takes longer than this hangs.
const HELPER_TIMEOUT: Duration = Duration::from_secs(20);

/// Where credentials come from when the caller has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum DockerConfig {
    /// Docker's folder: `$DOCKER_CONFIG`, else `~/.docker`.
    #[default]
    Default,
    /// Another folder that holds a `config.json`.
    Directory(PathBuf),
    /// Nowhere: without credentials the registry is asked anonymously.
    Ignore,
}

/// How registries are reached and what is accepted from them.
#[derive(Debug, Clone)]
pub struct ImagesOptions {
    /// Registries (`host` or `host:port`, or `*` for all) that may be reached by plain HTTP when they do not speak TLS. Registries on
    /// this machine's loopback addresses always may.
    pub insecure_registries: Vec<String>,
    /// PEM files with certificate authorities to trust beside the system's.
    pub ca_files: Vec<PathBuf>,
    /// The largest component that is accepted, in bytes.
    pub max_component_bytes: u64,
    /// Time to establish a connection.
    pub connect_timeout: Duration,
    /// Longest silence within an answer.
    pub read_timeout: Duration,
    /// Time for a whole pull or push with all its tries.
    pub total_timeout: Duration,
    /// How often a request is tried when its fault may pass.
    pub attempts: u32,
    /// Pause before the second try; each further one doubles it, up to ten seconds.
    pub backoff: Duration,
    /// Where credentials come from when the caller has none.
    pub docker_config: DockerConfig,
}

impl Default for ImagesOptions {
    fn default() -> Self {
        Self {
            insecure_registries: Vec::new(),
            ca_files: Vec::new(),
            max_component_bytes: 256 * 1024 * 1024,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_mins(5),
            attempts: 4,
            backoff: Duration::from_millis(250),
            docker_config: DockerConfig::Default,
        }
    }
}

/// An image ready to run.
#[derive(Debug, Clone)]
pub struct PulledImage {
    /// Digest of what the reference names; pin workloads to it.
    pub digest: Digest,
    /// Digest of the component itself; key compiled code by it.
    pub layer_digest: Digest,
    /// The component.
    pub bytes: Bytes,
    /// Keeps the image in the store while it is in use.
    pub lease: Lease,
    /// Whether a registry was asked.
    pub used_network: bool,
}

/// Pulls into a store and pushes to registries. Clones share everything.
#[derive(Debug, Clone)]
pub struct Images {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: LocalStore,
    options: ImagesOptions,
    registries: Registries,
    pulls: Flights<(Reference, u64), Result<PulledImage, Fault>>,
    layers: Flights<Digest, Result<Bytes, Fault>>,
}

/// Why [`Images::new`] failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the certificate authorities in {path}: {source}")]
pub struct CaFileError {
    /// Which file.
    pub path: PathBuf,
    /// The cause.
    pub source: std::io::Error,
}

impl Images {
    /// Images over a store. Reads the certificate authorities; touches no network.
    pub fn new(store: LocalStore, options: ImagesOptions) -> Result<Self, CaFileError> {
        let registries = Registries::new(&options)?;
        let inner = Inner {
            store,
            options,
            registries,
            pulls: Flights::default(),
            layers: Flights::default(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The store pulls go to.
    pub fn store(&self) -> &LocalStore {
        &self.inner.store
    }

    /// Makes an image available. `credentials` go before docker's configuration, which goes before none.
    ///
    /// - [`PullPolicy::IfNotPresent`] and [`PullPolicy::Never`] touch no network when the store has the image.
    /// - What is returned was verified against its digest just now and is leased to the caller.
    /// - Faults that may pass are tried again with growing pauses, within the options' total timeout.
    pub async fn pull(
        &self,
        reference: &Reference,
        policy: PullPolicy,
        credentials: Option<&Credentials>,
    ) -> Result<PulledImage, ImageError> {
        let pulled = Arc::clone(&self.inner)
            .pull(reference, policy, credentials)
            .await;
        pulled.map_err(|fault| ImageError::new(Operation::Pull, reference, fault))
    }

    /// Pushes a component and returns the digest of its image, which depends on the component alone.
    pub async fn push(
        &self,
        reference: &Reference,
        component: Bytes,
        credentials: Option<&Credentials>,
    ) -> Result<Digest, ImageError> {
        let pushed = self.inner.push(reference, component, credentials).await;
        pushed.map_err(|fault| ImageError::new(Operation::Push, reference, fault))
    }
}

impl Inner {
    async fn credentials_for(
        &self,
        reference: &Reference,
        given: Option<&Credentials>,
    ) -> Result<Option<Credentials>, Fault> {
        credentials_for(&self.options, reference, given).await
    }

    async fn in_time<T>(
        &self,
        operation: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        in_time(&self.options, operation).await
    }
}

/// The caller's credentials, else those docker's configuration has.
async fn credentials_for(
    options: &ImagesOptions,
    reference: &Reference,
    given: Option<&Credentials>,
) -> Result<Option<Credentials>, Fault> {
    if let Some(given) = given {
        return Ok(Some(given.clone()));
    }
    let directory = match &options.docker_config {
        DockerConfig::Ignore => None,
        DockerConfig::Default => docker_config::default_directory(),
        DockerConfig::Directory(directory) => Some(directory.clone()),
    };
    let Some(directory) = directory else {
        return Ok(None);
    };
    let registry = reference.registry().to_owned();
    let looked_up = tokio::task::spawn_blocking(move || docker_config::find(&directory, &registry));
    match tokio::time::timeout(HELPER_TIMEOUT, looked_up).await {
        Ok(Ok(Ok(found))) => Ok(found),
        Ok(Ok(Err(error))) => Err(Fault::new(ErrorKind::Credentials, error.to_string())),
        Ok(Err(error)) => Err(Fault::new(ErrorKind::Credentials, error.to_string())),
        Err(_) => Err(Fault::new(
            ErrorKind::Credentials,
            format!(
                "the credential helper did not answer within {} s",
                HELPER_TIMEOUT.as_secs()
            ),
        )),
    }
}

/// Bounds a whole operation.
async fn in_time<T>(
    options: &ImagesOptions,
    operation: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    let limit = options.total_timeout;
    match tokio::time::timeout(limit, operation).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Fault::transient(
            ErrorKind::Timeout,
            format!("it was not done after {} s", limit.as_secs()),
        )),
    }
}
