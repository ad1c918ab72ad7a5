//! A kubeconfig for people and tools outside this process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{Identity, Pki, PkiError};
use crate::private_file;

/// The cluster, user and context of the file.
const NAME: &str = "wasmcloud";

#[derive(Debug, thiserror::Error)]
pub enum KubeconfigError {
    #[error("the admin certificate cannot be made: {0}")]
    Certificate(#[from] PkiError),
    #[error("the kubeconfig {path} cannot be written: {source}")]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
}

/// Writes a kubeconfig (mode 0600) with an administrator's certificate for the server at `address`.
/// An unspecified address (0.0.0.0, ::) is written as loopback.
pub fn write(pki: &Pki, path: &Path, address: SocketAddr) -> Result<(), KubeconfigError> {
    let signed = pki.client(&Identity::admin())?;
    let host = match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => "127.0.0.1".to_owned(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => "[::1]".to_owned(),
        SocketAddr::V4(v4) => v4.ip().to_string(),
        SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
    };
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": NAME,
        "clusters": [{"name": NAME, "cluster": {
            "server": format!("https://{host}:{}", address.port()),
            "certificate-authority-data": STANDARD.encode(pki.ca_pem()),
        }}],
        "users": [{"name": NAME, "user": {
            "client-certificate-data": STANDARD.encode(signed.certificate),
            "client-key-data": STANDARD.encode(signed.key),
        }}],
        "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": NAME, "namespace": "default"}}],
    });
    // JSON is YAML, and kubectl reads either.
    let text = format!("{config:#}\n");
    private_file::write(path, text.as_bytes()).map_err(|source| KubeconfigError::File {
        path: path.to_owned(),
        source,
    })
}
