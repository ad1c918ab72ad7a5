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
    /// Without it, operators of their own serve this API.
    pub operator: bool,
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
        let process = if self.operator {
            process
        } else {
            process.arg("--no-operator")
        };
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

/// What `runtime-operator rbac` prints for an operator in `namespace` that serves `watch` (nothing: all), and for the
/// account of `install-crds`.
pub async fn rbac(namespace: &str, watch: &[String]) -> Result<String> {
    let output = tokio::process::Command::new(bin::path("runtime-operator")?)
        .args(["--namespace", namespace])
        .args(["--watch-namespaces", &watch.join(",")])
        .args(["rbac", "--install-crds"])
        .output()
        .await
        .context("cannot run runtime-operator")?;
    ensure!(
        output.status.success(),
        "rbac: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// What an operator is told.
#[derive(Debug, Clone, Copy)]
pub struct OperatorFlags<'a> {
    pub nats: &'a str,
    pub watch: &'a [String],
    pub elect: bool,
}

/// The command line of an operator that serves its health at `health`.
pub fn command_line(flags: &OperatorFlags<'_>, health: &str) -> Vec<String> {
    let watch = flags.watch.join(",");
    let elect = format!("--leader-elect={}", flags.elect);
    [
        "--nats-url",
        flags.nats,
        "--health-probe-bind-address",
        health,
        "--metrics-bind-address",
        "0",
        "--json-log",
        "--watch-namespaces",
        &watch,
        &elect,
    ]
    .map(str::to_owned)
    .to_vec()
}

/// `runtime-operator` under the account of `kubeconfig`.
pub fn operator(
    folder: &Path,
    name: &str,
    kubeconfig: &Path,
    flags: &OperatorFlags<'_>,
    health: &str,
) -> Result<Process> {
    let log = folder.join(format!("{name}.log"));
    Ok(Process::new(name, bin::path("runtime-operator")?, log)
        .args(command_line(flags, health))
        .env("KUBECONFIG", kubeconfig)
        // Whoever holds the Lease is named after the machine, which is a Pod's name in a cluster.
        .env("HOSTNAME", name)
        .env("OPERATOR_NAMESPACE", super::SYSTEM))
}

/// Waits until the operator whose health is at `health` says that it is ready.
pub async fn operator_is_ready(process: &mut Process, health: &str) -> Result<()> {
    process
        .ready(READY, || async move {
            let answer = super::request::get(health, health, "/readyz").await?;
            ensure!(answer.status == 200, "{answer:?}");
            Ok::<_, anyhow::Error>(())
        })
        .await
}

/// What a host is told.
pub struct HostFlags<'a> {
    pub folder: &'a Path,
    pub name: &'a str,
    pub group: &'a str,
    /// Where it says that it is.
    pub address: &'a str,
    pub http: &'a str,
    pub nats: &'a str,
}

/// `wasmcloud-host`, joining over NATS.
pub fn host(flags: &HostFlags<'_>) -> Result<Process> {
    let HostFlags { folder, name, .. } = flags;
    Ok(Process::new(
        name,
        bin::path("wasmcloud-host")?,
        folder.join(format!("{name}.log")),
    )
    .args(["--name", name, "--host-group", flags.group])
    .args(["--host-name", flags.address, "--http-addr", flags.http])
    .args(["--scheduler-nats-url", flags.nats])
    .arg("--store")
    .arg(folder.join(format!("{name}-images")))
    .arg("--scratch-dir")
    .arg(folder)
    .args(["--log-format", "json", "--endpoint-delay", "200ms"])
    .args(["--workload-ports", "any:1024-65535"]))
}
