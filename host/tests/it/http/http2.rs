use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

use super::{
    client::{body, h2, request},
    fake::{Handler, channel, front, within},
};

#[tokio::test]
async fn requests_share_a_connection_by_prior_knowledge() {
    within(async {
        let front = front();
        let _guard = front
            .serve(Handler::named("default/a-0"), &["a.example"])
            .unwrap();
        let (sender, _connection) = h2(front.address).await;
        let replies = (0..50).map(|_| {
            let mut sender = sender.clone();
            async move {
                body(
                    sender
                        .send_request(request("http://A.example:80/"))
                        .await
                        .unwrap(),
                )
                .await
            }
        });
        for reply in futures::future::join_all(replies).await {
            assert_eq!(reply, "default/a-0");
        }
        let mut sender = sender;
        assert_eq!(
            sender
                .send_request(request("http://b.example/"))
                .await
                .unwrap()
                .status(),
            404
        );
    })
    .await;
}

#[tokio::test]
async fn a_draining_workload_sends_clients_away_after_their_streams() {
    within(async {
        let front = front();
        let (feed, first_body) = channel();
        let first_body = std::sync::Mutex::new(Some(first_body));
        let handler = Handler::new("default/a-0", move |_, _| {
            let body = first_body.lock().unwrap().take();
            async move {
                match body {
                    Some(body) => Ok(http::Response::new(body)),
                    None => super::fake::text("late"),
                }
            }
        });
        let guard = front.serve(handler, &["a.example"]).unwrap();
        let (mut sender, connection) = h2(front.address).await;
        let streaming = sender
            .send_request(request("http://a.example/"))
            .await
            .unwrap();
        let drain = tokio::spawn(async move {
            guard
                .drain(
                    Duration::from_millis(100),
                    Instant::now() + Duration::from_secs(30),
                )
                .await
        });
        // Answered while draining, then told to go: no new stream on this connection.
        testbed::wait::until(
            Duration::from_secs(30),
            "the connection to take no more streams",
            || {
                let late = sender.send_request(request("http://a.example/"));
                async move {
                    match late.await {
                        Ok(response) => Err(body(response).await),
                        Err(_) => Ok(()),
                    }
                }
            },
        )
        .await
        .unwrap();
        assert!(!drain.is_finished());
        feed.send("tail".into()).await.unwrap();
        drop(feed);
        assert_eq!(body(streaming).await, "tail");
        assert_eq!(drain.await.unwrap(), host::http::Drained::Idle);
        connection.await.unwrap().unwrap();
    })
    .await;
}

/// One frame: type, flags, stream and payload.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

#[tokio::test]
async fn a_client_that_opens_and_resets_streams_loses_its_connection() {
    within(async {
        let front = front();
        let _guard = front.serve(Handler::named("default/a-0"), &["a"]).unwrap();
        let stream = TcpStream::connect(front.address).await.unwrap();
        let (mut reader, mut writer) = stream.into_split();
        let flood = tokio::spawn(async move {
            let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
            bytes.extend(frame(4, 0, 0, &[]));
            for index in 0..5000_u32 {
                let id = index * 2 + 1;
                // :method GET, :path /, :scheme http, :authority a
                bytes.extend(frame(1, 0b101, id, &[0x82, 0x84, 0x86, 0x41, 1, b'a']));
                bytes.extend(frame(3, 0, id, &8_u32.to_be_bytes()));
            }
            let _refused = writer.write_all(&bytes).await;
            // Kept open: the end must come from the server.
            writer
        });
        let mut answer = Vec::new();
        let _reset = reader.read_to_end(&mut answer).await;
        drop(flood.await.unwrap());
        let mut rest = &answer[..];
        let mut told_to_go = false;
        while rest.len() >= 9 {
            let length =
                usize::from(rest[0]) << 16 | usize::from(rest[1]) << 8 | usize::from(rest[2]);
            told_to_go |= rest[3] == 7;
            rest = rest.get(9 + length..).unwrap_or_default();
        }
        assert!(
            told_to_go || answer.is_empty(),
            "no GOAWAY among {} bytes",
            answer.len()
        );
        assert_eq!(super::client::get(front.address, "a").await.status, 200);
    })
    .await;
}
