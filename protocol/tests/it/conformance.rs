//! What every bus promises, asked of each.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use protocol::bus::memory::MemoryBus;
use protocol::bus::nats::{self, NatsOptions};
use protocol::bus::{Bus, BusError, BusStatus, Headers, SharedBus, TRACEPARENT, respond};
use testbed::nats::NatsServer;

const WAIT: Duration = Duration::from_secs(5);
const HARNESS: Duration = Duration::from_mins(1);

/// A check gets two connections to one bus.
async fn on_both<F, Fut>(check: F)
where
    F: Fn(SharedBus, SharedBus) -> Fut,
    Fut: Future<Output = ()>,
{
    let memory = MemoryBus::new();
    tokio::time::timeout(HARNESS, check(memory.clone(), memory))
        .await
        .expect("memory");
    let server = NatsServer::start().await.unwrap();
    let options = NatsOptions::server(server.url());
    let (a, b) = (
        nats::connect(&options).await.unwrap(),
        nats::connect(&options).await.unwrap(),
    );
    tokio::time::timeout(HARNESS, check(a, b))
        .await
        .expect("nats");
}

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[tokio::test]
async fn messages_arrive_in_order_with_headers() {
    on_both(|a, b| async move {
        let mut heard = b.subscribe("news.>").await.unwrap();
        b.flush().await.unwrap();
        let headers = Headers::new().with(TRACEPARENT, "00-1-2-01");
        for text in ["one", "two", "three"] {
            a.publish("news.today", headers.clone(), bytes(text))
                .await
                .unwrap();
        }
        for text in ["one", "two", "three"] {
            let message = heard.next().await.unwrap();
            assert_eq!(&message.payload[..], text.as_bytes());
            assert_eq!(message.subject, "news.today");
            assert_eq!(message.headers.get(TRACEPARENT), Some("00-1-2-01"));
            assert_eq!(message.reply, None);
        }
    })
    .await;
}

#[tokio::test]
async fn every_subscriber_hears_what_it_asked_for() {
    on_both(|a, b| async move {
        let mut one = b.subscribe("x.*.z").await.unwrap();
        let mut all = b.subscribe("x.>").await.unwrap();
        b.flush().await.unwrap();
        a.publish("x.y", Headers::new(), bytes("short"))
            .await
            .unwrap();
        a.publish("x.y.z", Headers::new(), bytes("long"))
            .await
            .unwrap();
        assert_eq!(&all.next().await.unwrap().payload[..], b"short");
        assert_eq!(&all.next().await.unwrap().payload[..], b"long");
        assert_eq!(&one.next().await.unwrap().payload[..], b"long");
    })
    .await;
}

#[tokio::test]
async fn a_request_gets_its_reply() {
    on_both(|a, b| async move {
        let mut asked = b.subscribe("echo").await.unwrap();
        b.flush().await.unwrap();
        let answering = tokio::spawn(async move {
            for _ in 0..2 {
                let request = asked.next().await.unwrap();
                let deadline = request.headers.deadline();
                assert_eq!(deadline, Some(WAIT));
                respond(&*b, &request, request.payload.clone())
                    .await
                    .unwrap();
            }
            // A connection that is dropped takes along what it has not sent.
            b.flush().await.unwrap();
        });
        let headers = Headers::new().with_deadline(WAIT);
        let (one, two) = tokio::join!(
            a.request("echo", headers.clone(), bytes("1"), WAIT),
            a.request("echo", headers.clone(), bytes("2"), WAIT),
        );
        assert_eq!(&one.unwrap().payload[..], b"1");
        assert_eq!(&two.unwrap().payload[..], b"2");
        answering.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn nobody_there_is_said_at_once() {
    on_both(|a, _b| async move {
        let answer = a
            .request("nobody", Headers::new(), Bytes::new(), HARNESS * 2)
            .await;
        assert!(
            matches!(answer, Err(BusError::NoResponders { ref subject }) if subject == "nobody"),
            "{answer:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn silence_times_out() {
    on_both(|a, b| async move {
        let _silent = b.subscribe("silent").await.unwrap();
        b.flush().await.unwrap();
        let wait = Duration::from_millis(50);
        let answer = a
            .request("silent", Headers::new(), Bytes::new(), wait)
            .await;
        assert!(
            matches!(answer, Err(BusError::Timeout { timeout, .. }) if timeout == wait),
            "{answer:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn too_large_is_refused_before_it_is_sent() {
    on_both(|a, b| async move {
        assert_eq!(a.max_payload(), 1024 * 1024);
        let mut heard = b.subscribe("big").await.unwrap();
        b.flush().await.unwrap();
        let big = Bytes::from(vec![0; a.max_payload() + 1]);
        let sent = a.publish("big", Headers::new(), big.clone()).await;
        assert!(
            matches!(sent, Err(BusError::TooLarge { size, max, .. }) if size == max + 1),
            "{sent:?}"
        );
        let asked = a.request("big", Headers::new(), big.clone(), WAIT).await;
        assert!(matches!(asked, Err(BusError::TooLarge { .. })), "{asked:?}");
        // Headers count.
        let headers = Headers::new().with("a", "b");
        let sent = a.publish("big", headers, big.slice(1..)).await;
        assert!(matches!(sent, Err(BusError::TooLarge { .. })), "{sent:?}");
        a.publish("big", Headers::new(), big.slice(1..))
            .await
            .unwrap();
        assert_eq!(heard.next().await.unwrap().payload.len(), a.max_payload());
    })
    .await;
}

#[tokio::test]
async fn malformed_subjects_and_headers_are_refused() {
    on_both(|a, _b| async move {
        for bad in ["", "a..b", "a b", "a.*", "a\r\nPUB b 0"] {
            let sent = a.publish(bad, Headers::new(), Bytes::new()).await;
            assert!(
                matches!(sent, Err(BusError::InvalidSubject { .. })),
                "{bad:?} {sent:?}"
            );
        }
        assert!(matches!(
            a.subscribe("a.>.b").await,
            Err(BusError::InvalidSubject { .. })
        ));
        let smuggled = Headers::new().with("a", "b\r\nc: d");
        let sent = a.publish("a", smuggled, Bytes::new()).await;
        assert!(
            matches!(sent, Err(BusError::InvalidHeader { ref name }) if name == "a"),
            "{sent:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_dropped_subscription_hears_and_answers_nothing() {
    on_both(|a, b| async move {
        let gone = b.subscribe("gone").await.unwrap();
        b.flush().await.unwrap();
        drop(gone);
        b.flush().await.unwrap();
        let answer = a.request("gone", Headers::new(), Bytes::new(), WAIT).await;
        assert!(
            matches!(answer, Err(BusError::NoResponders { .. })),
            "{answer:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn status_is_connected() {
    on_both(|a, _b| async move {
        assert!(matches!(*a.status().borrow(), BusStatus::Connected { .. }));
    })
    .await;
}

#[tokio::test]
async fn a_lost_server_is_seen_and_found_again() {
    let mut server = NatsServer::start().await.unwrap();
    let bus = nats::connect(&NatsOptions::server(server.url()))
        .await
        .unwrap();
    let mut heard = bus.subscribe("after").await.unwrap();
    bus.flush().await.unwrap();
    let mut status = bus.status();
    server.stop();
    let seen = status.wait_for(|s| !s.is_connected());
    tokio::time::timeout(HARNESS, seen).await.unwrap().unwrap();
    server.start_again().await.unwrap();
    let seen = status.wait_for(BusStatus::is_connected);
    tokio::time::timeout(HARNESS, seen).await.unwrap().unwrap();
    // The client sends its subscriptions again before anything published after the reconnect.
    bus.publish("after", Headers::new(), bytes("again"))
        .await
        .unwrap();
    let message = tokio::time::timeout(HARNESS, heard.next())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&message.payload[..], b"again");
}

#[tokio::test]
async fn options_that_cannot_work_fail_at_once_and_show_no_secret() {
    let none = nats::connect(&NatsOptions::default()).await.unwrap_err();
    assert!(none.to_string().contains("servers"), "{none}");
    let mut options = NatsOptions::server("nats://user:hunter2@127.0.0.1:1");
    options.token = Some("hunter2".to_owned());
    assert!(!format!("{options:?}").contains("hunter2"));
    options.tls_ca = Some("does/not/exist.pem".into());
    let missing = nats::connect(&options).await.unwrap_err().to_string();
    assert!(
        missing.starts_with("tls-ca: ") && missing.contains("does/not/exist.pem"),
        "{missing}"
    );
    options.tls_ca = None;
    options.credentials = Some("does/not/exist.creds".into());
    let missing = nats::connect(&options).await.unwrap_err().to_string();
    assert!(
        missing.contains("does/not/exist.creds") && !missing.contains("hunter2"),
        "{missing}"
    );
}
