//! WASI 0.3: handlers that answer several requests at once, and asynchronous calls between components.

use super::support::{Bed, component, get, interface, spec};
use host::{
    http::HandleError,
    workload::spec::{ComponentSpec, WorkloadSpec},
};
use testbed::wait;

fn asynchronous(components: Vec<ComponentSpec>) -> WorkloadSpec {
    WorkloadSpec {
        host_interfaces: vec![interface("wasi:http", "handler", &[("host", "test.local")])],
        ..spec(components)
    }
}

#[tokio::test]
async fn a_handler_answers_in_a_fresh_instance() {
    let bed = Bed::new();
    let workload = bed
        .start(&asynchronous(vec![component("async")]), &["http-async"])
        .await;
    assert_eq!(
        get(&workload, "/count").await.unwrap(),
        (200, "1".to_owned())
    );
    assert_eq!(
        get(&workload, "/count").await.unwrap(),
        (200, "1".to_owned())
    );
    assert!(matches!(
        get(&workload, "/trap").await,
        Err(HandleError::Trap(_))
    ));
    let refused = HandleError::Guest("HttpRequestDenied".to_owned());
    assert_eq!(get(&workload, "/refuse").await, Err(refused));
}

#[tokio::test]
async fn a_warm_instance_answers_several_requests_at_once() {
    let bed = Bed::new();
    let warm = ComponentSpec {
        pool_size: 1,
        max_concurrency: 4,
        ..component("async")
    };
    let workload = bed.start(&asynchronous(vec![warm]), &["http-async"]).await;
    let slow = || get(&workload, "/slow");
    // A request that comes in the moment between response and readiness gets a fresh instance.
    wait::until(
        wait::TEST,
        "three requests at once in a warm instance",
        || async {
            let (a, b, c) = tokio::join!(slow(), slow(), slow());
            let mut seen = [a, b, c].map(|answer| answer.unwrap().1.parse::<u32>().unwrap());
            seen.sort_unstable();
            match seen {
                [a, b, c] if a > 1 && b == a + 1 && c == b + 1 => Ok(()),
                other => Err(format!("{other:?}")),
            }
        },
    )
    .await
    .unwrap();
    assert!(matches!(
        get(&workload, "/trap").await,
        Err(HandleError::Trap(_))
    ));
    assert_eq!(get(&workload, "/count").await.unwrap().1, "1");
}

#[tokio::test]
async fn two_asynchronous_calls_run_at_once_and_traps_are_the_callees() {
    let bed = Bed::new();
    let components = vec![component("caller"), component("callee")];
    let workload = bed
        .start(&asynchronous(components), &["async-caller", "async-callee"])
        .await;
    assert_eq!(
        get(&workload, "/both").await.unwrap().1,
        "1 1 together true"
    );
    match get(&workload, "/trap").await {
        Err(HandleError::Trap(text)) => assert!(text.contains("`callee` trapped"), "{text}"),
        other => panic!("{other:?}"),
    }
}
