//! `kubectl get -w`, line by line.

use std::process::Stdio;

use anyhow::{Context, Result};
use testbed::kube::Kubectl;
use testbed::wait;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use crate::cluster::SOON;

/// `kubectl get KIND -w` with whatever else it is told.
pub struct Watch {
    lines: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl Watch {
    pub fn start(kubectl: &Kubectl, kind: &str, more: &[&str]) -> Result<Self> {
        let mut process = kubectl
            .command()
            .args(["get", kind, "-w"])
            .args(more)
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = process.stdout.take().context("kubectl has an output")?;
        Ok(Self {
            lines: BufReader::new(stdout).lines(),
            _process: process,
        })
    }

    /// Reads on until a line is as `wanted`, and returns all lines up to it.
    pub async fn until(
        &mut self,
        what: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>> {
        let mut seen = Vec::new();
        let found = wait::within(SOON, what, async {
            while let Some(line) = self.lines.next_line().await? {
                let found = wanted(&line);
                seen.push(line);
                if found {
                    return Ok(());
                }
            }
            anyhow::bail!("kubectl get -w ended")
        })
        .await;
        found
            .and_then(|result| result)
            .with_context(|| format!("kubectl get -w printed {seen:?}"))?;
        Ok(seen)
    }
}
