//! `runtime-operator … rbac`: what to apply before an operator with these flags can work.

use super::flags::Arguments;
use crate::rbac::Install;
use anyhow::{Context, Result};
use std::io::Write;
use std::process::ExitCode;

pub(super) fn print(arguments: &Arguments, installer: bool) -> Result<ExitCode> {
    let install = Install {
        namespace: arguments.own_namespace()?,
        watch_namespaces: arguments.served_namespaces(),
        installer,
        ..Install::default()
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
