//! The admin listener over a real socket.

use std::net::SocketAddr;
use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use rustls::pki_types::ServerName;
use service::admin::{AdminError, AdminServer, Admission, Content, Guard};
use service::health::Health;
use service::metrics::Metrics;
use service::tls::{ReloadingTls, TlsOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use crate::tls::{Authority, files};
use crate::within;

const ANY: &str = "127.0.0.1:0";

async fn ask(addr: SocketAddr, method: &str, path: &str) -> (u16, String) {
    ask_with(addr, method, path, "").await
}

/// With further header lines, each ended by CR LF.
async fn ask_with(addr: SocketAddr, method: &str, path: &str, lines: &str) -> (u16, String) {
    let exchange = async {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        let request =
            format!("{method} {path} HTTP/1.1\r\nhost: admin\r\n{lines}connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    };
    let text = within("an admin answer", exchange).await;
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    (status, text)
}

#[tokio::test]
async fn probes_follow_their_checks_and_metrics_are_served() {
    let (health, metrics, token) = (Health::new(), Metrics::new(), CancellationToken::new());
    let bus = health.ready("bus");
    let count: Counter = Counter::default();
    metrics
        .sub_registry("part", Vec::new())
        .register("things", "Things", count)
        .inc();
    let server = AdminServer::bind(ANY.parse().unwrap(), health.clone(), metrics)
        .await
        .unwrap();
    let addr = server.local_addr();
    let running = tokio::spawn(server.run(token.clone()));

    assert_eq!(ask(addr, "GET", "/livez").await.0, 200);
    let (status, body) = ask(addr, "GET", "/readyz").await;
    assert_eq!(status, 503);
    assert!(
        body.ends_with(r#"{"ok":false,"checks":[{"name":"bus","ok":false,"reason":"starting"}]}"#),
        "{body}"
    );
    bus.pass();
    assert_eq!(ask(addr, "GET", "/readyz").await.0, 200);
    let (status, body) = ask(addr, "GET", "/metrics").await;
    assert_eq!(status, 200);
    assert!(
        body.contains("content-type: application/openmetrics-text; version=1.0.0"),
        "{body}"
    );
    assert!(body.contains("part_things_total 1"), "{body}");
    assert_eq!(ask(addr, "POST", "/metrics").await.0, 405);
    assert_eq!(ask(addr, "GET", "/").await.0, 404);

    // A connection that sends nothing does not hold up the end.
    let idle = TcpStream::connect(addr).await.unwrap();
    token.cancel();
    within("the listener to end", running).await.unwrap();
    drop(idle);
    assert!(TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let first = AdminServer::bind(ANY.parse().unwrap(), Health::new(), Metrics::new())
        .await
        .unwrap();
    let error = AdminServer::bind(first.local_addr(), Health::new(), Metrics::new())
        .await
        .unwrap_err();
    let AdminError::Bind { addr, .. } = &error;
    assert_eq!(*addr, first.local_addr());
    assert!(error.to_string().contains(&addr.to_string()), "{error}");
}

#[derive(Debug)]
struct Door;

#[async_trait::async_trait]
impl Guard for Door {
    async fn admit(&self, token: &str) -> Admission {
        match token {
            "good" => Admission::Admitted,
            "known" => Admission::Denied {
                user: "somebody".to_owned(),
            },
            "broken" => Admission::Unknown,
            _ => Admission::Unauthenticated,
        }
    }
}

#[tokio::test]
async fn guarded_metrics_are_for_whom_the_guard_admits_and_health_is_for_all() {
    let token = CancellationToken::new();
    let server = AdminServer::bind(ANY.parse().unwrap(), Health::new(), Metrics::new())
        .await
        .unwrap()
        .guarded(Arc::new(Door));
    let addr = server.local_addr();
    let running = tokio::spawn(server.run(token.clone()));
    for (bearer, expected) in [
        ("good", 200),
        ("known", 403),
        ("broken", 500),
        ("other", 401),
        ("", 401),
    ] {
        let header = format!("authorization: Bearer {bearer}\r\n");
        let (status, text) = ask_with(addr, "GET", "/metrics", &header).await;
        assert_eq!(status, expected, "{bearer}: {text}");
    }
    let (_, text) = ask_with(addr, "GET", "/metrics", "authorization: Bearer known\r\n").await;
    assert!(
        text.ends_with("Authorization denied for user somebody\n"),
        "{text}"
    );
    assert_eq!(ask(addr, "GET", "/metrics").await.0, 401);
    assert_eq!(ask(addr, "GET", "/healthz").await.0, 200);
    token.cancel();
    within("the listener to end", running).await.unwrap();
}

#[tokio::test]
async fn a_listener_of_one_content_has_no_other_page() {
    let token = CancellationToken::new();
    for (content, there, not_there) in [
        (Content::Health, "/livez", "/metrics"),
        (Content::Metrics, "/metrics", "/livez"),
    ] {
        let server = AdminServer::bind(ANY.parse().unwrap(), Health::new(), Metrics::new())
            .await
            .unwrap()
            .only(content);
        let addr = server.local_addr();
        tokio::spawn(server.run(token.clone()));
        assert_eq!(ask(addr, "GET", there).await.0, 200);
        assert_eq!(ask(addr, "GET", not_there).await.0, 404);
    }
    token.cancel();
}

#[tokio::test]
async fn metrics_over_tls_are_for_clients_with_a_certificate_over_the_protocol_they_agree_on() {
    let (dir, ca, token) = (
        tempfile::tempdir().unwrap(),
        Authority::new(),
        CancellationToken::new(),
    );
    let client_ca = dir.path().join("ca.crt");
    std::fs::write(&client_ca, ca.pem()).unwrap();
    let tls = ReloadingTls::load(TlsOptions {
        certificates: vec![files(
            &[],
            ca.issue(&["localhost"]).write(dir.path(), "tls"),
        )],
        client_ca: Some(client_ca),
        alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        ..TlsOptions::default()
    })
    .unwrap();
    let server = AdminServer::bind(ANY.parse().unwrap(), Health::new(), Metrics::new())
        .await
        .unwrap()
        .over_tls(Arc::new(tls));
    let addr = server.local_addr();
    let running = tokio::spawn(server.run(token.clone()));

    let identity = ca.issue(&["scraper"]);
    for (identity, offered, answer) in [
        (Some(&identity), "http/1.1", "HTTP/1.1 200 OK"),
        // The first frame of an HTTP/2 server: SETTINGS on stream 0.
        (Some(&identity), "h2", "\0"),
        (None, "http/1.1", ""),
    ] {
        let mut config = ca.client(identity).as_ref().clone();
        config.alpn_protocols = vec![offered.as_bytes().to_vec()];
        let exchange = async {
            let stream = TcpStream::connect(addr).await?;
            let name = ServerName::try_from("localhost").unwrap();
            let mut stream = TlsConnector::from(Arc::new(config))
                .connect(name, stream)
                .await?;
            if offered == "h2" {
                stream
                    .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
                    .await?;
            } else {
                stream
                    .write_all(b"GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n")
                    .await?;
            }
            let mut head = [0; 15];
            stream.read_exact(&mut head).await?;
            std::io::Result::Ok(String::from_utf8_lossy(&head).into_owned())
        };
        let seen = within("an answer over TLS", exchange)
            .await
            .unwrap_or_default();
        assert!(seen.starts_with(answer), "{offered}: {seen:?}");
        assert_eq!(seen.is_empty(), answer.is_empty(), "{offered}: {seen:?}");
    }
    token.cancel();
    within("the listener to end", running).await.unwrap();
}
