//! Which cluster a command talks to.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use kube::config::{KubeConfigOptions, Kubeconfig};

use crate::failure::Failure;
use crate::up::dirs;

/// The flags that choose a cluster, as in kubectl.
#[derive(Debug, Clone, Args)]
pub struct ClusterArgs {
    /// Kubeconfig file. Default: $KUBECONFIG, then ~/.kube/config, then the one of a running `wash up`
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// Namespace of objects that name none
    #[arg(short, long, value_name = "NAME")]
    pub namespace: Option<String>,
}

impl ClusterArgs {
    /// A client, and the namespace for objects that name none.
    pub async fn connect(&self) -> Result<(kube::Client, String), Failure> {
        let config = self.config().await?;
        let namespace = self
            .namespace
            .clone()
            .unwrap_or_else(|| config.default_namespace.clone());
        Ok((kube::Client::try_from(config)?, namespace))
    }

    async fn config(&self) -> Result<kube::Config, Failure> {
        let options = KubeConfigOptions {
            context: self.context.clone(),
            ..KubeConfigOptions::default()
        };
        if let Some(file) = &self.kubeconfig {
            return from_file(file, &options).await;
        }
        let named = std::env::var_os("KUBECONFIG").is_some_and(|value| !value.is_empty());
        let usual = home().map(|home| home.join(".kube/config"));
        if named || usual.is_some_and(|file| file.exists()) {
            let kubeconfig = Kubeconfig::read().context("cannot read the kubeconfig")?;
            return Ok(kube::Config::from_custom_kubeconfig(kubeconfig, &options).await?);
        }
        match dirs::default_kubeconfig().filter(|file| file.exists()) {
            Some(file) => from_file(&file, &options).await,
            None => Err(Failure::with_hint(
                anyhow::anyhow!(
                    "there is no cluster: KUBECONFIG is not set and ~/.kube/config does not exist"
                ),
                "start one with `wash up`, or name a kubeconfig with --kubeconfig",
            )),
        }
    }
}

fn home() -> Option<PathBuf> {
    std::env::var_os("HOME").map(PathBuf::from)
}

async fn from_file(file: &Path, options: &KubeConfigOptions) -> Result<kube::Config, Failure> {
    let kubeconfig = Kubeconfig::read_from(file)
        .with_context(|| format!("cannot read the kubeconfig {}", file.display()))?;
    Ok(kube::Config::from_custom_kubeconfig(kubeconfig, options).await?)
}
