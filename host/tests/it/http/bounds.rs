use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::Response;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    client::{get, raw},
    fake::{Handler, channel, eventually, front, front_with, within},
};

/// Reads until the other side closes; what it said.
async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn connections_that_never_finish_a_request_head_are_cut_and_hold_up_nobody() {
    within(async {
        let front =
            front_with(|options| options.limits.header_read_timeout = Duration::from_millis(200));
        let _guard = front
            .serve(Handler::named("default/a-0"), &["a.example"])
            .unwrap();
        let mut slow = Vec::new();
        for start in [
            "",
            "P",
            "PRI * HTTP/2.0\r\n",
            "GET / HTTP/1.1\r\nHost: a.exa",
        ] {
            for _ in 0..20 {
                let mut stream = TcpStream::connect(front.address).await.unwrap();
                stream.write_all(start.as_bytes()).await.unwrap();
                slow.push((start, stream));
            }
        }
        assert_eq!(get(front.address, "a.example").await.status, 200);
        for (start, stream) in &mut slow {
            let answer = rest(stream).await;
            assert!(!answer.contains("200 OK"), "{start:?} got {answer:?}");
        }
        eventually("every connection to be gone", || {
            front.metrics().contains("http_connections 0")
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn huge_and_numerous_headers_are_refused() {
    within(async {
        let front = front_with(|options| options.limits.max_header_bytes = 16 * 1024);
        let _guard = front
            .serve(Handler::named("default/a-0"), &["a.example"])
            .unwrap();
        let big = format!(
            "GET / HTTP/1.1\r\nHost: a.example\r\nX: {}\r\n\r\n",
            "x".repeat(64 * 1024)
        );
        assert_eq!(raw(front.address, big.as_bytes()).await.status, 431);
        let many = format!(
            "GET / HTTP/1.1\r\nHost: a.example\r\n{}\r\n",
            "X: y\r\n".repeat(200)
        );
        assert_eq!(raw(front.address, many.as_bytes()).await.status, 431);
        assert_eq!(get(front.address, "a.example").await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn request_bodies_are_bounded_in_size() {
    within(async {
        let front = front_with(|options| options.limits.max_body_bytes = Some(10));
        let _guard = front
            .serve(Handler::echo("default/a-0"), &["a.example"])
            .unwrap();
        let post = |head: &str, body: &str| {
            format!(
                "POST / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n{head}\r\n\r\n{body}"
            )
            .into_bytes()
        };
        let fits = raw(front.address, &post("Content-Length: 10", "0123456789")).await;
        assert_eq!((fits.status, &*fits.body), (200, "0123456789"));
        assert_eq!(
            raw(front.address, &post("Content-Length: 11", "0123456789a"))
                .await
                .status,
            413
        );
        let chunked = raw(
            front.address,
            &post(
                "Transfer-Encoding: chunked",
                "b\r\n0123456789a\r\n0\r\n\r\n",
            ),
        )
        .await;
        assert_eq!(
            chunked.status, 500,
            "the handler saw the error: {chunked:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_request_body_that_falls_silent_fails_for_the_handler() {
    within(async {
        let front =
            front_with(|options| options.limits.body_idle_timeout = Duration::from_millis(100));
        let _guard = front
            .serve(Handler::echo("default/a-0"), &["a.example"])
            .unwrap();
        let mut stream = TcpStream::connect(front.address).await.unwrap();
        stream
            .write_all(b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 10\r\n\r\n012")
            .await
            .unwrap();
        assert!(rest(&mut stream).await.starts_with("HTTP/1.1 500"));
    })
    .await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off() {
    within(async {
        let front =
            front_with(|options| options.limits.body_idle_timeout = Duration::from_millis(200));
        let open = Arc::new(AtomicUsize::new(0));
        let handler = Handler::new("default/a-0", {
            let open = Arc::clone(&open);
            move |_, _| {
                let held = super::fake::Counted::new(&open);
                let (sender, body) = channel();
                tokio::spawn(async move {
                    let _held = held;
                    while sender
                        .send(Bytes::from(vec![b'x'; 64 * 1024]))
                        .await
                        .is_ok()
                    {}
                });
                async move { Ok(Response::new(body)) }
            }
        });
        let _guard = front.serve(handler, &["a.example"]).unwrap();
        let mut stream = TcpStream::connect(front.address).await.unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
            .await
            .unwrap();
        stream.readable().await.unwrap();
        eventually("the body to be dropped", || {
            open.load(Ordering::SeqCst) == 0
        })
        .await;
        drop(stream);
    })
    .await;
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_call() {
    within(async {
        let front = front();
        let open = Arc::new(AtomicUsize::new(0));
        let guard = front
            .serve(Handler::never("default/a-0", &open), &["a.example"])
            .unwrap();
        let mut stream = TcpStream::connect(front.address).await.unwrap();
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
            .await
            .unwrap();
        eventually("the call to begin", || open.load(Ordering::SeqCst) == 1).await;
        assert_eq!(guard.in_flight(), 1);
        drop(stream);
        eventually("the call to end", || {
            open.load(Ordering::SeqCst) == 0 && guard.in_flight() == 0
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_their_turn() {
    within(async {
        let front = front_with(|options| options.limits.max_connections = 1);
        let _guard = front
            .serve(Handler::named("default/a-0"), &["a.example"])
            .unwrap();
        let mut first = TcpStream::connect(front.address).await.unwrap();
        first
            .write_all(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
            .await
            .unwrap();
        let mut byte = [0];
        first.read_exact(&mut byte).await.unwrap();
        let waiting = get(front.address, "a.example");
        tokio::pin!(waiting);
        assert!(
            tokio::time::timeout(Duration::from_millis(200), waiting.as_mut())
                .await
                .is_err()
        );
        drop(first);
        assert_eq!(waiting.await.status, 200);
    })
    .await;
}
