//! Certificates over real handshakes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use service::tls::{CertificateFiles, ReloadingTls, TlsError, TlsOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use crate::within;

pub struct Authority(CertifiedIssuer<'static, KeyPair>);

pub struct Leaf {
    certificate: String,
    key: String,
    der: CertificateDer<'static>,
    key_der: Vec<u8>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn issue(&self, names: &[&str]) -> Leaf {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(names)
            .unwrap()
            .signed_by(&key, &self.0)
            .unwrap();
        Leaf {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().clone(),
            key_der: key.serialize_der(),
        }
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    pub fn client(&self, identity: Option<&Leaf>) -> Arc<ClientConfig> {
        service::crypto::install_ring();
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let builder = ClientConfig::builder().with_root_certificates(roots);
        Arc::new(match identity {
            None => builder.with_no_client_auth(),
            Some(leaf) => builder
                .with_client_auth_cert(
                    vec![leaf.der.clone()],
                    PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf.key_der.clone())),
                )
                .unwrap(),
        })
    }
}

impl Leaf {
    /// Writes as an installer does: complete files, moved into place.
    pub fn write(&self, dir: &Path, name: &str) -> (PathBuf, PathBuf) {
        let place = |ending: &str, content: &str| {
            let path = dir.join(format!("{name}.{ending}"));
            let fresh = dir.join(format!("{name}.{ending}.new"));
            std::fs::write(&fresh, content).unwrap();
            std::fs::rename(&fresh, &path).unwrap();
            path
        };
        (place("crt", &self.certificate), place("key", &self.key))
    }
}

pub fn files(names: &[&str], (certificate, key): (PathBuf, PathBuf)) -> CertificateFiles {
    CertificateFiles {
        server_names: names.iter().map(ToString::to_string).collect(),
        certificate,
        key,
    }
}

/// One handshake and one byte in each direction; the certificate the server showed.
async fn shown(
    tls: &ReloadingTls,
    client: Arc<ClientConfig>,
    name: &str,
) -> std::io::Result<CertificateDer<'static>> {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let server = async {
        let mut stream = tls.accept(far).await?;
        let mut byte = [0];
        stream.read_exact(&mut byte).await?;
        stream.write_all(&byte).await?;
        stream.flush().await
    };
    let client = async {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut stream = TlsConnector::from(client).connect(name, near).await?;
        stream.write_all(b"x").await?;
        stream.flush().await?;
        let mut byte = [0];
        stream.read_exact(&mut byte).await?;
        let (_, session) = stream.get_ref();
        Ok(session.peer_certificates().unwrap()[0].clone().into_owned())
    };
    let (served, seen) = within("a handshake", async { tokio::join!(server, client) }).await;
    served.and(seen)
}

#[tokio::test]
async fn the_certificate_is_chosen_by_server_name() {
    let dir = tempfile::tempdir().unwrap();
    let ca = Authority::new();
    let (one, wild, rest) = (
        ca.issue(&["one.test"]),
        ca.issue(&["*.wild.test"]),
        ca.issue(&["else.test", "a.b.wild.test"]),
    );
    let tls = ReloadingTls::load(TlsOptions {
        certificates: vec![
            files(&["One.test"], one.write(dir.path(), "one")),
            files(&["*.wild.test"], wild.write(dir.path(), "wild")),
            files(&[], rest.write(dir.path(), "rest")),
        ],
        ..TlsOptions::default()
    })
    .unwrap();
    for (name, leaf) in [
        ("one.test", &one),
        ("x.wild.test", &wild),
        ("else.test", &rest),
        ("a.b.wild.test", &rest),
    ] {
        assert_eq!(
            shown(&tls, ca.client(None), name).await.unwrap(),
            leaf.der,
            "{name}"
        );
    }
}

#[tokio::test]
async fn without_a_default_an_unknown_name_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let ca = Authority::new();
    let leaf = ca.issue(&["one.test", "two.test"]);
    let certificates = vec![files(&["one.test"], leaf.write(dir.path(), "one"))];
    let tls = ReloadingTls::load(TlsOptions {
        certificates,
        ..TlsOptions::default()
    })
    .unwrap();
    shown(&tls, ca.client(None), "one.test").await.unwrap();
    shown(&tls, ca.client(None), "two.test").await.unwrap_err();
}

#[tokio::test]
async fn client_certificates_are_enforced() {
    let dir = tempfile::tempdir().unwrap();
    let (ca, stranger) = (Authority::new(), Authority::new());
    let client_ca = dir.path().join("clients.pem");
    std::fs::write(&client_ca, ca.pem()).unwrap();
    let tls = ReloadingTls::load(TlsOptions {
        certificates: vec![files(&[], ca.issue(&["one.test"]).write(dir.path(), "one"))],
        client_ca: Some(client_ca),
        ..TlsOptions::default()
    })
    .unwrap();
    let (known, unknown) = (ca.issue(&["client"]), stranger.issue(&["client"]));
    shown(&tls, ca.client(Some(&known)), "one.test")
        .await
        .unwrap();
    shown(&tls, ca.client(None), "one.test").await.unwrap_err();
    shown(&tls, ca.client(Some(&unknown)), "one.test")
        .await
        .unwrap_err();
}

#[tokio::test]
async fn changed_files_are_taken_over_and_broken_ones_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let ca = Authority::new();
    let (old, new) = (ca.issue(&["one.test"]), ca.issue(&["one.test"]));
    let (certificate, key) = old.write(dir.path(), "one");
    let options = TlsOptions {
        certificates: vec![files(&[], (certificate.clone(), key.clone()))],
        ..TlsOptions::default()
    };
    let tls = Arc::new(ReloadingTls::load(options).unwrap());
    assert!(!tls.reload().unwrap(), "nothing has changed");

    std::fs::write(&key, new.key.as_bytes()).unwrap();
    let error = tls.reload().unwrap_err();
    assert!(
        matches!(error, TlsError::Refused { .. }),
        "a key of another certificate: {error}"
    );
    assert_eq!(
        shown(&tls, ca.client(None), "one.test").await.unwrap(),
        old.der
    );

    let token = CancellationToken::new();
    let following = tokio::spawn(Arc::clone(&tls).follow(Duration::ZERO, token.clone()));
    new.write(dir.path(), "one");
    let taken_over = async {
        while shown(&tls, ca.client(None), "one.test").await.unwrap() != new.der {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within("the new certificate", taken_over).await;
    token.cancel();
    within("the follower to end", following).await.unwrap();
}

#[test]
fn faults_name_the_file_and_show_no_key() {
    let dir = tempfile::tempdir().unwrap();
    let leaf = Authority::new().issue(&["one.test"]);
    let (certificate, key) = leaf.write(dir.path(), "one");
    let load = |certificate: &Path, key: &Path| {
        let certificates = vec![files(&[], (certificate.to_owned(), key.to_owned()))];
        ReloadingTls::load(TlsOptions {
            certificates,
            ..TlsOptions::default()
        })
        .unwrap_err()
        .to_string()
    };
    let missing = load(&dir.path().join("absent.crt"), &key);
    assert!(missing.contains("absent.crt"), "{missing}");
    let swapped = load(&key, &certificate);
    assert!(
        swapped.contains("one.key holds no valid certificate"),
        "{swapped}"
    );
    let cut = dir.path().join("cut.key");
    let body: String = leaf.key.lines().take(2).collect::<Vec<_>>().join("\n");
    std::fs::write(&cut, &body).unwrap();
    let broken = load(&certificate, &cut);
    assert!(
        broken.contains("cut.key") && !broken.contains(leaf.key.lines().nth(1).unwrap()),
        "{broken}"
    );
}
