use std::time::Duration;

use bytes::Bytes;
use host::net::{EgressError, EgressOptions};
use http::Response;
use http_body_util::BodyExt;

use super::fake::{Names, Server, client, config, get, policy};
use crate::http::fake::{channel, within};

fn names() -> std::sync::Arc<Names> {
    Names::new(&[("slow.example", &[&["127.0.0.1"]])])
}

#[tokio::test]
async fn a_silent_server_ends_in_the_time_out_of_what_was_waited_for() {
    within(async {
        let never = Server::start(|_| std::future::pending()).await;
        let client = client(config(), &names());
        let short = Duration::from_millis(100);
        let options = EgressOptions {
            connect_timeout: short,
            first_byte_timeout: short,
            ..EgressOptions::default()
        };
        let error = client
            .send(&policy(&["*"]), get(&never.url("slow.example")), options)
            .await
            .err();
        assert!(
            matches!(error, Some(EgressError::FirstByteTimeout { .. })),
            "{error:?}"
        );

        // The kernel accepts, but nobody speaks TLS.
        let options = EgressOptions {
            use_tls: true,
            connect_timeout: short,
            ..EgressOptions::default()
        };
        let mute = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "https://slow.example:{}/",
            mute.local_addr().unwrap().port()
        );
        let error = client.send(&policy(&["*"]), get(&url), options).await.err();
        assert!(
            matches!(error, Some(EgressError::ConnectTimeout { .. })),
            "{error:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_body_that_falls_silent_ends_with_an_error() {
    within(async {
        let (feed, body) = channel();
        let body = std::sync::Arc::new(std::sync::Mutex::new(Some(body)));
        let server = Server::start(move |_| {
            let body = body.lock().unwrap().take().unwrap();
            async move { Response::new(body) }
        })
        .await;
        feed.send(Bytes::from_static(b"start")).await.unwrap();
        let options = EgressOptions {
            between_bytes_timeout: Duration::from_millis(100),
            ..EgressOptions::default()
        };
        let response = client(config(), &names())
            .send(&policy(&["*"]), get(&server.url("slow.example")), options)
            .await
            .unwrap();
        let error = response.into_body().collect().await.unwrap_err();
        assert_eq!(
            error.downcast_ref(),
            Some(&EgressError::BetweenBytesTimeout)
        );
        drop(feed);
    })
    .await;
}
