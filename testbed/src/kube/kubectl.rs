//! A real kubectl.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::io::AsyncWriteExt;

use crate::{tools, wait};

const DEADLINE: Duration = Duration::from_secs(30);

/// kubectl with one kubeconfig and a home of its own.
#[derive(Debug)]
pub struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
    home: tempfile::TempDir,
}

/// What a run of kubectl left.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Kubectl {
    /// kubectl for the cluster and user of `kubeconfig`.
    pub fn new(kubeconfig: &Path) -> Result<Self> {
        let home = tempfile::Builder::new()
            .prefix("testbed-kubectl-")
            .tempdir()?;
        Ok(Self {
            program: tools::path("kubectl")?,
            kubeconfig: kubeconfig.to_owned(),
            home,
        })
    }

    /// A command to add arguments to, for tests that need kubectl to keep running (`get -w`).
    pub fn command(&self) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(&self.program);
        // Discovery is cached under HOME: a stale cache would hide what a server says now.
        command
            .env("HOME", self.home.path())
            .env("KUBECONFIG", &self.kubeconfig)
            .kill_on_drop(true);
        command
    }

    /// Runs it with `args`, whatever it answers.
    pub async fn try_run(&self, args: &[&str]) -> Result<Run> {
        self.run_with_input(args, "").await
    }

    /// Runs it with `args`; an answer other than 0 is an error with what it printed. Returns stdout.
    pub async fn run(&self, args: &[&str]) -> Result<String> {
        self.expect_success(args, "").await
    }

    /// `kubectl apply -f -` of `manifest`.
    pub async fn apply(&self, manifest: &str) -> Result<String> {
        self.expect_success(&["apply", "-f", "-"], manifest).await
    }

    /// Runs it with `args` and `input` on stdin, whatever it answers.
    pub async fn run_with_input(&self, args: &[&str], input: &str) -> Result<Run> {
        let mut child = self
            .command()
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start kubectl")?;
        let mut stdin = child.stdin.take().context("kubectl has a standard input")?;
        let what = format!("kubectl {}", args.join(" "));
        let output = wait::within(DEADLINE, &what, async {
            // A kubectl that reads nothing may be gone before this is written.
            let _ = stdin.write_all(input.as_bytes()).await;
            drop(stdin);
            child.wait_with_output().await
        })
        .await??;
        Ok(Run {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    async fn expect_success(&self, args: &[&str], input: &str) -> Result<String> {
        let run = self.run_with_input(args, input).await?;
        ensure!(
            run.code == Some(0),
            "kubectl {} answered {:?}: {}{}",
            args.join(" "),
            run.code,
            run.stdout,
            run.stderr
        );
        Ok(run.stdout)
    }
}
