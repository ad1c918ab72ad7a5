//! A program of the platform: a process here, or a Pod in a kind cluster.

use std::time::Duration;

use anyhow::{Result, ensure};
use testbed::Process;

use super::pods::Pod;

/// How long a program may take to end when it is told to: a host hands over first, then drains.
const STOP: Duration = Duration::from_secs(45);

pub enum Program {
    Process(Process),
    Pod(Box<Pod>),
}

impl Program {
    /// Ends it as `kill -9` does.
    pub async fn kill(&mut self) -> Result<()> {
        match self {
            Self::Process(process) => {
                process.kill();
                Ok(())
            }
            Self::Pod(pod) => pod.kill().await,
        }
    }

    /// Ends it as Kubernetes ends a Pod.
    pub async fn stop(&mut self) -> Result<()> {
        match self {
            Self::Process(process) => {
                let status = process.terminate(STOP).await?;
                ensure!(status.success(), "it ended with {status}");
                Ok(())
            }
            Self::Pod(pod) => pod.stop().await,
        }
    }

    /// Starts it again after it has ended.
    pub async fn start_again(&mut self) -> Result<()> {
        match self {
            Self::Process(process) => Ok(process.start()?),
            Self::Pod(pod) => pod.start_again().await,
        }
    }

    /// Its whole log.
    pub fn log(&self) -> Result<String> {
        let log = match self {
            Self::Process(process) => process.log(),
            Self::Pod(pod) => pod.log(),
        };
        Ok(std::fs::read_to_string(log)?)
    }

    /// The end of its log.
    pub fn log_tail(&self) -> String {
        match self {
            Self::Process(process) => process.log_tail(),
            Self::Pod(pod) => pod.log_tail(),
        }
    }
}
