//! The admin listener over a real socket.

use std::net::SocketAddr;

use prometheus_client::metrics::counter::Counter;
use service::admin::{AdminError, AdminServer};
use service::health::Health;
use service::metrics::Metrics;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::within;

const ANY: &str = "127.0.0.1:0";

async fn ask(addr: SocketAddr, method: &str, path: &str) -> (u16, String) {
    let exchange = async {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        let request =
            format!("{method} {path} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n");
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
