use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use host::net::{EgressClients, EgressError, EgressOptions, EgressPools};
use http::{Request, Response};
use http_body_util::BodyExt;

use super::fake::{Names, Server, client, config, fetch, get, policy};
use crate::http::fake::{channel, full, identity, within};

#[tokio::test]
async fn connections_are_kept_within_a_workload_and_never_shared_with_another() {
    within(async {
        let server = Server::describing().await;
        let names = Names::new(&[("api.example", &[&["127.0.0.1"]])]);
        let pools = EgressClients::with_resolver(config(), names.clone());
        let (a, b) = (
            pools.for_workload(&identity("default", "a-0")),
            pools.for_workload(&identity("default", "b-0")),
        );
        let allowed = policy(&["api.example"]);
        for _ in 0..3 {
            fetch(&a, &allowed, &server.url("api.example"))
                .await
                .unwrap();
        }
        assert_eq!(server.seen(), 1);
        fetch(&b, &allowed, &server.url("api.example"))
            .await
            .unwrap();
        assert_eq!(server.seen(), 2);
        let other_component = policy(&["api.example", "10.0.0.1"]);
        fetch(&a, &other_component, &server.url("api.example"))
            .await
            .unwrap();
        assert_eq!(
            server.seen(),
            3,
            "consent to an address is not lent to another component"
        );
    })
    .await;
}

#[tokio::test]
async fn a_workload_has_a_limit_of_connections_and_idle_ones_give_way() {
    within(async {
        let (feed, body) = channel();
        let body = Arc::new(std::sync::Mutex::new(Some(body)));
        let busy = Server::start(move |_| {
            let body = body.lock().unwrap().take();
            async move { Response::new(body.unwrap_or_else(|| full("again"))) }
        })
        .await;
        let other = Server::describing().await;
        let names = Names::new(&[("a.example", &[&["127.0.0.1"]])]);
        let mut one = config();
        one.max_connections = 1;
        let client = client(one, &names);
        let all = policy(&["*"]);
        let open = client
            .send(&all, get(&busy.url("a.example")), EgressOptions::default())
            .await
            .unwrap();
        let error = fetch(&client, &all, &other.url("a.example"))
            .await
            .unwrap_err();
        assert_eq!(error, EgressError::ConnectionLimit { limit: 1 });
        feed.send(Bytes::from_static(b"done")).await.unwrap();
        drop(feed);
        assert_eq!(open.into_body().collect().await.unwrap().to_bytes(), "done");
        // The first connection is idle now and would hold the only permit.
        fetch(&client, &all, &other.url("a.example")).await.unwrap();
        assert_eq!((busy.seen(), other.seen()), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn grpc_is_spoken_over_http_2_without_tls() {
    within(async {
        let server = Server::start(|request: Request<hyper::body::Incoming>| async move {
            let te = request
                .headers()
                .get("te")
                .map_or("-", |te| te.to_str().unwrap());
            Response::new(full(format!("{:?} {te}", request.version())))
        })
        .await;
        let client = client(
            config(),
            &Names::new(&[("grpc.example", &[&["127.0.0.1"]])]),
        );
        for _ in 0..2 {
            let request = Request::builder()
                .method("POST")
                .uri(server.url("grpc.example"))
                .header("content-type", "application/grpc+proto")
                .header("te", "trailers")
                .body(full("x"))
                .unwrap();
            let response = client
                .send(&policy(&["*"]), request, EgressOptions::default())
                .await
                .unwrap();
            assert_eq!(
                response.into_body().collect().await.unwrap().to_bytes(),
                "HTTP/2.0 trailers"
            );
        }
        assert_eq!(server.seen(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_body_that_nobody_reads_does_not_block_the_pool_for_ever() {
    within(async {
        let server = Server::start(|_| async {
            let (feed, body) = channel();
            tokio::spawn(
                async move { while feed.send(Bytes::from(vec![0; 65536])).await.is_ok() {} },
            );
            Response::new(body)
        })
        .await;
        let mut two = config();
        two.max_connections = 1;
        two.connection_wait = Duration::from_secs(20);
        let client = client(two, &Names::new(&[("a.example", &[&["127.0.0.1"]])]));
        let all = policy(&["*"]);
        for _ in 0..3 {
            let response = client
                .send(
                    &all,
                    get(&server.url("a.example")),
                    EgressOptions::default(),
                )
                .await
                .unwrap();
            drop(response);
        }
    })
    .await;
}
