//! The API server, and the accounts that operators act under.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use testbed::Process;
use testbed::kube::{ControlPlane, Kubectl, write_account};

use super::binaries::{self, WashUp};

/// The namespace of operators that are processes of their own. Hosts live in it too.
pub const SYSTEM: &str = "wasmcloud-system";

/// Which API server a suite runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The one inside `wash up`.
    Embedded,
    /// A real kube-apiserver.
    Real,
}

impl Kind {
    /// What `E2E_CLUSTER` names.
    pub fn from_env() -> Result<Self> {
        Ok(match std::env::var("E2E_CLUSTER").as_deref() {
            Err(_) | Ok("embedded") => Self::Embedded,
            Ok("apiserver") => Self::Real,
            Ok(other) => bail!("E2E_CLUSTER is {other:?}; it is embedded or apiserver"),
        })
    }
}

/// A running API server.
pub enum Api {
    Embedded { wash: Process, kubeconfig: PathBuf },
    Real(Box<ControlPlane>),
}

impl Api {
    /// `wash up`, with whatever else it is told to run.
    pub async fn embedded(wash: WashUp<'_>) -> Result<Self> {
        let kubeconfig = wash.kubeconfig();
        let mut wash = wash.process()?;
        binaries::start_wash_up(&mut wash, &kubeconfig).await?;
        Ok(Self::Embedded { wash, kubeconfig })
    }

    /// A real kube-apiserver.
    pub async fn real() -> Result<Self> {
        Ok(Self::Real(Box::new(ControlPlane::start().await?)))
    }

    /// The administrator's kubeconfig.
    pub fn admin(&self) -> PathBuf {
        match self {
            Self::Embedded { kubeconfig, .. } => kubeconfig.clone(),
            Self::Real(plane) => plane.kubeconfig(),
        }
    }

    /// Installs the CRDs under the account made for that, grants an operator of these namespaces (none: all) what
    /// `runtime-operator rbac` says it needs, and returns a kubeconfig of its account.
    pub async fn operator_account(&self, folder: &Path, watch: &[String]) -> Result<PathBuf> {
        let admin = self.admin();
        let kubectl = Kubectl::new(&admin)?;
        for namespace in std::iter::once(SYSTEM).chain(watch.iter().map(String::as_str)) {
            kubectl.run(&["create", "namespace", namespace]).await?;
        }
        let manifests = binaries::rbac(SYSTEM, watch).await?;
        kubectl.apply(&manifests).await?;
        let installer = folder.join("installer.kubeconfig");
        write_account(&admin, SYSTEM, "runtime-operator-install-crds", &installer).await?;
        binaries::install_crds(&installer).await?;
        let operator = folder.join("operator.kubeconfig");
        write_account(&admin, SYSTEM, "runtime-operator", &operator).await?;
        Ok(operator)
    }

    /// Ends an embedded API server, and everything else in its process, as `kill -9` does; starts it again.
    pub async fn restart_wash_up(&mut self) -> Result<()> {
        match self {
            Self::Embedded { wash, kubeconfig } => {
                wash.kill();
                binaries::start_wash_up(wash, kubeconfig).await
            }
            Self::Real(_) => bail!("this API server is not wash up's"),
        }
    }

    /// The end of the log.
    pub fn log_tail(&self) -> String {
        match self {
            Self::Embedded { wash, .. } => wash.log_tail(),
            Self::Real(plane) => plane.log_tail(),
        }
    }
}

/// Whether `kubectl` may do what is asked (`["list", "secrets", "--namespace", "a"]`).
pub async fn may(kubectl: &Kubectl, what: &[&str]) -> Result<bool> {
    let run = kubectl
        .try_run(&[&["auth", "can-i"], what].concat())
        .await?;
    match run.stdout.trim() {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(anyhow::anyhow!("{run:?}")).context("kubectl auth can-i"),
    }
}
