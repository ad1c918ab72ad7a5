//! `runtime-operator … rbac`: what to apply before an operator with these flags can work.

use super::flags::{Arguments, given};
use crate::rbac::Install;
use anyhow::{Context, Result};
use std::io::Write;
use std::process::ExitCode;

pub(super) fn print(arguments: &Arguments, installer: bool) -> Result<ExitCode> {
    let admin = &arguments.admin;
    // Certificates and a token of its own are judged without the API server.
    let judged_here =
        given(admin.metrics_client_ca.as_ref()).or(given(admin.metrics_token_file.as_ref()));
    let options = arguments.options(&arguments.own_namespace()?);
    let install = Install {
        namespace: options.namespace,
        watch_namespaces: options.watch_namespaces,
        host_namespaces: options.host_namespaces,
        signed_in_metrics: admin.metrics_secure && judged_here.is_none(),
        watch_config: options.watch_config,
        installer,
    };
    let mut text = String::new();
    for manifest in install.manifests()? {
        text.push_str("---\n");
        text.push_str(&serde_saphyr::to_string(&manifest)?);
    }
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("writing the manifests")?;
    Ok(ExitCode::SUCCESS)
}
