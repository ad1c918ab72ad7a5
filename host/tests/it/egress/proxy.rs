use host::net::{EgressError, Proxies};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::fake::{Names, Server, client, config, fetch, policy};
use crate::http::fake::within;

fn through(address: std::net::SocketAddr) -> Proxies {
    Proxies::from_lookup(|name| match name {
        "HTTP_PROXY" | "HTTPS_PROXY" => Some(format!("http://user:pass@{address}")),
        "NO_PROXY" => Some("direct.example".to_owned()),
        _ => None,
    })
    .unwrap()
}

#[tokio::test]
async fn plain_requests_carry_their_whole_target_to_the_proxy() {
    within(async {
        let proxy = Server::describing().await;
        let direct = Server::describing().await;
        let mut proxied = config();
        proxied.proxies = through(proxy.address);
        let client = client(
            proxied,
            &Names::new(&[("direct.example", &[&["127.0.0.1"]])]),
        );
        let all = policy(&["*"]);
        let answer = fetch(&client, &all, "http://far.example/x").await.unwrap();
        assert_eq!(answer, "HTTP/1.1 far.example http://far.example/x");
        let answer = fetch(&client, &all, &direct.url("direct.example"))
            .await
            .unwrap();
        assert!(
            answer.ends_with("/path?q=1") && direct.seen() == 1,
            "{answer}"
        );
        for inside in [
            "http://169.254.169.254/",
            "http://localhost/",
            "http://10.0.0.1/",
        ] {
            let error = fetch(&client, &all, inside).await.unwrap_err();
            assert!(
                matches!(error, EgressError::AddressDenied { .. }),
                "{inside}: {error}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn tls_goes_through_a_tunnel_and_a_refusal_is_told() {
    within(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut proxied = config();
        proxied.proxies = through(listener.local_addr().unwrap());
        let client = client(proxied, &Names::new(&[]));
        let proxy = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            stream
                .write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n")
                .await
                .unwrap();
            String::from_utf8(head).unwrap()
        };
        let all = policy(&["*"]);
        let (head, answer) = tokio::join!(proxy, fetch(&client, &all, "https://far.example/x"));
        assert!(
            head.starts_with("CONNECT far.example:443 HTTP/1.1\r\nHost: far.example:443\r\n"),
            "{head}"
        );
        assert!(
            head.contains("Proxy-Authorization: Basic dXNlcjpwYXNz\r\n"),
            "{head}"
        );
        let error = answer.unwrap_err().to_string();
        assert!(error.contains("403") && !error.contains("pass"), "{error}");
    })
    .await;
}
