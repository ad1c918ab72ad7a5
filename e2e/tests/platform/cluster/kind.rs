//! A kind cluster that `cargo xtask e2e --cluster kind` made: one for all scenarios, which follow each other.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;
use testbed::kube::Kubectl;

use super::SYSTEM;
use super::binaries::OperatorFlags;
use super::manifests;
use super::operators::Operator;
use super::pods::{self, Pod};
use super::program::Program;

/// Namespaces that scenarios make.
const SCENARIOS: [&str; 3] = ["a", "b", "c"];
const KINDS: [&str; 5] = [
    "workloaddeployments",
    "workloadreplicasets",
    "workloads",
    "artifacts",
    "hosts",
];

/// Where it is, and the registry that its Pods pull from.
#[derive(Debug, Clone)]
pub struct Kind {
    kubeconfig: PathBuf,
    /// The registry's address here.
    pub push: String,
    /// The same registry's address for Pods.
    pub pull: String,
}

impl Kind {
    /// From the variables that xtask sets.
    pub fn from_env() -> Result<Self> {
        let variable = |name: &str| {
            std::env::var(name)
                .with_context(|| format!("{name} is not set; cargo xtask e2e --cluster kind does"))
        };
        Ok(Self {
            kubeconfig: variable("E2E_KIND_KUBECONFIG")?.into(),
            push: variable("E2E_KIND_REGISTRY_PUSH")?,
            pull: variable("E2E_KIND_REGISTRY_PULL")?,
        })
    }

    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    fn kubectl(&self) -> Result<Kubectl> {
        Kubectl::new(&self.kubeconfig)
    }

    /// Removes what the scenario before left, so that this one finds an empty cluster.
    pub async fn clean(&self) -> Result<()> {
        let kubectl = self.kubectl()?;
        // First those who would make everything anew.
        kubectl.run(&delete(&["namespace", SYSTEM])).await?;
        for kind in KINDS {
            let listed = ["get", kind, "--all-namespaces", "-o", "json"];
            let listed = kubectl.try_run(&listed).await?;
            // Before the first scenario the cluster does not know them.
            let Ok(listed) = serde_json::from_str::<Value>(&listed.stdout) else {
                continue;
            };
            for object in listed["items"].as_array().into_iter().flatten() {
                let meta = &object["metadata"];
                let text = |field: &str| meta[field].as_str().unwrap_or_default().to_owned();
                let (namespace, name) = (text("namespace"), text("name"));
                // Nobody is left who would take the finalizers off.
                let patch = [
                    "--namespace",
                    &namespace,
                    "patch",
                    kind,
                    &name,
                    "--type=merge",
                ];
                let free = ["--patch", "{\"metadata\":{\"finalizers\":null}}"];
                kubectl.try_run(&[&patch[..], &free].concat()).await?;
            }
            kubectl
                .try_run(&["delete", kind, "--all", "--all-namespaces"])
                .await?;
        }
        kubectl
            .run(&delete(&[&["namespace"][..], &SCENARIOS].concat()))
            .await?;
        // Kubernetes makes its own ones again.
        let mine = "services,configmaps,secrets";
        kubectl.run(&["delete", mine, "--all"]).await?;
        let roles = "clusterroles,clusterrolebindings";
        let label = "app.kubernetes.io/part-of=wasmcloud";
        kubectl.run(&["delete", roles, "-l", label]).await?;
        Ok(())
    }

    /// Starts NATS; returns it with an address that leads to it from here.
    pub async fn nats(&self, folder: &Path) -> Result<(Pod, String)> {
        let [deployment, service] = manifests::nats();
        self.kubectl()?.apply(&service.to_string()).await?;
        let mut pod = Pod::start(&self.kubeconfig, folder, "nats", &deployment).await?;
        let address = pod.forward(manifests::NATS).await?;
        Ok((pod, format!("nats://{address}")))
    }

    /// Installs the CRDs as the chart's Job does.
    pub async fn install_crds(&self) -> Result<()> {
        let kubectl = self.kubectl()?;
        kubectl
            .apply(&manifests::install_crds().to_string())
            .await?;
        pods::completed(&kubectl, "install-crds").await
    }

    pub async fn operator(
        &self,
        folder: &Path,
        name: &str,
        flags: &OperatorFlags<'_>,
    ) -> Result<Operator> {
        let manifest = manifests::operator(name, flags);
        let pod = Pod::start(&self.kubeconfig, folder, name, &manifest).await?;
        Ok(Operator::in_pod(name, pod))
    }

    /// Starts a host; returns it with the address that leads to its HTTP port.
    pub async fn host(&self, folder: &Path, name: &str, group: &str) -> Result<(Program, String)> {
        let manifest = manifests::host(name, group);
        let mut pod = Pod::start(&self.kubeconfig, folder, name, &manifest).await?;
        let http = pod.forward(manifests::HTTP).await?;
        Ok((Program::Pod(Box::new(pod)), http))
    }
}

fn delete<'a>(what: &[&'a str]) -> Vec<&'a str> {
    [&["delete", "--ignore-not-found", "--timeout=25s"], what].concat()
}
