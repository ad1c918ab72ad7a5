use std::{
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use host::http::{Drained, RouteGuard};
use http::Response;
use tokio::time::Instant;

use super::{
    client::{body, get, h1, raw, request},
    fake::{Front, Handler, channel, eventually, front, within},
};

/// A workload whose first response is the returned stream, later ones "late".
fn streaming(
    front: &Front,
    workload: &str,
) -> (tokio::sync::mpsc::Sender<bytes::Bytes>, RouteGuard) {
    let (feed, first) = channel();
    let first = std::sync::Mutex::new(Some(first));
    let handler = Handler::new(workload, move |_, _| {
        let body = first.lock().unwrap().take();
        async move { body.map_or_else(|| super::fake::text("late"), |body| Ok(Response::new(body))) }
    });
    (feed, front.serve(handler, &["a.example"]).unwrap())
}

#[tokio::test]
async fn a_drain_waits_for_the_end_of_the_body_and_routes_until_then() {
    within(async {
        let front = front();
        let (feed, guard) = streaming(&front, "default/a-0");
        let response = h1(front.address, request("http://a.example/")).await;
        let drain = tokio::spawn(async move {
            guard
                .drain(Duration::ZERO, Instant::now() + Duration::from_secs(50))
                .await
        });
        let keep_alive = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
        testbed::wait::until(
            Duration::from_secs(30),
            "connections to be closed by the drain",
            || async {
                // Ends only when the server closes, which it does for a draining workload.
                match tokio::time::timeout(
                    Duration::from_millis(500),
                    raw(front.address, keep_alive),
                )
                .await
                {
                    Ok(reply)
                        if reply.header("connection") == Some("close") && reply.body == "late" =>
                    {
                        Ok(())
                    }
                    other => Err(format!("{other:?}")),
                }
            },
        )
        .await
        .unwrap();
        assert!(!drain.is_finished(), "a body is still open");
        feed.send("the whole body".into()).await.unwrap();
        drop(feed);
        assert_eq!(body(response).await, "the whole body");
        assert_eq!(drain.await.unwrap(), Drained::Idle);
        assert_eq!(get(front.address, "a.example").await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn a_drain_ends_at_its_deadline_and_says_what_was_open() {
    within(async {
        let front = front();
        let (_feed, guard) = streaming(&front, "default/a-0");
        let _response = h1(front.address, request("http://a.example/")).await;
        let drained = guard
            .drain(Duration::ZERO, Instant::now() + Duration::from_millis(100))
            .await;
        assert_eq!(drained, Drained::Deadline { in_flight: 1 });
        assert_eq!(get(front.address, "a.example").await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn an_idle_workload_stays_routed_for_the_endpoint_delay_and_siblings_are_preferred() {
    within(async {
        let front = front();
        let guard = front
            .serve(Handler::named("default/a-0"), &["a.example"])
            .unwrap();
        let drain = tokio::spawn(async move {
            guard
                .drain(
                    Duration::from_millis(400),
                    Instant::now() + Duration::from_secs(30),
                )
                .await
        });
        let reply = get(front.address, "a.example").await;
        assert_eq!((reply.status, drain.is_finished()), (200, false));
        let _sibling = front
            .serve(Handler::named("default/a-1"), &["a.example"])
            .unwrap();
        testbed::wait::until(Duration::from_secs(30), "the drain to be known", || async {
            match get(front.address, "a.example").await {
                reply if reply.body == "default/a-1" => Ok(()),
                reply => Err(reply.body),
            }
        })
        .await
        .unwrap();
        for _ in 0..4 {
            assert_eq!(get(front.address, "a.example").await.body, "default/a-1");
        }
        assert_eq!(drain.await.unwrap(), Drained::Idle);
    })
    .await;
}

#[tokio::test]
async fn a_front_that_closes_lets_open_requests_end_and_takes_no_more() {
    within(async {
        let front = front();
        let (feed, _guard) = streaming(&front, "default/a-0");
        let response = h1(front.address, request("http://a.example/")).await;
        let address = front.address;
        let closing = tokio::spawn(async move {
            front
                .ingress
                .close(Instant::now() + Duration::from_secs(30))
                .await
        });
        testbed::wait::until(Duration::from_secs(30), "the port to be closed", || async {
            match tokio::net::TcpStream::connect(address).await {
                Ok(_) => Err("still open"),
                Err(_) => Ok(()),
            }
        })
        .await
        .unwrap();
        assert!(!closing.is_finished());
        feed.send("end".into()).await.unwrap();
        drop(feed);
        assert_eq!(body(response).await, "end");
        assert!(closing.await.unwrap(), "all ended in time");
    })
    .await;
}

#[tokio::test]
async fn a_front_that_closes_cuts_what_does_not_end() {
    within(async {
        let front = front();
        let open = Arc::new(AtomicUsize::new(0));
        let _guard = front
            .serve(Handler::never("default/a-0", &open), &["a.example"])
            .unwrap();
        let address = front.address;
        let client = tokio::spawn(async move {
            let stream = tokio::net::TcpStream::connect(address).await.unwrap();
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream))
                    .await
                    .unwrap();
            tokio::spawn(connection);
            sender
                .send_request(request("http://a.example/"))
                .await
                .is_err()
        });
        eventually("the call to begin", || {
            open.load(std::sync::atomic::Ordering::SeqCst) == 1
        })
        .await;
        assert!(
            !front
                .ingress
                .close(Instant::now() + Duration::from_millis(100))
                .await
        );
        assert!(client.await.unwrap());
        eventually("the call to end", || {
            open.load(std::sync::atomic::Ordering::SeqCst) == 0
        })
        .await;
    })
    .await;
}
