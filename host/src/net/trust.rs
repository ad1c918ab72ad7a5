//! Whose certificates outgoing TLS believes.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{ClientConfig, RootCertStore, client::Resumption};
use rustls_pki_types::{CertificateDer, pem::PemObject};

/// Which roots are trusted beside the extra files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum TrustRoots {
    /// Mozilla's roots, compiled in.
    #[default]
    Webpki,
    /// Those and the machine's own bundle.
    WebpkiAndNative,
    /// Nothing but the extra files.
    ExtraOnly,
}

/// Why the roots could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A file is missing or not PEM.
    #[error("cannot read certificates from {path}: {problem}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// `extra-only` without a file, or no bundle on this machine.
    #[error("{0}")]
    Empty(&'static str),
    /// The TLS library refused its own defaults.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// Where systems keep their bundle; the first that exists counts. `SSL_CERT_FILE` goes before.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Client configuration that trusts `roots` and the certificates in `extra` (PEM files).
pub fn client_config(roots: TrustRoots, extra: &[PathBuf]) -> Result<ClientConfig, TrustError> {
    let mut store = RootCertStore::empty();
    if roots != TrustRoots::ExtraOnly {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    if roots == TrustRoots::WebpkiAndNative {
        let bundle = std::env::var_os("SSL_CERT_FILE")
            .map(PathBuf::from)
            .or_else(|| {
                SYSTEM_BUNDLES
                    .iter()
                    .map(PathBuf::from)
                    .find(|path| path.exists())
            })
            .ok_or(TrustError::Empty(
                "this machine has no certificate bundle; set SSL_CERT_FILE",
            ))?;
        // Systems carry roots that webpki cannot use; the others must still count.
        store.add_parsable_certificates(read(&bundle)?);
    }
    for path in extra {
        for certificate in read(path)? {
            store.add(certificate).map_err(|error| TrustError::File {
                path: path.clone(),
                problem: error.to_string(),
            })?;
        }
    }
    if store.is_empty() {
        return Err(TrustError::Empty(
            "trust roots `extra-only` need at least one certificate file",
        ));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(store)
        .with_no_client_auth())
}

/// A copy with its own session store, so that nobody can link or resume another's sessions.
pub(super) fn for_workload(base: &ClientConfig, alpn: &[&[u8]]) -> Arc<ClientConfig> {
    let mut config = base.clone();
    config.resumption = Resumption::in_memory_sessions(64);
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Arc::new(config)
}

fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let problem = |problem: String| TrustError::File {
        path: path.to_owned(),
        problem,
    };
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| problem(error.to_string()))?;
    if certificates.is_empty() {
        Err(problem("no certificate in it".to_owned()))
    } else {
        Ok(certificates)
    }
}
