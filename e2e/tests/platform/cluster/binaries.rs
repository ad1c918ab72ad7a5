//! The command lines of our binaries.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testbed::kube::Kubectl;
use testbed::{Process, bin};

const READY: Duration = Duration::from_secs(40);

/// `wash up` with everything in `folder`.
pub struct WashUp<'a> {
    pub folder: &'a Path,
    pub http: &'a str,
    /// With it: no host of its own, others join there.
    pub nats: Option<String>,
}

impl WashUp<'_> {
    pub fn kubeconfig(&self) -> PathBuf {
        self.data().join("kubeconfig")
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub fn process(&self) -> Result<Process> {
        let process = Process::new("wash up", bin::path("wash")?, self.folder.join("wash.log"))
            .args(["--log-level", "info", "up", "--data-dir"])
            .arg(self.data())
            .arg("--store")
            .arg(self.folder.join("images"));
        Ok(match &self.nats {
            None => process.args(["--hosts", "1", "--http-addr", self.http]),
            Some(url) => process.args(["--hosts", "0", "--nats", url]),
        })
    }
}

/// Starts `wash up`, and waits until its API answers.
pub async fn start_wash_up(process: &mut Process, kubeconfig: &Path) -> Result<()> {
    process.start()?;
    process
        .ready(READY, || async {
            ensure!(kubeconfig.is_file(), "no kubeconfig yet");
            Kubectl::new(kubeconfig)?
                .run(&["get", "workloaddeployments"])
                .await
        })
        .await?;
    Ok(())
}

/// `runtime-operator install-crds`
pub async fn install_crds(kubeconfig: &Path) -> Result<()> {
    let output = tokio::process::Command::new(bin::path("runtime-operator")?)
        .arg("install-crds")
        .env("KUBECONFIG", kubeconfig)
        .output()
        .await
        .context("cannot run runtime-operator")?;
    ensure!(
        output.status.success(),
        "install-crds: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// `runtime-operator` on a cluster.
pub struct Operator {
    pub process: Process,
    health: String,
}

impl Operator {
    pub fn new(folder: &Path, kubeconfig: &Path, nats: &str) -> Result<Self> {
        let health = format!("127.0.0.1:{}", testbed::free_port()?);
        let process = Process::new(
            "runtime-operator",
            bin::path("runtime-operator")?,
            folder.join("operator.log"),
        )
        .args(["--nats-url", nats, "--health-probe-bind-address", &health])
        .args(["--metrics-bind-address", "0"])
        .env("KUBECONFIG", kubeconfig)
        .env("OPERATOR_NAMESPACE", "default");
        Ok(Self { process, health })
    }

    /// Starts it, and waits until it says that it is ready.
    pub async fn start(&mut self) -> Result<()> {
        self.process.start()?;
        let health = &self.health;
        self.process
            .ready(READY, || async move {
                let answer = super::request::get(health, health, "/readyz").await?;
                ensure!(answer.status == 200, "{answer:?}");
                Ok::<_, anyhow::Error>(())
            })
            .await
    }
}

/// `wasmcloud-host`, joining over NATS.
pub fn host(folder: &Path, name: &str, http: &str, nats: &str) -> Result<Process> {
    Ok(Process::new(
        name,
        bin::path("wasmcloud-host")?,
        folder.join(format!("{name}.log")),
    )
    .args([
        "--name",
        name,
        "--host-name",
        "127.0.0.1",
        "--http-addr",
        http,
        "--scheduler-nats-url",
        nats,
    ])
    .arg("--store")
    .arg(folder.join(format!("{name}-images")))
    .arg("--scratch-dir")
    .arg(folder)
    .args([
        "--endpoint-delay",
        "200ms",
        "--workload-ports",
        "any:1024-65535",
    ]))
}
