use std::{fs, sync::Arc};

use host::{
    http::{HttpBinding, HttpMetrics, Ingress},
    net::{EgressError, TrustRoots, client_config},
};
use service::tls::{CertificateFiles, ReloadingTls, TlsOptions};
use testbed::tls::Authority;

use super::fake::{Names, client, config, fetch, policy};
use crate::http::fake::{Handler, options, text, within};

#[tokio::test]
async fn certificates_must_be_of_a_trusted_authority_and_the_asked_name() {
    within(async {
        let authority = Authority::new("test").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let identity = authority.server(&["api.example"]).unwrap();
        let certificates = vec![CertificateFiles {
            server_names: Vec::new(),
            certificate: file("tls.crt", &identity.certificate),
            key: file("tls.key", &identity.key),
        }];
        let alpn = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let tls = ReloadingTls::load(TlsOptions {
            certificates,
            client_ca: None,
            alpn,
            ..TlsOptions::default()
        })
        .unwrap();
        let mut front = options();
        front.tls = Some(Arc::new(tls));
        let metrics = HttpMetrics::register(&mut prometheus_client::registry::Registry::default());
        let ingress = Ingress::start(front, metrics).unwrap();
        let handler = Handler::new("default/a-0", |request, _| async move {
            text(&format!("{:?}", request.version()))
        });
        let hostnames = vec!["api.example".to_owned(), "other.example".to_owned()];
        let _guard = ingress
            .routes()
            .register(
                handler.share(),
                HttpBinding {
                    hostnames,
                    address: None,
                },
            )
            .unwrap();

        let port = ingress.address().unwrap().port();
        let names = Names::new(&[
            ("api.example", &[&["127.0.0.1"]]),
            ("other.example", &[&["127.0.0.1"]]),
        ]);
        let all = policy(&["*"]);
        let mut trusting = config();
        trusting.tls = client_config(
            TrustRoots::ExtraOnly,
            &[file("ca.crt", authority.certificate())],
        )
        .unwrap();
        let trusting = client(trusting, &names);
        let answer = fetch(&trusting, &all, &format!("https://api.example:{port}/"))
            .await
            .unwrap();
        assert_eq!(answer, "HTTP/2.0", "found out by ALPN");
        let error = fetch(&trusting, &all, &format!("https://other.example:{port}/"))
            .await
            .unwrap_err();
        assert!(matches!(error, EgressError::Tls { .. }), "{error}");
        let error = fetch(
            &client(config(), &names),
            &all,
            &format!("https://api.example:{port}/"),
        )
        .await
        .unwrap_err();
        assert!(matches!(error, EgressError::Tls { .. }), "{error}");
    })
    .await;
}

#[test]
fn roots_that_cannot_be_read_are_named() {
    assert!(client_config(TrustRoots::ExtraOnly, &[]).is_err());
    let error = client_config(TrustRoots::Webpki, &["missing.pem".into()])
        .unwrap_err()
        .to_string();
    assert!(error.contains("missing.pem"), "{error}");
}
