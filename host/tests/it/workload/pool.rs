//! Warm instances.

use super::support::{Bed, begin, component, get, options, spec};
use host::{
    engine::{Engine, EngineOptions},
    http::HandleError,
    workload::{RunningWorkload, spec::ComponentSpec},
};
use std::time::Duration;

fn pooled(size: u32, max_invocations: Option<u32>) -> ComponentSpec {
    ComponentSpec {
        pool_size: size,
        max_invocations,
        ..component("acts")
    }
}

async fn count(workload: &RunningWorkload) -> String {
    get(workload, "/count").await.unwrap().1
}

#[tokio::test]
async fn a_warm_instance_keeps_its_state_until_it_has_served_enough() {
    let bed = Bed::new();
    let workload = bed
        .start(&spec(vec![pooled(1, Some(3))]), &["http-acts"])
        .await;
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(count(&workload).await);
    }
    assert_eq!(seen, ["1", "2", "3", "1", "2", "3"]);
}

#[tokio::test]
async fn a_busy_pool_overflows_into_fresh_instances() {
    let bed = Bed::new();
    let workload = bed
        .start(&spec(vec![pooled(1, None)]), &["http-acts"])
        .await;
    assert_eq!(count(&workload).await, "1");
    let held = begin(&workload, "/silent").await.unwrap();
    assert_eq!(count(&workload).await, "1");
    assert_eq!(count(&workload).await, "1");
    drop(held);
}

#[tokio::test]
async fn faults_retire_the_instance_and_keep_their_names() {
    let bed = Bed::new();
    let mut acts = pooled(1, None);
    acts.resources.memory_limit = Some(16 << 20);
    let mut spec = spec(vec![acts]);
    spec.components[0].limits.request_timeout = Duration::from_millis(500);
    for (path, expected) in [
        ("/trap", "trapped"),
        ("/memory", "memory limit"),
        ("/none", "without a response"),
        ("/spin", "in time"),
        ("/wait", "in time"),
    ] {
        let workload = bed.start(&spec, &["http-acts"]).await;
        assert_eq!(count(&workload).await, "1", "before {path}");
        assert_eq!(count(&workload).await, "2", "before {path}");
        let error = get(&workload, path).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{path}: {error:?}");
        if path != "/none" {
            assert_eq!(count(&workload).await, "1", "after {path}");
        }
    }
}

#[tokio::test]
async fn idle_instances_make_room_for_others() {
    let engine = Engine::new(EngineOptions {
        max_instances: 2,
        ..options()
    })
    .unwrap();
    let bed = Bed::on(engine.clone());
    let warm = bed
        .start(&spec(vec![pooled(2, None)]), &["http-acts"])
        .await;
    let held = begin(&warm, "/silent").await.unwrap();
    assert_eq!(count(&warm).await, "1");
    drop(held);
    assert_eq!(count(&warm).await, "2");
    let other = bed
        .start(&spec(vec![component("other")]), &["http-acts"])
        .await;
    let (first, second) = tokio::join!(get(&other, "/"), get(&other, "/"));
    assert_eq!((first.unwrap().0, second.unwrap().0), (200, 200));
}

#[tokio::test]
async fn a_full_host_refuses_after_a_bounded_wait() {
    let wait = Duration::from_millis(100);
    let engine = Engine::new(EngineOptions {
        max_instances: 1,
        permit_wait: wait,
        ..options()
    })
    .unwrap();
    let bed = Bed::on(engine);
    let workload = bed
        .start(&spec(vec![component("acts")]), &["http-acts"])
        .await;
    let held = begin(&workload, "/silent").await.unwrap();
    assert!(matches!(
        get(&workload, "/").await,
        Err(HandleError::Overloaded { .. })
    ));
    drop(held);
    assert_eq!(get(&workload, "/").await.unwrap().0, 200);
}
