use std::{fs, path::PathBuf, sync::Arc};

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use service::tls::{CertificateFiles, ReloadingTls, TlsOptions};
use testbed::tls::{Authority, Identity};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::fake::{Front, Handler, front_with, within};

struct Pki {
    authority: Authority,
    folder: tempfile::TempDir,
}

impl Pki {
    fn new() -> Self {
        Self {
            authority: Authority::new("test").unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn front(&self, names: &[&str], client_ca: bool) -> Front {
        let certificates = names
            .iter()
            .map(|name| {
                let identity = self.authority.server(&[name]).unwrap();
                CertificateFiles {
                    server_names: vec![(*name).to_owned()],
                    certificate: self.write(&format!("{name}.crt"), &identity.certificate),
                    key: self.write(&format!("{name}.key"), &identity.key),
                }
            })
            .collect();
        let options = TlsOptions {
            certificates,
            client_ca: client_ca.then(|| self.write("ca.crt", self.authority.certificate())),
            alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            ..TlsOptions::default()
        };
        let tls = Arc::new(ReloadingTls::load(options).unwrap());
        front_with(|options| options.tls = Some(tls))
    }

    /// GET over TLS as `client`; the whole answer, or the error.
    async fn get(
        &self,
        front: &Front,
        name: &str,
        client: Option<&Identity>,
    ) -> std::io::Result<String> {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(self.authority.certificate().as_bytes()).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match client {
            None => builder.with_no_client_auth(),
            Some(identity) => builder
                .with_client_auth_cert(
                    CertificateDer::pem_slice_iter(identity.certificate.as_bytes())
                        .map(Result::unwrap)
                        .collect(),
                    PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap(),
                )
                .unwrap(),
        };
        let stream = TcpStream::connect(front.address).await?;
        let server = ServerName::try_from(name.to_owned()).unwrap();
        let mut stream = tokio_rustls::TlsConnector::from(Arc::new(config))
            .connect(server, stream)
            .await?;
        stream
            .write_all(
                format!("GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n").as_bytes(),
            )
            .await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }
}

#[tokio::test]
async fn certificates_are_chosen_by_server_name_and_the_scheme_is_known() {
    within(async {
        let pki = Pki::new();
        let front = pki.front(&["a.example", "b.example"], false);
        let handler = Handler::new("default/a-0", |_, context| async move {
            super::fake::text(context.scheme.as_str())
        });
        let _guard = front.serve(handler, &["a.example", "b.example"]).unwrap();
        for name in ["a.example", "b.example"] {
            let answer = pki.get(&front, name, None).await.unwrap();
            assert!(
                answer.starts_with("HTTP/1.1 200") && answer.ends_with("https"),
                "{answer}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused_where_one_is_asked_for() {
    within(async {
        let pki = Pki::new();
        let front = pki.front(&["a.example"], true);
        let _guard = front
            .serve(Handler::named("default/a-0"), &["a.example"])
            .unwrap();
        let stranger = Authority::new("other").unwrap().client("eve", &[]).unwrap();
        assert!(pki.get(&front, "a.example", None).await.is_err());
        assert!(pki.get(&front, "a.example", Some(&stranger)).await.is_err());
        let known = pki.authority.client("alice", &[]).unwrap();
        assert!(
            pki.get(&front, "a.example", Some(&known))
                .await
                .unwrap()
                .ends_with("default/a-0")
        );
    })
    .await;
}
