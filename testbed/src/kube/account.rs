//! Acting as a ServiceAccount, as a Pod does.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use kube::config::{AuthInfo, Kubeconfig};
use serde_json::json;

use super::Kubectl;

/// Longer than any test.
const LIFETIME: &str = "--duration=1h";

/// Writes `file`, a kubeconfig of the ServiceAccount `name`, with a token that the API server of the administrator's
/// kubeconfig `admin` issues for it (TokenRequest). It may do what RBAC grants the account, and nothing else.
pub async fn write_account(admin: &Path, namespace: &str, name: &str, file: &Path) -> Result<()> {
    let token = Kubectl::new(admin)?
        .run(&["--namespace", namespace, "create", "token", name, LIFETIME])
        .await?;
    let mut kubeconfig =
        Kubeconfig::read_from(admin).with_context(|| format!("cannot read {}", admin.display()))?;
    let user: AuthInfo = serde_json::from_value(json!({ "token": token.trim() }))?;
    for known in &mut kubeconfig.auth_infos {
        known.auth_info = Some(user.clone());
    }
    let mut out = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)
        .with_context(|| format!("cannot write {}", file.display()))?;
    out.write_all(&serde_json::to_vec(&kubeconfig)?)?;
    Ok(())
}
