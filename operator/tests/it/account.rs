//! The account that the program's own rules make, with nothing beyond them.

use anyhow::{Result, ensure};
use std::path::Path;
use tempfile::NamedTempFile;
use testbed::kube::{Kubectl, write_account};
use tokio::process::Command;

/// Applies what `runtime-operator FLAGS rbac` prints for an operator in this namespace; a kubeconfig of the account.
pub async fn kubeconfig(admin: &Path, namespace: &str, flags: &[&str]) -> Result<NamedTempFile> {
    let rules = Command::new(env!("CARGO_BIN_EXE_runtime-operator"))
        .args(["--namespace", namespace])
        .args(flags)
        .arg("rbac")
        .output()
        .await?;
    ensure!(rules.status.success(), "{rules:?}");
    let rules = String::from_utf8(rules.stdout)?;
    Kubectl::new(admin)?.apply(&rules).await?;
    let file = NamedTempFile::new()?;
    write_account(admin, namespace, "runtime-operator", file.path()).await?;
    Ok(file)
}
