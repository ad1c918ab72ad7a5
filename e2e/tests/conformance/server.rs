//! The server under test.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use kube::Client;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use testbed::kube::{ControlPlane, Kubectl};
use testbed::{Process, bin};
use tokio::sync::OnceCell;

use crate::objects;
use crate::space::Space;

const READY: Duration = Duration::from_secs(40);

/// The one server, started by the first test that runs, gone when this is dropped.
#[derive(Default)]
pub struct Shared(OnceCell<Server>);

impl Shared {
    pub async fn server(&self) -> Result<&Server> {
        self.0.get_or_try_init(Server::start).await
    }
}

/// A running API server with the CRD that most tests use.
pub struct Server {
    pub client: Client,
    pub kubeconfig: PathBuf,
    _running: Running,
}

/// What ends when the server is dropped.
enum Running {
    Embedded {
        _wash: Process,
        _folder: tempfile::TempDir,
    },
    Real {
        _plane: Box<ControlPlane>,
    },
}

impl Server {
    /// Starts the server that `E2E_CLUSTER` names.
    async fn start() -> Result<Self> {
        let server = match std::env::var("E2E_CLUSTER").as_deref() {
            Err(_) | Ok("embedded") => embedded().await?,
            Ok("apiserver") => real().await?,
            Ok(other) => bail!("E2E_CLUSTER is {other:?}; it is embedded or apiserver"),
        };
        Space::install(&server.client, &objects::widgets())
            .await
            .context("the CRD of the tests")?;
        Ok(server)
    }
}

/// A client that shows every answer: the usual one asks again after some.
pub async fn client(kubeconfig: &Path, as_admin: bool) -> Result<Client> {
    // It also chooses the process's TLS implementation.
    testbed::kube::client(kubeconfig).await?;
    let content = Kubeconfig::read_from(kubeconfig)?;
    let mut config =
        kube::Config::from_custom_kubeconfig(content, &KubeConfigOptions::default()).await?;
    config.default_retry = false;
    if !as_admin {
        config.auth_info = AuthInfo::default();
    }
    Ok(Client::try_from(config)?)
}

async fn real() -> Result<Server> {
    let plane = Box::new(ControlPlane::start().await?);
    Ok(Server {
        client: client(&plane.kubeconfig(), true).await?,
        kubeconfig: plane.kubeconfig(),
        _running: Running::Real { _plane: plane },
    })
}

/// `wash up` with nothing but its API server.
async fn embedded() -> Result<Server> {
    let folder = tempfile::Builder::new().prefix("conformance-").tempdir()?;
    let data = folder.path().join("data");
    let kubeconfig = data.join("kubeconfig");
    let mut wash = Process::new(
        "wash up",
        bin::path("wash")?,
        folder.path().join("wash.log"),
    )
    .args(["--log-level", "info", "up", "--hosts", "0", "--no-operator"])
    .arg("--data-dir")
    .arg(data)
    .arg("--store")
    .arg(folder.path().join("images"));
    wash.start()?;
    wash.ready(READY, || async {
        ensure!(kubeconfig.is_file(), "no kubeconfig yet");
        Kubectl::new(&kubeconfig)?
            .run(&["get", "namespace", "default"])
            .await
    })
    .await?;
    Ok(Server {
        client: client(&kubeconfig, true).await?,
        kubeconfig,
        _running: Running::Embedded {
            _wash: wash,
            _folder: folder,
        },
    })
}
