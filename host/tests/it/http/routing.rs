use std::{collections::HashMap, sync::atomic::Ordering};

use host::http::RouteError;

use super::{
    client::{get, get_with, raw},
    fake::{Handler, front, within},
};

#[tokio::test]
async fn a_name_matches_in_any_case_with_any_port_and_a_trailing_dot() {
    within(async {
        let front = front();
        let _guard = front
            .serve(
                Handler::named("default/a-0"),
                &["Hello.Example.com", "[2001:db8::1]"],
            )
            .unwrap();
        for host in [
            "hello.example.com",
            "HELLO.example.COM:8080",
            "hello.example.com.",
            "[2001:DB8::0:1]:80",
        ] {
            let reply = get(front.address, host).await;
            assert_eq!((reply.status, &*reply.body), (200, "default/a-0"), "{host}");
        }
        let absolute =
            b"GET http://hello.example.com/ HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n";
        assert_eq!(raw(front.address, absolute).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_workload_that_left_is_unknown() {
    within(async {
        let front = front();
        let guard = front
            .serve(Handler::named("default/a-0"), &["a.example"])
            .unwrap();
        assert_eq!(get(front.address, "a.example").await.status, 200);
        drop(guard);
        assert_eq!(get(front.address, "a.example").await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn requests_go_to_the_least_loaded_replica_and_in_turn_to_equals() {
    within(async {
        let front = front();
        let (a, b) = (Handler::named("default/a-0"), Handler::named("default/a-1"));
        let load = a.load();
        let _guards = [a, b].map(|handler| front.serve(handler, &["a.example"]).unwrap());
        let mut seen = HashMap::<String, usize>::new();
        for _ in 0..20 {
            *seen
                .entry(get(front.address, "a.example").await.body)
                .or_default() += 1;
        }
        assert_eq!(seen.get("default/a-0"), Some(&10), "{seen:?}");
        load.store(3, Ordering::SeqCst);
        for _ in 0..5 {
            assert_eq!(get(front.address, "a.example").await.body, "default/a-1");
        }
    })
    .await;
}

#[tokio::test]
async fn a_dotted_name_belongs_to_the_first_namespace_that_holds_it() {
    within(async {
        let front = front();
        let first = front
            .serve(Handler::named("red/a-0"), &["shop.example"])
            .unwrap();
        let taken = front
            .serve(
                Handler::named("blue/b-0"),
                &["free.example", "SHOP.example."],
            )
            .unwrap_err();
        assert_eq!(
            taken,
            RouteError::HostnameTaken {
                hostname: "SHOP.example.".to_owned(),
                namespace: "red".to_owned()
            }
        );
        assert_eq!(
            get(front.address, "free.example").await.status,
            404,
            "all or nothing"
        );
        let _second = front
            .serve(Handler::named("red/c-0"), &["shop.example"])
            .unwrap();
        drop(first);
        assert!(
            front
                .serve(Handler::named("blue/b-0"), &["shop.example"])
                .is_err(),
            "red still holds it"
        );
        assert_eq!(get(front.address, "shop.example").await.body, "red/c-0");
    })
    .await;
}

#[tokio::test]
async fn names_of_services_belong_to_their_namespace() {
    within(async {
        let front = front();
        for name in ["web.red.svc", "web.red.svc.cluster.local"] {
            let error = front
                .serve(Handler::named("blue/b-0"), &[name])
                .unwrap_err();
            assert!(
                matches!(error, RouteError::HostnameTaken { namespace, .. } if namespace == "red"),
                "{name}"
            );
        }
        let _own = front
            .serve(
                Handler::named("red/a-0"),
                &["web.red.svc", "web.red.svc.cluster.local"],
            )
            .unwrap();
        assert_eq!(get(front.address, "web.red.svc").await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_single_label_held_by_two_namespaces_is_misdirected() {
    within(async {
        let front = front();
        let red = front
            .serve(
                Handler::named("red/web-0"),
                &["web", "web.red", "web.red.svc", "red.example"],
            )
            .unwrap();
        assert_eq!(get(front.address, "web").await.body, "red/web-0");
        let blue = front
            .serve(Handler::named("blue/web-0"), &["web", "web.blue.svc"])
            .unwrap();
        let reply = get(front.address, "web").await;
        assert_eq!(reply.status, 421);
        assert!(reply.body.contains("several namespaces"), "{}", reply.body);
        let longer = "use one of web.blue.svc, web.red";
        assert!(reply.body.contains(longer), "{}", reply.body);
        assert_eq!(get(front.address, "web.red").await.body, "red/web-0");
        drop(red);
        assert_eq!(get(front.address, "web").await.body, "blue/web-0");
        drop(blue);
    })
    .await;
}

#[tokio::test]
async fn what_is_no_host_name_is_refused_at_registration() {
    let front = front();
    for name in ["", "a b", "http://a.example", "a.example:80", "*.example"] {
        let error = front
            .serve(Handler::named("default/a-0"), &[name])
            .unwrap_err();
        assert!(
            matches!(&error, RouteError::HostnameInvalid { hostname, .. } if hostname == name),
            "{name:?}: {error}"
        );
    }
    assert!(matches!(
        front.serve(Handler::named("default/a-0"), &[]),
        Err(RouteError::Unroutable(_))
    ));
}

#[tokio::test]
async fn requests_without_a_usable_host_are_bad_requests() {
    within(async {
        let front = front();
        let _guard = front
            .serve(Handler::named("default/a-0"), &["a.example"])
            .unwrap();
        for head in [
            "",
            "Host:\r\n",
            "Host: a b\r\n",
            "Host: a.example\r\nHost: a.example\r\n",
            "Host: a.example:x\r\n",
        ] {
            let reply = raw(
                front.address,
                format!("GET / HTTP/1.1\r\n{head}Connection: close\r\n\r\n").as_bytes(),
            )
            .await;
            assert_eq!(reply.status, 400, "{head:?}: {reply:?}");
        }
        assert_eq!(
            raw(front.address, b"GET / HTTP/1.0\r\n\r\n").await.status,
            400
        );
        assert_eq!(
            get_with(front.address, "a.example", "X: y\r\n")
                .await
                .status,
            200
        );
    })
    .await;
}

#[tokio::test]
async fn metrics_count_by_workload_and_end_with_its_last_replica() {
    within(async {
        let front = front();
        let guards = ["default/a-0", "default/a-1"]
            .map(|name| front.serve(Handler::named(name), &["a.example"]).unwrap());
        for _ in 0..3 {
            get(front.address, "a.example").await;
        }
        get(front.address, "unknown.example").await;
        let text = front.metrics();
        let series = r#"http_requests_total{namespace="default",workload="a",code="2xx"} 3"#;
        assert!(text.contains(series), "{text}");
        assert!(text.contains("http_requests_unrouted_total 1"), "{text}");
        assert!(
            text.contains(r#"http_requests_in_flight{namespace="default",workload="a"} 0"#),
            "{text}"
        );
        assert!(
            text.contains(
                r#"http_request_duration_seconds_count{namespace="default",workload="a"} 3"#
            ),
            "{text}"
        );
        assert!(
            !text.contains("unknown.example"),
            "a client must not make labels: {text}"
        );
        let [first, second] = guards;
        drop(first);
        assert!(front.metrics().contains(series));
        drop(second);
        super::fake::eventually("the series to end", || {
            !front.metrics().contains("workload=\"a\"")
        })
        .await;
    })
    .await;
}
