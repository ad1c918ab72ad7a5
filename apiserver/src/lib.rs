//! A Kubernetes API server in a library: what `kubectl`, kube-rs and server-side apply need, for
//! one process and tens of thousands of objects. No pods run here and nothing is clustered.
//!
//! It knows Kubernetes' machinery and no kind of ours: those come from CRDs, as on any cluster.
//! In the same process a client is built on [`ApiServer::service`] without sockets or TLS; everyone
//! else comes over [`ApiServer::serve`] with the kubeconfig of [`ApiServer::write_kubeconfig`].
//!
//! Where it behaves differently from kube-apiserver, that is a bug here, unless `docs/differences.md` lists it.

pub mod apply;
mod auth;
mod gc;
mod listener;
mod object_meta;
mod private_file;
mod registry;
mod rest;
pub mod schema;
mod service;
mod status;
mod store;

pub use auth::{KubeconfigError, PkiError};
pub use rest::{Body, GIT_VERSION};
pub use service::ApiService;
pub use store::DiskError;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use auth::{Auth, Identity, Pki, Tokens};
use registry::Registry;
use rest::{Api, Caller};
use store::{Bucket, Disk, Expect, Key, Op, Store, Write, WriteError};

/// Namespaces that are always there.
const NAMESPACES: &[&str] = &["default", "kube-public", "kube-system"];

/// How an API server is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where objects and keys are kept; `None`: nothing outlives the process.
    pub data_dir: Option<PathBuf>,
    /// How many changes of each resource a watch can go back. More cost memory, fewer make slow
    /// clients list again.
    pub kept_changes: usize,
    /// DNS names and addresses in the serving certificate besides loopback.
    pub server_names: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            data_dir: None,
            kept_changes: 4096,
            server_names: Vec::new(),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the data folder {path} cannot be made: {source}")]
    Folder {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error("keys and certificates: {0}")]
    Pki(#[from] PkiError),
    #[error("the store refuses the first objects: {0}")]
    Bootstrap(String),
}

/// An open API server.
pub struct ApiServer {
    api: Arc<Api>,
    pki: Pki,
    server_names: Vec<String>,
    closing: CancellationToken,
}

impl ApiServer {
    /// Opens the store (in memory without a data folder) and creates what every cluster has.
    pub async fn open(options: Options) -> Result<Self, OpenError> {
        let (store, pki, tokens) = match &options.data_dir {
            None => {
                let tokens = Tokens::generate().map_err(PkiError::from)?;
                (
                    Store::in_memory(options.kept_changes),
                    Pki::generate()?,
                    tokens,
                )
            }
            Some(dir) => {
                private_folder(dir).map_err(|source| OpenError::Folder {
                    path: dir.clone(),
                    source,
                })?;
                let disk = Disk::open(&dir.join("objects.redb"))?;
                let keys = dir.join("pki");
                let tokens = auth::open_tokens(&keys)?;
                (
                    Store::on_disk(disk, options.kept_changes)?,
                    Pki::open(&keys)?,
                    tokens,
                )
            }
        };
        let registry = Registry::new(store.clone());
        let api = Arc::new(Api {
            store,
            registry,
            auth: Auth::new(tokens),
        });
        for namespace in NAMESPACES {
            bootstrap(&api.store, namespace)
                .await
                .map_err(|error| OpenError::Bootstrap(error.to_string()))?;
        }
        let closing = CancellationToken::new();
        Ok(Self {
            api,
            pki,
            server_names: options.server_names,
            closing,
        })
    }

    /// The API for this process, as an administrator.
    pub fn service(&self) -> ApiService {
        let identity = Some(Arc::new(Identity::admin()));
        let caller = Caller {
            identity,
            closing: self.closing.child_token(),
        };
        ApiService {
            api: Arc::clone(&self.api),
            caller,
        }
    }

    /// Serves the API over TLS (HTTP/2 and HTTP/1.1) until the token is cancelled.
    pub async fn serve(
        &self,
        listener: TcpListener,
        token: CancellationToken,
    ) -> Result<(), PkiError> {
        let config = self.pki.server_config(&self.server_names)?;
        listener::serve(Arc::clone(&self.api), config, listener, token).await;
        Ok(())
    }

    /// Does what follows from deletions (owners, namespaces, CRDs, old Events) until the token is
    /// cancelled. One of these runs per server.
    pub async fn run(&self, token: CancellationToken) {
        gc::run(Arc::clone(&self.api), token).await;
    }

    /// Writes a kubeconfig (mode 0600) with which an administrator reaches the server at `address`.
    pub fn write_kubeconfig(
        &self,
        path: &Path,
        address: SocketAddr,
    ) -> Result<(), KubeconfigError> {
        auth::write_kubeconfig(&self.pki, path, address)
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        // Watches of in-memory clients end with the server.
        self.closing.cancel();
    }
}

fn private_folder(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

async fn bootstrap(store: &Store, name: &str) -> Result<(), WriteError> {
    let key = Key::new(&Bucket::new("", "namespaces"), "", name);
    let namespace = json!({
        "kind": "Namespace", "apiVersion": "v1",
        "metadata": {
            "name": name, "uid": uuid::Uuid::new_v4().to_string(),
            "creationTimestamp": object_meta::time(jiff::Timestamp::now()),
            "labels": {"kubernetes.io/metadata.name": name},
        },
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    });
    match store
        .write(Write {
            key,
            expect: Expect::Absent,
            op: Op::Put(namespace),
            guard: None,
        })
        .await
    {
        Ok(_) | Err(WriteError::Exists) => Ok(()),
        Err(error) => Err(error),
    }
}
