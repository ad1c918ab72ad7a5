//! The operator as a process of its own.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kube::Client;
use testbed::Process;
use testbed::wait::until;

const READY: Duration = Duration::from_secs(50);
/// Parts of a second in which Linux counts processor time, on every machine that Rust runs on.
const TICKS: f64 = 100.0;

pub struct Operator {
    process: Process,
    metrics: Client,
    _folder: tempfile::TempDir,
}

impl Operator {
    /// Installs the CRDs, starts the operator and waits until it serves.
    pub async fn start(kubeconfig: &Path, nats: &str, log_level: &str) -> Result<Self> {
        let program = testbed::bin::path("runtime-operator")?;
        let installed = std::process::Command::new(&program)
            .arg("install-crds")
            .env("KUBECONFIG", kubeconfig)
            .env("OPERATOR_NAMESPACE", "default")
            .output()?;
        ensure!(
            installed.status.success(),
            "install-crds: {}",
            String::from_utf8_lossy(&installed.stderr)
        );
        let folder = tempfile::tempdir()?;
        let port = testbed::free_port()?;
        let mut process = Process::new("runtime-operator", program, folder.path().join("log"))
            .env("KUBECONFIG", kubeconfig)
            .env("OPERATOR_NAMESPACE", "default")
            .args([
                format!("--nats-url={nats}"),
                format!("--log-level={log_level}"),
                format!("--metrics-bind-address=127.0.0.1:{port}"),
                format!("--health-probe-bind-address=127.0.0.1:{port}"),
                "--leader-elect".into(),
            ]);
        process.start()?;
        let url = format!("http://127.0.0.1:{port}").parse()?;
        let metrics = Client::try_from(kube::Config::new(url))?;
        let operator = Self {
            process,
            metrics,
            _folder: folder,
        };
        until(READY, "the operator to lead", || async {
            let text = operator.metrics().await?;
            let leads = text
                .lines()
                .any(|l| l.starts_with("leader_election_master_status{") && l.ends_with(" 1"));
            ensure!(leads, "it does not lead yet");
            Ok(())
        })
        .await
        .with_context(|| operator.log_tail())?;
        Ok(operator)
    }

    /// What it tells of itself.
    pub async fn metrics(&self) -> Result<String> {
        let request = http::Request::get("/metrics").body(Vec::new())?;
        self.metrics
            .request_text(request)
            .await
            .context("/metrics of the operator")
    }

    /// Processor time so far, of user and kernel.
    pub fn cpu(&self) -> Result<Duration> {
        let stat = self.proc("stat")?;
        // The name, in brackets, may hold spaces.
        let (_, rest) = stat.rsplit_once(") ").context("/proc stat")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |n: usize| -> Result<f64> { Ok(fields.get(n).context("/proc stat")?.parse()?) };
        Ok(Duration::from_secs_f64((ticks(11)? + ticks(12)?) / TICKS))
    }

    /// Bytes of memory at the moment.
    pub fn rss(&self) -> Result<u64> {
        self.status("VmRSS:")
    }

    /// The most bytes of memory it ever had.
    pub fn peak_rss(&self) -> Result<u64> {
        self.status("VmHWM:")
    }

    fn status(&self, field: &str) -> Result<u64> {
        let status = self.proc("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kilobytes = line.and_then(|l| l.split_whitespace().next());
        Ok(kilobytes.context("/proc status")?.parse::<u64>()? * 1024)
    }

    fn proc(&self, file: &str) -> Result<String> {
        let id = self.process.id().context("the operator has ended")?;
        let path = format!("/proc/{id}/{file}");
        std::fs::read_to_string(&path).with_context(|| format!("{path}: {}", self.log_tail()))
    }

    pub fn log_tail(&self) -> String {
        self.process.log_tail()
    }
}
