//! Components that call each other.

use super::support::{Bed, component, get, spec, variables};
use host::{
    http::HandleError,
    workload::{RunningWorkload, spec::WorkloadSpec},
};
use std::time::Duration;

fn pair() -> WorkloadSpec {
    let (mut caller, mut callee) = (component("caller"), component("callee"));
    caller.resources.environment = variables(&[("WHO", "caller")]);
    callee.resources.environment = variables(&[("WHO", "callee")]);
    callee.resources.memory_limit = Some(16 << 20);
    spec(vec![caller, callee])
}

async fn start(bed: &Bed, spec: &WorkloadSpec) -> RunningWorkload {
    bed.start(spec, &["caller", "callee"]).await
}

#[tokio::test]
async fn plain_values_cross_both_ways() {
    let bed = Bed::new();
    let workload = start(&bed, &pair()).await;
    let (_, text) = get(&workload, "/improve?spoon").await.unwrap();
    assert!(
        text.contains(r#"name: "SPOON""#) && text.contains("size: Some(2)"),
        "{text}"
    );
    assert!(
        get(&workload, "/improve?forbidden")
            .await
            .unwrap()
            .1
            .contains("Refused")
    );
    assert!(
        get(&workload, "/improve?")
            .await
            .unwrap()
            .1
            .contains("Err(Failure::Empty)")
    );
}

#[tokio::test]
async fn each_component_keeps_its_own_environment() {
    let bed = Bed::new();
    let workload = start(&bed, &pair()).await;
    let (_, text) = get(&workload, "/environment").await.unwrap();
    assert_eq!(
        text,
        r#"mine [("WHO", "caller")] theirs [("WHO", "callee")]"#
    );
}

#[tokio::test]
async fn faults_of_the_called_component_are_its_own() {
    let bed = Bed::new();
    let mut spec = pair();
    spec.components[0].limits.request_timeout = Duration::from_secs(1);
    let workload = start(&bed, &spec).await;
    match get(&workload, "/trap").await.unwrap_err() {
        HandleError::Trap(text) => assert!(text.contains("`callee` trapped"), "{text}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(
        get(&workload, "/hoard").await.unwrap_err(),
        HandleError::OutOfMemory
    );
    assert_eq!(
        get(&workload, "/spin").await.unwrap_err(),
        HandleError::Timeout
    );
    assert!(get(&workload, "/improve?x").await.is_ok());
}

#[tokio::test]
async fn a_call_has_a_fresh_instance_unless_the_component_has_a_pool() {
    let bed = Bed::new();
    let workload = start(&bed, &pair()).await;
    assert_eq!(get(&workload, "/count").await.unwrap().1, "1 1");
    let mut warm = pair();
    warm.components[1].pool_size = 1;
    warm.components[1].max_invocations = Some(3);
    let bed = Bed::new();
    let workload = start(&bed, &warm).await;
    assert_eq!(get(&workload, "/count").await.unwrap().1, "1 2");
    assert_eq!(get(&workload, "/count").await.unwrap().1, "3 1");
}

#[tokio::test]
async fn resources_live_in_their_owner_and_die_there() {
    let bed = Bed::new();
    let workload = start(&bed, &pair()).await;
    let (_, text) = get(&workload, "/resources").await.unwrap();
    assert_eq!(text, "added 5 sum 15 alive 2 1 0");
}

#[tokio::test]
async fn a_missing_partner_is_named() {
    let bed = Bed::new();
    let error = bed
        .try_start(&spec(vec![component("caller")]), &["caller"])
        .await
        .err()
        .unwrap();
    let text = error.to_string();
    assert!(text.contains("`caller` imports `test:calls/"), "{text}");
}
