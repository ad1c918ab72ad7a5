//! Long-running components.

use super::support::{Bed, service, spec};
use host::workload::{RunningWorkload, ServiceState, spec::WorkloadSpec};
use testbed::wait;

fn workload(act: &str, max_restarts: u64) -> WorkloadSpec {
    WorkloadSpec {
        service: Some(service(&[("ACT", act)], max_restarts)),
        host_interfaces: Vec::new(),
        ..spec(Vec::new())
    }
}

async fn state(
    running: &RunningWorkload,
    what: &str,
    wanted: impl FnMut(&ServiceState) -> bool,
) -> ServiceState {
    let mut state = running.service().unwrap();
    let found = wait::within(wait::TEST, what, state.wait_for(wanted))
        .await
        .unwrap();
    found.unwrap().clone()
}

#[tokio::test]
async fn a_service_runs_until_it_is_stopped() {
    let bed = Bed::new();
    let running = bed.start(&workload("run", 0), &["service-acts"]).await;
    state(&running, "running", |s| {
        matches!(s, ServiceState::Running { restarts: 0, .. })
    })
    .await;
}

#[tokio::test]
async fn a_service_that_returns_is_complete() {
    let bed = Bed::new();
    let running = bed.start(&workload("done", 5), &["service-acts"]).await;
    let end = state(&running, "completion", |s| {
        matches!(s, ServiceState::Completed { .. })
    })
    .await;
    assert_eq!(end, ServiceState::Completed { restarts: 0 });
}

#[tokio::test]
async fn a_service_that_fails_is_restarted_as_often_as_it_may() {
    let bed = Bed::new();
    for act in ["fail", "trap"] {
        let running = bed.start(&workload(act, 2), &["service-acts"]).await;
        match state(&running, "the end", |s| {
            matches!(s, ServiceState::Failed { .. })
        })
        .await
        {
            ServiceState::Failed { restarts, message } => {
                assert_eq!(restarts, 2, "{act}");
                assert!(message.contains("service started"), "{act}: {message}");
            }
            other => panic!("{other:?}"),
        }
    }
}
