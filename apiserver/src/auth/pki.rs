//! The certificate authority and what it signs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{Span, Zoned};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::RootCertStore;
use rustls::server::{ServerConfig, WebPkiClientVerifier};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::{Identity, TokenError, Tokens};
use crate::private_file;

/// How long the CA, and what it signs, are good for; both are renewed at a start in between.
const CA_YEARS: i64 = 10;
const LEAF_YEARS: i64 = 1;

/// Names of this server that in-cluster clients use.
const NAMES: &[&str] = &[
    "localhost",
    "127.0.0.1",
    "::1",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
];

#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    #[error("{path}: {source}")]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error("{0} holds no certificate or key; remove the folder to have it made anew")]
    Pem(PathBuf),
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    #[error("client certificates: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    #[error("tokens: {0}")]
    Token(#[from] TokenError),
}

/// The certificate authority.
pub struct Pki {
    ca_pem: String,
    ca: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// A signed certificate with its key, both PEM.
pub struct Signed {
    pub certificate: String,
    pub key: String,
}

impl Pki {
    /// A CA that nobody will know after this process.
    pub fn generate() -> Result<Self, PkiError> {
        let (pem, key) = authority()?;
        Self::assemble(pem, key, Path::new("the new CA"))
    }

    /// The CA of the folder, made when there is none.
    pub fn open(dir: &Path) -> Result<Self, PkiError> {
        let (certificate_path, key_path) = (dir.join("ca.crt"), dir.join("ca.key"));
        let (pem, key) = if certificate_path.exists() && key_path.exists() {
            (
                read(&certificate_path)?,
                KeyPair::from_pem(&read(&key_path)?)?,
            )
        } else {
            let (pem, key) = authority()?;
            // The key first: a certificate without its key would be taken for a complete CA.
            write(&key_path, &key.serialize_pem())?;
            write(&certificate_path, &pem)?;
            (pem, key)
        };
        Self::assemble(pem, key, &certificate_path)
    }

    fn assemble(ca_pem: String, key: KeyPair, path: &Path) -> Result<Self, PkiError> {
        let ca = CertificateDer::from_pem_slice(ca_pem.as_bytes())
            .map_err(|_| PkiError::Pem(path.to_owned()))?;
        // What leaves take from their issuer (name, key identifier) follows from name and key alone.
        let issuer = Issuer::new(authority_params()?, key);
        Ok(Self { ca_pem, ca, issuer })
    }

    /// The CA's certificate, PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// A client certificate of a user in a group.
    pub fn client(&self, identity: &Identity) -> Result<Signed, PkiError> {
        let mut params = params(LEAF_YEARS, Vec::new())?;
        params
            .distinguished_name
            .push(DnType::CommonName, identity.user.as_str());
        for group in identity
            .groups
            .iter()
            .filter(|group| *group != super::identity::AUTHENTICATED)
        {
            params
                .distinguished_name
                .push(DnType::OrganizationName, group.as_str());
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Result<Signed, PkiError> {
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Signed {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }

    /// TLS of the listener: our certificate for the usual names and `names`; client certificates
    /// are verified when shown, and not asked of clients that use tokens.
    pub fn server_config(&self, names: &[String]) -> Result<ServerConfig, PkiError> {
        let names: Vec<String> = NAMES
            .iter()
            .map(|&name| name.to_owned())
            .chain(names.iter().cloned())
            .collect();
        let mut params = params(LEAF_YEARS, names)?;
        params
            .distinguished_name
            .push(DnType::CommonName, "kube-apiserver");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.clone())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .allow_unauthenticated()
                .build()?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate.into()], key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    /// The user of a verified client certificate: its common name, its organisations as groups.
    pub fn identity(certificate: &CertificateDer<'_>) -> Option<Identity> {
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
        let subject = parsed.subject();
        let user = subject.iter_common_name().next()?.as_str().ok()?;
        let groups = subject
            .iter_organization()
            .filter_map(|group| group.as_str().ok());
        Some(Identity::known(user, groups))
    }
}

/// The token key of the folder, made when there is none.
pub fn tokens(dir: &Path) -> Result<Tokens, PkiError> {
    let path = dir.join("sa.key");
    if path.exists() {
        return Ok(Tokens::from_pem(&read(&path)?)?);
    }
    let tokens = Tokens::generate()?;
    write(&path, &tokens.to_pem())?;
    Ok(tokens)
}

/// A new CA: its certificate (PEM) and key.
fn authority() -> Result<(String, KeyPair), PkiError> {
    let key = KeyPair::generate()?;
    let pem = authority_params()?.self_signed(&key)?.pem();
    Ok((pem, key))
}

fn authority_params() -> Result<CertificateParams, PkiError> {
    let mut params = params(CA_YEARS, Vec::new())?;
    params
        .distinguished_name
        .push(DnType::CommonName, "wasmcloud-apiserver-ca");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    Ok(params)
}

/// Valid from yesterday (clocks differ) for some years.
fn params(years: i64, names: Vec<String>) -> Result<CertificateParams, PkiError> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.use_authority_key_identifier_extension = true;
    let today = Zoned::now().date();
    let day = |date: jiff::civil::Date| {
        rcgen::date_time_ymd(
            i32::from(date.year()),
            date.month().unsigned_abs(),
            date.day().unsigned_abs(),
        )
    };
    params.not_before = day(today.saturating_sub(Span::new().days(1)));
    params.not_after = day(today.saturating_add(Span::new().years(years)));
    Ok(params)
}

fn read(path: &Path) -> Result<String, PkiError> {
    fs::read_to_string(path).map_err(|source| PkiError::File {
        path: path.to_owned(),
        source,
    })
}

fn write(path: &Path, text: &str) -> Result<(), PkiError> {
    private_file::write(path, text.as_bytes()).map_err(|source| PkiError::File {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_its_authority_and_certificates_name_their_user() {
        let dir = tempfile::tempdir().unwrap();
        let first = Pki::open(dir.path()).unwrap();
        let again = Pki::open(dir.path()).unwrap();
        assert_eq!(first.ca_pem(), again.ca_pem());
        let signed = again.client(&Identity::admin()).unwrap();
        let certificate = CertificateDer::from_pem_slice(signed.certificate.as_bytes()).unwrap();
        assert_eq!(Pki::identity(&certificate).unwrap(), Identity::admin());
        assert!(again.server_config(&["example.test".into()]).is_ok());
    }
}
