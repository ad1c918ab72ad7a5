//! One fresh instance per request, and what happens when it misbehaves.

use super::support::{Bed, allowed_hosts, begin, component, get, spec, variables};
use host::http::HandleError;
use http_body_util::BodyExt as _;
use std::{sync::Arc, time::Duration};
use testbed::wait;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

#[tokio::test]
async fn a_component_answers_over_a_real_socket() {
    let bed = Bed::new();
    let workload = bed
        .start(&spec(vec![component("hello")]), &["http-acts"])
        .await;
    let mut stream = TcpStream::connect(bed.ingress.address().unwrap())
        .await
        .unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: TEST.local:80\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    wait::within(wait::TEST, "the answer", stream.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains("ok"), "{answer}");
    workload.stop(Duration::ZERO, Duration::from_secs(5)).await;
}

#[tokio::test]
async fn each_request_has_its_own_instance_and_environment() {
    let bed = Bed::new();
    let mut acts = component("acts");
    acts.resources.environment = variables(&[("GREETING", "hello"), ("OTHER", "1")]);
    let workload = bed.start(&spec(vec![acts]), &["http-acts"]).await;
    assert_eq!(get(&workload, "/count").await.unwrap().1, "1");
    assert_eq!(get(&workload, "/count").await.unwrap().1, "1");
    assert_eq!(
        get(&workload, "/env").await.unwrap().1,
        "GREETING=hello\nOTHER=1"
    );
    assert_eq!(workload.http().unwrap().in_flight(), 0);
}

#[tokio::test]
async fn every_fault_has_its_name_and_hurts_nobody_else() {
    let bed = Bed::new();
    let mut acts = component("acts");
    acts.resources.memory_limit = Some(16 << 20);
    let mut spec = spec(vec![acts]);
    spec.components[0].limits.request_timeout = Duration::from_millis(500);
    let workload = bed.start(&spec, &["http-acts"]).await;

    let fault = async |path| get(&workload, path).await.unwrap_err();
    assert!(
        matches!(fault("/trap").await, HandleError::Trap(text) if text.contains("unreachable"))
    );
    assert!(matches!(fault("/exit").await, HandleError::Trap(text) if text.contains("exited")));
    assert_eq!(fault("/memory").await, HandleError::OutOfMemory);
    assert_eq!(fault("/none").await, HandleError::NoResponse);
    assert_eq!(fault("/spin").await, HandleError::Timeout);
    assert_eq!(fault("/wait").await, HandleError::Timeout);
    assert_eq!(get(&workload, "/").await.unwrap(), (200, "ok".to_owned()));
}

#[tokio::test]
async fn a_body_that_ends_badly_is_an_error_of_the_body() {
    let bed = Bed::new();
    let mut spec = spec(vec![component("acts")]);
    spec.components[0].limits.request_timeout = Duration::from_millis(500);
    let workload = bed.start(&spec, &["http-acts"]).await;
    let response = begin(&workload, "/silent").await.unwrap();
    let end = wait::within(wait::TEST, "the body", response.into_body().collect())
        .await
        .unwrap();
    assert!(end.unwrap_err().to_string().contains("sent nothing"));
    assert_eq!(workload.http().unwrap().in_flight(), 0);
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_instance_along() {
    let bed = Bed::new();
    let engine = bed.platform.engine.clone();
    let workload = bed
        .start(&spec(vec![component("acts")]), &["http-acts"])
        .await;
    let handler = workload.http().unwrap();
    let response = begin(&workload, "/silent").await.unwrap();
    assert_eq!(handler.in_flight(), 1);
    drop(response);
    assert_eq!(handler.in_flight(), 0);
    // Other tests share the engine; what matters is that this instance's permit comes back.
    wait::until(wait::TEST, "the permit", || async {
        match engine.permits().free() {
            0 => Err("none free"),
            _ => Ok(()),
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_workload_at_its_limit_refuses_instead_of_queueing_for_ever() {
    let bed = Bed::new();
    let mut spec = spec(vec![component("acts")]);
    spec.components[0].limits.max_in_flight = 1;
    let workload = bed.start(&spec, &["http-acts"]).await;
    let held = begin(&workload, "/silent").await.unwrap();
    assert!(matches!(
        get(&workload, "/").await,
        Err(HandleError::Overloaded { .. })
    ));
    drop(held);
    assert_eq!(get(&workload, "/").await.unwrap().0, 200);
}

#[tokio::test]
async fn outgoing_requests_go_where_the_list_allows() {
    let bed = Bed::new();
    let mut acts = component("acts");
    acts.resources.allowed_hosts = allowed_hosts(&["test.invalid", "127.0.0.1"]);
    let workload = bed.start(&spec(vec![acts]), &["http-acts"]).await;
    let address = bed.ingress.address().unwrap();
    // Of this host itself, which has no workload of that name.
    let (_, text) = get(&workload, &format!("/get?http://{address}/"))
        .await
        .unwrap();
    assert!(text.starts_with("404 "), "{text}");
    let (_, text) = get(&workload, "/get?http://denied.invalid/").await.unwrap();
    assert!(text.contains("HttpRequestDenied"), "{text}");
    let (_, text) = get(&workload, "/get?http://test.invalid/").await.unwrap();
    assert!(text.contains("DnsError"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn busy_guests_do_not_keep_a_neighbour_from_answering() {
    let bed = Bed::new();
    let workload = Arc::new(
        bed.start(&spec(vec![component("acts")]), &["http-acts"])
            .await,
    );
    let spinning: Vec<_> = (0..8)
        .map(|_| {
            let workload = workload.clone();
            tokio_util::task::AbortOnDropHandle::new(tokio::spawn(async move {
                let _ = get(&workload, "/spin").await;
            }))
        })
        .collect();
    let handler = workload.http().unwrap();
    wait::until(wait::TEST, "busy guests", || async {
        match handler.in_flight() {
            8 => Ok(()),
            other => Err(other),
        }
    })
    .await
    .unwrap();
    for _ in 0..20 {
        assert_eq!(get(&workload, "/").await.unwrap().0, 200);
    }
    drop(spinning);
    wait::until(wait::TEST, "the guests to end", || async {
        match handler.in_flight() {
            0 => Ok(()),
            other => Err(other),
        }
    })
    .await
    .unwrap();
}
