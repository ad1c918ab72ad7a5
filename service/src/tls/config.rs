//! From files to a rustls server configuration.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate chain and its key, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// Server names (SNI) this certificate is for: exact, or `*.` and a domain for one label below it.
    /// Empty: the certificate for every other name and for clients that send none.
    pub server_names: Vec<String>,
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// What a TLS listener presents and demands.
#[derive(Debug, Clone, Default)]
pub struct TlsOptions {
    /// At least one certificate, unless one is made.
    pub certificates: Vec<CertificateFiles>,
    /// Names of the certificate that is made, signed by itself and kept in memory, when none is given. Empty: none is.
    pub self_signed: Vec<String>,
    /// Certificate authorities of clients (PEM). When set, a client without a certificate of theirs is refused during
    /// the handshake.
    pub client_ca: Option<PathBuf>,
    /// Protocols offered by ALPN, best first, for example `h2` and `http/1.1`.
    pub alpn: Vec<Vec<u8>>,
}

/// Why a TLS configuration could not be built. Never contains key material.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// There is nothing to present.
    #[error("TLS needs at least one certificate")]
    NoCertificate,
    /// Two certificates claim one name.
    #[error("server name {0:?} has two certificates")]
    DuplicateName(String),
    /// Two certificates without names.
    #[error("two certificates without server names: {0} and {1}")]
    DuplicateDefault(PathBuf, PathBuf),
    /// A file could not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file holds no usable PEM.
    #[error("{path} holds no valid {what}: {detail}")]
    Pem {
        /// Which file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// rustls does not accept a key or certificate.
    #[error("{path} is not accepted: {source}")]
    Refused {
        /// Which file.
        path: PathBuf,
        /// The cause.
        source: rustls::Error,
    },
    /// A certificate could not be made.
    #[error("no certificate could be made for {names}: {detail}")]
    SelfSigned {
        /// The names asked for.
        names: String,
        /// What is wrong.
        detail: String,
    },
    /// The client verifier could not be built.
    #[error("client certificate authorities in {path} are not accepted: {detail}")]
    ClientCa {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
}

impl TlsOptions {
    /// Every file the configuration is made of.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        let pairs = self
            .certificates
            .iter()
            .flat_map(|files| [files.certificate.as_path(), files.key.as_path()]);
        pairs.chain(self.client_ca.as_deref())
    }

    /// Reads every file and builds the configuration they make.
    pub(super) fn build(&self) -> Result<ServerConfig, TlsError> {
        crate::crypto::install_ring();
        let mut certificates_by_name = ByName::read(&self.certificates)?;
        if self.certificates.is_empty() {
            if self.self_signed.is_empty() {
                return Err(TlsError::NoCertificate);
            }
            certificates_by_name.default = Some(Arc::new(self_signed(&self.self_signed)?));
        }
        let resolver = Arc::new(certificates_by_name);
        let builder = ServerConfig::builder();
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(path)? {
                    roots.add(certificate).map_err(|source| TlsError::Refused {
                        path: path.clone(),
                        source,
                    })?;
                }
                let verifier = WebPkiClientVerifier::builder(Arc::new(roots))
                    .build()
                    .map_err(|error| TlsError::ClientCa {
                        path: path.clone(),
                        detail: error.to_string(),
                    })?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_cert_resolver(resolver);
        config.alpn_protocols.clone_from(&self.alpn);
        Ok(config)
    }
}

/// Certificates by server name.
#[derive(Default)]
struct ByName {
    exact: HashMap<String, Arc<CertifiedKey>>,
    /// Keyed by what follows `*.`.
    wildcard: HashMap<String, Arc<CertifiedKey>>,
    default: Option<Arc<CertifiedKey>>,
}

impl fmt::Debug for ByName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByName")
            .field("exact", &self.exact.keys())
            .field("wildcard", &self.wildcard.keys())
            .field("default", &self.default.is_some())
            .finish()
    }
}

impl ByName {
    fn read(all: &[CertificateFiles]) -> Result<Self, TlsError> {
        let mut by_name = Self::default();
        let mut default_from: Option<&Path> = None;
        for files in all {
            let key = Arc::new(certified_key(files)?);
            if files.server_names.is_empty() {
                if let Some(first) = default_from {
                    return Err(TlsError::DuplicateDefault(
                        first.to_owned(),
                        files.certificate.clone(),
                    ));
                }
                default_from = Some(&files.certificate);
                by_name.default = Some(Arc::clone(&key));
            }
            for name in &files.server_names {
                let lower = name.to_ascii_lowercase();
                let former = match lower.strip_prefix("*.") {
                    Some(domain) => by_name.wildcard.insert(domain.to_owned(), Arc::clone(&key)),
                    None => by_name.exact.insert(lower, Arc::clone(&key)),
                };
                if former.is_some() {
                    return Err(TlsError::DuplicateName(name.clone()));
                }
            }
        }
        Ok(by_name)
    }

    fn find(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        // rustls hands the name over in lower case.
        let named = name.and_then(|name| {
            self.exact.get(name).or_else(|| {
                name.split_once('.')
                    .and_then(|(_, domain)| self.wildcard.get(domain))
            })
        });
        named.or(self.default.as_ref()).cloned()
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.find(hello.server_name())
    }
}

fn certified_key(files: &CertificateFiles) -> Result<CertifiedKey, TlsError> {
    let chain = certificates(&files.certificate)?;
    let pem = read(&files.key)?;
    let key = PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|error| bad_pem(&files.key, "private key", &error))?;
    let signing = rustls::crypto::ring::sign::any_supported_type(&key).map_err(|source| {
        TlsError::Refused {
            path: files.key.clone(),
            source,
        }
    })?;
    let certified = CertifiedKey::new(chain, signing);
    match certified.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {
            Ok(certified)
        }
        Err(source) => Err(TlsError::Refused {
            path: files.key.clone(),
            source,
        }),
    }
}

/// A certificate for these names that nobody but itself vouches for.
fn self_signed(names: &[String]) -> Result<CertifiedKey, TlsError> {
    let failed = |detail: String| TlsError::SelfSigned {
        names: names.join(", "),
        detail,
    };
    let made =
        rcgen::generate_simple_self_signed(names).map_err(|error| failed(error.to_string()))?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())
        .map_err(|error| failed(error.to_owned()))?;
    let signing = rustls::crypto::ring::sign::any_supported_type(&key)
        .map_err(|error| failed(error.to_string()))?;
    Ok(CertifiedKey::new(vec![made.cert.der().clone()], signing))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(path)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let all = all.map_err(|error| bad_pem(path, "certificate", &error))?;
    if all.is_empty() {
        return Err(bad_pem(path, "certificate", &pem::Error::NoItemsFound));
    }
    Ok(all)
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read {
        path: path.to_owned(),
        source,
    })
}

fn bad_pem(path: &Path, what: &'static str, error: &pem::Error) -> TlsError {
    // The PEM error may quote the file's content, which could be a key.
    let detail = match error {
        pem::Error::NoItemsFound => "nothing of the kind is in the file",
        pem::Error::MissingSectionEnd { .. } => "a section has no end line",
        _ => "the PEM is malformed",
    };
    TlsError::Pem {
        path: path.to_owned(),
        what,
        detail: detail.to_owned(),
    }
}
