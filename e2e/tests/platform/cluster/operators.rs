//! Operators under way: which of them leads, and how they end.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testbed::wait;

use super::{Cluster, SYSTEM};

/// How long an operator may take to end when it is told to.
const STOP: Duration = Duration::from_secs(15);

impl Cluster {
    /// Ends the operator (embedded: the API server with it) as `kill -9` does, and starts it again.
    pub async fn restart_operator(&mut self) -> Result<()> {
        match self.operators.first_mut() {
            None => self.api.restart_wash_up().await,
            Some(operator) => {
                operator.process.kill();
                operator.start().await
            }
        }
    }

    /// Ends operator number `index` as `kill -9` does.
    pub fn kill_operator(&mut self, index: usize) {
        self.operators[index].process.kill();
    }

    /// Ends operator number `index` as Kubernetes ends a Pod.
    pub async fn stop_operator(&mut self, index: usize) -> Result<()> {
        let status = self.operators[index].process.terminate(STOP).await?;
        ensure!(status.success(), "the operator ended with {status}");
        Ok(())
    }

    /// Starts an ended operator again.
    pub async fn start_operator(&mut self, index: usize) -> Result<()> {
        self.operators[index].start().await
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
            .position(|operator| holder.starts_with(&format!("{}_", operator.name())))
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
