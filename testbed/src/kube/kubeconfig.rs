//! kubeconfig files with everything in them, and clients made of them.

use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::tls::Identity;

/// The content of a kubeconfig for one server and one user.
#[derive(Debug)]
pub struct Kubeconfig<'a> {
    /// `https://host:port`
    pub server: &'a str,
    /// The certificate of the authority that signed the server's, PEM.
    pub authority: &'a str,
    /// The user's certificate and key.
    pub user: &'a Identity,
}

impl Kubeconfig<'_> {
    /// As JSON, which is YAML too.
    pub fn render(&self) -> String {
        let encoded = |pem: &str| STANDARD.encode(pem);
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "testbed",
            "clusters": [{"name": "testbed", "cluster": {
                "server": self.server,
                "certificate-authority-data": encoded(self.authority),
            }}],
            "users": [{"name": "testbed", "user": {
                "client-certificate-data": encoded(&self.user.certificate),
                "client-key-data": encoded(&self.user.key),
            }}],
            "contexts": [{"name": "testbed", "context": {
                "cluster": "testbed", "user": "testbed", "namespace": "default",
            }}],
        })
        .to_string()
    }
}

/// A client that acts as the user of the kubeconfig at `path`.
///
/// Each call makes a new one: a client's connections belong to the runtime that opened them, and
/// every test has its own.
pub async fn client(path: &Path) -> Result<kube::Client> {
    // Fails only when one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let content = kube::config::Kubeconfig::read_from(path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let config =
        kube::Config::from_custom_kubeconfig(content, &kube::config::KubeConfigOptions::default())
            .await?;
    Ok(kube::Client::try_from(config)?)
}
