//! The API server, and the accounts that operators act under.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use testbed::Process;
use testbed::kube::{ControlPlane, Kubectl, write_account};

use super::binaries::{self, WashUp};
use super::kind::Kind;

/// The namespace of operators that are processes of their own. Hosts live in it too.
pub const SYSTEM: &str = "wasmcloud-system";

/// Which API server a suite runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The one inside `wash up`.
    Embedded,
    /// A real kube-apiserver.
    Real,
    /// A whole cluster, in which everything runs in Pods.
    Pods,
}

impl Which {
    /// What `E2E_CLUSTER` names.
    pub fn from_env() -> Result<Self> {
        Ok(match std::env::var("E2E_CLUSTER").as_deref() {
            Err(_) | Ok("embedded") => Self::Embedded,
            Ok("apiserver") => Self::Real,
            Ok("kind") => Self::Pods,
            Ok(other) => bail!("E2E_CLUSTER is {other:?}; it is embedded, apiserver or kind"),
        })
    }
}

/// A running API server.
pub enum Api {
    Embedded { wash: Process, kubeconfig: PathBuf },
    Real(Box<ControlPlane>),
    Pods(Kind),
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

    /// The cluster that xtask made, emptied.
    pub async fn pods() -> Result<Self> {
        let kind = Kind::from_env()?;
        kind.clean().await?;
        Ok(Self::Pods(kind))
    }

    /// Makes the operators' namespace.
    pub async fn make_room(&self) -> Result<()> {
        Kubectl::new(&self.admin())?
            .run(&["create", "namespace", SYSTEM])
            .await
            .map(drop)
    }

    /// The administrator's kubeconfig.
    pub fn admin(&self) -> PathBuf {
        match self {
            Self::Embedded { kubeconfig, .. } => kubeconfig.clone(),
            Self::Real(plane) => plane.kubeconfig(),
            Self::Pods(kind) => kind.kubeconfig().to_owned(),
        }
    }

    /// Installs the CRDs under the account made for that, grants an operator of these namespaces (none: all) what
    /// `runtime-operator rbac` says it needs, and returns a kubeconfig of its account.
    pub async fn operator_account(&self, folder: &Path, watch: &[String]) -> Result<PathBuf> {
        let admin = self.admin();
        let kubectl = Kubectl::new(&admin)?;
        for namespace in watch {
            kubectl.run(&["create", "namespace", namespace]).await?;
        }
        let manifests = binaries::rbac(SYSTEM, watch).await?;
        kubectl.apply(&manifests).await?;
        if let Self::Pods(kind) = self {
            kind.install_crds().await?;
        } else {
            let installer = folder.join("installer.kubeconfig");
            write_account(&admin, SYSTEM, "runtime-operator-install-crds", &installer).await?;
            binaries::install_crds(&installer).await?;
        }
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
            Self::Real(_) | Self::Pods(_) => bail!("this API server is not wash up's"),
        }
    }

    /// The end of the log.
    pub fn log_tail(&self) -> String {
        match self {
            Self::Embedded { wash, .. } => wash.log_tail(),
            Self::Real(plane) => plane.log_tail(),
            Self::Pods(_) => String::new(),
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
