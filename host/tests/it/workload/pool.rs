//! Warm instances.

use super::support::{Bed, begin, component, get, spec};
use host::{
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
    spec.limits.request_timeout = Duration::from_millis(500);
    let workload = bed.start(&spec, &["http-acts"]).await;

    for (path, expected) in [
        ("/trap", "trapped"),
        ("/memory", "memory limit"),
        ("/spin", "in time"),
        ("/wait", "in time"),
    ] {
        assert_eq!(count(&workload).await, "1", "before {path}");
        assert_eq!(count(&workload).await, "2", "before {path}");
        let error = get(&workload, path).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{path}: {error:?}");
        // The warm place is free again once the instance is gone.
        wait::until(wait::TEST, "a new warm instance", || async {
            match count(&workload).await.as_str() {
                "1" => match count(&workload).await.as_str() {
                    "2" => Ok(()),
                    other => Err(other.to_owned()),
                },
                other => Err(other.to_owned()),
            }
        })
        .await
        .unwrap();
        // Retire it, so that the next round begins anew.
        let _ = get(&workload, "/trap").await.unwrap_err();
        wait::until(wait::TEST, "the instance's end", || async {
            match get(&workload, "/none").await {
                Err(HandleError::NoResponse | HandleError::Trap(_)) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await
        .unwrap();
        let _ = get(&workload, "/trap").await;
    }
}
