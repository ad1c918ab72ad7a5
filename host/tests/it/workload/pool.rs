//! Warm instances.

use super::support::{Bed, begin, component, get, options, spec};
use host::{
    engine::{Engine, EngineOptions},
    http::HandleError,
    workload::{RunningWorkload, spec::ComponentSpec},
};
use std::time::Duration;
use testbed::wait;

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

/// Waits for a request that an instance answers which has answered before. An instance takes a moment
/// after its response until it is ready again, and what comes in between gets a fresh one.
async fn warmed_up(workload: &RunningWorkload) {
    wait::until(wait::TEST, "a warm instance", || async {
        match count(workload).await.as_str() {
            "1" => Err("only fresh ones"),
            _ => Ok(()),
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_warm_instance_keeps_its_state_until_it_has_served_enough() {
    let bed = Bed::new();
    let workload = bed
        .start(&spec(vec![pooled(1, Some(3))]), &["http-acts"])
        .await;
    for _round in 0..2 {
        wait::until(wait::TEST, "the third request of an instance", || async {
            match count(&workload).await.as_str() {
                "3" => Ok(()),
                other => Err(other.to_owned()),
            }
        })
        .await
        .unwrap();
        let next = count(&workload).await;
        assert_eq!(next, "1", "after its third request an instance is replaced");
    }
}

#[tokio::test]
async fn a_busy_pool_overflows_into_fresh_instances() {
    let bed = Bed::new();
    let workload = bed
        .start(&spec(vec![pooled(1, None)]), &["http-acts"])
        .await;
    warmed_up(&workload).await;
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
        warmed_up(&workload).await;
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
    warmed_up(&warm).await;
    drop(held);
    let other = bed
        .start(&spec(vec![component("other")]), &["http-acts"])
        .await;
    let (first, second) = tokio::join!(get(&other, "/"), get(&other, "/"));
    assert_eq!((first.unwrap().0, second.unwrap().0), (200, 200));
}

#[tokio::test]
async fn a_full_host_refuses_after_a_bounded_wait() {
    let short = Duration::from_millis(100);
    let engine = Engine::new(EngineOptions {
        max_instances: 1,
        permit_wait: short,
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
        Err(HandleError::HostOverloaded { .. })
    ));
    drop(held);
    assert_eq!(get(&workload, "/").await.unwrap().0, 200);
}
