//! Programs as Pods of a kind cluster, each a Deployment of one, reached through `kubectl port-forward`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testbed::kube::Kubectl;
use testbed::{Process, tools, wait};
use tokio::net::TcpStream;

use super::SYSTEM;

/// Pulling an image and starting, on a machine that does much else.
const READY: Duration = Duration::from_mins(2);
/// Ending in order.
const GONE: Duration = Duration::from_mins(1);

/// A Deployment of one Pod.
pub struct Pod {
    kubectl: Kubectl,
    kubeconfig: PathBuf,
    folder: PathBuf,
    name: String,
    /// What follows its log, whole from the first line.
    log: Process,
    forwards: Vec<Process>,
}

impl Pod {
    /// Applies `manifest`, a Deployment of the name `name`, and waits until its Pod is available.
    pub async fn start(
        kubeconfig: &Path,
        folder: &Path,
        name: &str,
        manifest: &Value,
    ) -> Result<Self> {
        let kubectl = Kubectl::new(kubeconfig)?;
        kubectl.apply(&manifest.to_string()).await?;
        let log = follower(kubeconfig, folder, name)?;
        let mut pod = Self {
            kubectl,
            kubeconfig: kubeconfig.to_owned(),
            folder: folder.to_owned(),
            name: name.to_owned(),
            log,
            forwards: Vec::new(),
        };
        pod.available().await?;
        Ok(pod)
    }

    /// An address here that leads to the Pod's `port`, as long as the Pod lives.
    pub async fn forward(&mut self, port: u16) -> Result<String> {
        let address = format!("127.0.0.1:{}", testbed::free_port()?);
        let local = address.rsplit(':').next().unwrap_or_default().to_owned();
        let mut forward = Process::new(
            "kubectl port-forward",
            tools::path("kubectl")?,
            self.folder.join(format!("{}-forward.log", self.name)),
        )
        .args(["--namespace", SYSTEM, "port-forward"])
        .arg(format!("deployment/{}", self.name))
        .arg(format!("{local}:{port}"))
        .env("KUBECONFIG", &self.kubeconfig);
        forward.start()?;
        let at = &address;
        forward
            .ready(
                READY,
                || async move { TcpStream::connect(at).await.map(drop) },
            )
            .await?;
        self.forwards.push(forward);
        Ok(address)
    }

    /// Ends it without asking, and keeps Kubernetes from starting another.
    pub async fn kill(&mut self) -> Result<()> {
        self.scale(0).await?;
        let delete = ["delete", "pods", "-l", &format!("app={}", self.name)];
        self.run(&[&delete[..], &["--grace-period=0", "--force"]].concat())
            .await?;
        self.gone().await
    }

    /// Ends it as Kubernetes does, with its time to put things in order.
    pub async fn stop(&mut self) -> Result<()> {
        self.scale(0).await?;
        self.gone().await
    }

    /// Starts an ended one again.
    pub async fn start_again(&mut self) -> Result<()> {
        self.scale(1).await?;
        self.available().await
    }

    /// Where its log is followed to.
    pub fn log(&self) -> &Path {
        self.log.log()
    }

    /// The end of its log.
    pub fn log_tail(&self) -> String {
        self.log.log_tail()
    }

    async fn run(&self, arguments: &[&str]) -> Result<String> {
        self.kubectl
            .run(&[&["--namespace", SYSTEM], arguments].concat())
            .await
    }

    async fn scale(&self, replicas: u8) -> Result<()> {
        let deployment = format!("deployment/{}", self.name);
        self.run(&["scale", &deployment, &format!("--replicas={replicas}")])
            .await
            .map(drop)
    }

    async fn available(&mut self) -> Result<()> {
        let deployment = format!("deployment/{}", self.name);
        wait::until(READY, &format!("the Pod of {}", self.name), || async {
            let available = ["get", &deployment, "-o", "jsonpath={.status}"];
            let status: Value = serde_json::from_str(&self.run(&available).await?)?;
            ensure!(status["availableReplicas"] == 1, "{status}");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
        self.log.start()
    }

    async fn gone(&mut self) -> Result<()> {
        self.forwards.clear();
        wait::until(GONE, &format!("the end of {}", self.name), || async {
            let left = ["get", "pods", "-l", &format!("app={}", self.name), "-o"];
            let left = self.run(&[&left[..], &["name"]].concat()).await?;
            ensure!(left.is_empty(), "{left}");
            Ok::<_, anyhow::Error>(())
        })
        .await
    }
}

fn follower(kubeconfig: &Path, folder: &Path, name: &str) -> Result<Process> {
    let log = folder.join(format!("{name}.log"));
    let process = Process::new("kubectl logs", tools::path("kubectl")?, log)
        .args(["--namespace", SYSTEM, "logs", "--follow"])
        .arg(format!("deployment/{name}"))
        .env("KUBECONFIG", kubeconfig);
    Ok(process)
}

/// Waits until the Job of this name has succeeded.
pub async fn completed(kubectl: &Kubectl, job: &str) -> Result<()> {
    let arguments = ["--namespace", SYSTEM, "get", &format!("job/{job}")];
    wait::until(READY, &format!("the Job {job}"), || async {
        let status = kubectl
            .run(&[&arguments[..], &["-o", "jsonpath={.status}"]].concat())
            .await?;
        let status: Value = serde_json::from_str(&status).context("no status yet")?;
        ensure!(status["succeeded"] == 1, "{status}");
        Ok::<_, anyhow::Error>(())
    })
    .await
}
