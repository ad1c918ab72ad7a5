//! Operators under way: which of them leads, and how they end.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testbed::wait;

use super::api::Api;
use super::binaries::{self, OperatorFlags};
use super::pods::Pod;
use super::program::Program;
use super::{Cluster, SYSTEM};

/// An operator of its own.
pub struct Operator {
    program: Program,
    name: String,
    /// Where its process serves its health; of a Pod Kubernetes asks.
    health: String,
}

impl Operator {
    /// A process, not started yet.
    pub fn process(
        folder: &Path,
        name: &str,
        kubeconfig: &Path,
        flags: &OperatorFlags<'_>,
    ) -> Result<Self> {
        let health = format!("127.0.0.1:{}", testbed::free_port()?);
        let process = binaries::operator(folder, name, kubeconfig, flags, &health)?;
        Ok(Self {
            program: Program::Process(process),
            name: name.to_owned(),
            health,
        })
    }

    /// A Pod that runs.
    pub fn in_pod(name: &str, pod: Pod) -> Self {
        Self {
            program: Program::Pod(Box::new(pod)),
            name: name.to_owned(),
            health: String::new(),
        }
    }

    /// Its name in the Lease.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The end of its log.
    pub fn log_tail(&self) -> String {
        self.program.log_tail()
    }

    /// Starts it, and waits until it says that it is ready.
    pub async fn start(&mut self) -> Result<()> {
        match &mut self.program {
            Program::Process(process) => {
                process.start()?;
                binaries::operator_is_ready(process, &self.health).await
            }
            Program::Pod(pod) => pod.start_again().await,
        }
    }
}

impl Cluster {
    /// Ends the operator (embedded: the API server with it) as `kill -9` does, and starts it again.
    pub async fn restart_operator(&mut self) -> Result<()> {
        match self.operators.first_mut() {
            None => self.api.restart_wash_up().await,
            Some(operator) => {
                operator.program.kill().await?;
                operator.start().await
            }
        }
    }

    /// Ends operator number `index` as `kill -9` does.
    pub async fn kill_operator(&mut self, index: usize) -> Result<()> {
        self.operators[index].program.kill().await
    }

    /// Ends operator number `index` as Kubernetes ends a Pod.
    pub async fn stop_operator(&mut self, index: usize) -> Result<()> {
        self.operators[index].program.stop().await
    }

    /// Starts an ended operator again.
    pub async fn start_operator(&mut self, index: usize) -> Result<()> {
        self.operators[index].start().await
    }

    /// Fails when the API server refused an operator anything: its account lacks a right that it needs.
    pub fn nothing_was_refused(&self) -> Result<()> {
        // The operator inside `wash up` is the API server's own: there is nothing to refuse.
        let inside = matches!(self.api, Api::Embedded { .. });
        ensure!(inside || !self.operators.is_empty(), "there is no operator");
        for operator in &self.operators {
            let log = operator.program.log()?;
            let refused = log
                .lines()
                .find(|line| line.to_lowercase().contains("forbidden"));
            ensure!(refused.is_none(), "{}: {refused:?}", operator.name);
        }
        Ok(())
    }

    /// What operator number `index` has logged.
    pub fn operator_log(&self, index: usize) -> Result<String> {
        self.operators[index].program.log()
    }

    /// The kubeconfig of the operators' account.
    pub fn operator_kubeconfig(&self) -> PathBuf {
        self.folder.path().join("operator.kubeconfig")
    }

    /// The number of the operator that holds the Lease.
    pub async fn leader(&self) -> Result<usize> {
        let holder = self
            .kubectl()?
            .run(&[
                "--namespace",
                SYSTEM,
                "get",
                "lease",
                "d34db3ef.wasmcloud.dev",
                "-o",
                "jsonpath={.spec.holderIdentity}",
            ])
            .await?;
        self.operators
            .iter()
            .position(|operator| {
                let rest = holder.strip_prefix(operator.name());
                // A Pod's name has the operator's in it.
                rest.is_some_and(|rest| rest.starts_with(['_', '-']))
            })
            .with_context(|| format!("the holder is {holder:?}"))
    }

    /// Waits until operator number `index` holds the Lease.
    pub async fn leads(&self, index: usize, deadline: Duration) -> Result<()> {
        wait::until(deadline, "another leader", || async {
            let leader = self.leader().await?;
            ensure!(leader == index, "operator {leader} leads");
            Ok::<_, anyhow::Error>(())
        })
        .await
        .with_context(|| self.logs())
    }
}
