//! Where the API comes from.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use testbed::Process;
use testbed::kube::ControlPlane;
use testbed::wait::until;

use crate::Kind;

const READY: Duration = Duration::from_secs(50);

/// An API server with a client that may do everything.
pub struct Cluster {
    pub client: Client,
    pub kubeconfig: PathBuf,
    pub name: String,
    _server: Server,
}

#[expect(dead_code, reason = "held until the bench ends")]
enum Server {
    Real(Box<ControlPlane>),
    Embedded(Process, tempfile::TempDir),
}

impl Cluster {
    pub async fn start(kind: Kind) -> Result<Self> {
        match kind {
            Kind::Apiserver => Self::real().await,
            Kind::Embedded => Self::embedded().await,
        }
    }

    async fn real() -> Result<Self> {
        let plane = ControlPlane::start().await?;
        Ok(Self {
            client: plane.client().await?,
            kubeconfig: plane.kubeconfig(),
            name: "kube-apiserver and etcd".into(),
            _server: Server::Real(Box::new(plane)),
        })
    }

    async fn embedded() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let kubeconfig = folder.path().join("kubeconfig");
        let wash = testbed::bin::path("wash")?;
        let mut server = Process::new("wash", wash, folder.path().join("log"))
            .args([
                "up",
                "--hosts=0",
                "--no-operator",
                "--ephemeral",
                "--kubeconfig",
            ])
            .arg(&kubeconfig)
            .arg("--data-dir")
            .arg(folder.path());
        server.start()?;
        let file = &kubeconfig;
        let client = server
            .ready(READY, || async move {
                let config = Kubeconfig::read_from(file)?;
                let config =
                    kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default())
                        .await?;
                let client = Client::try_from(config)?;
                client.apiserver_version().await?;
                anyhow::Ok(())
            })
            .await;
        client.context("the embedded API server")?;
        let config = Kubeconfig::read_from(file)?;
        let config =
            kube::Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await?;
        Ok(Self {
            client: Client::try_from(config)?,
            kubeconfig,
            name: "the embedded API server".into(),
            _server: Server::Embedded(server, folder),
        })
    }
}

/// Waits for something that has the whole bench to come.
pub async fn eventually<T, E: std::fmt::Display, F, Fut>(what: &str, observe: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    until(crate::PATIENCE, what, observe).await
}
