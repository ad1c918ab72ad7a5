//! The HorizontalPodAutoscaler controller of Kubernetes scales a WorkloadDeployment.

use crate::fixture::{PATIENCE, World, spec};
use crate::rollouts::finish;
use anyhow::{Context, Result, ensure};
use crd_types::{Workload, WorkloadDeployment};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::{ListParams, PostParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Resource};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::fmt::Debug;
use std::sync::Arc;
use testbed::fake_hosts::{OnStart, Speaks};
use testbed::kube::ExternalMetrics;
use testbed::wait::{TEST, until, within};
use tokio::task::JoinSet;

const V1: &str = "registry.example/hello:1";
const V2: &str = "registry.example/hello:2";

fn autoscalers(world: &World) -> Api<HorizontalPodAutoscaler> {
    Api::namespaced(world.client.clone(), "default")
}

/// From 1 to 6 replicas, with no pause before any step.
async fn autoscale(world: &World, name: &str, target: &str, metric: Value) -> Result<()> {
    let steps = json!({
        "stabilizationWindowSeconds": 0,
        "policies": [{"type": "Pods", "value": 10, "periodSeconds": 1}],
    });
    let autoscaler = serde_json::from_value(json!({
        "metadata": {"name": name},
        "spec": {
            "scaleTargetRef": {
                "apiVersion": "runtime.wasmcloud.dev/v1alpha1",
                "kind": "WorkloadDeployment",
                "name": target,
            },
            "minReplicas": 1,
            "maxReplicas": 6,
            "metrics": [metric],
            "behavior": {"scaleUp": steps, "scaleDown": steps},
        },
    }))?;
    let params = PostParams::default();
    autoscalers(world).create(&params, &autoscaler).await?;
    Ok(())
}

fn external(target: &Value) -> Value {
    json!({"type": "External", "external": {"metric": {"name": "queue"}, "target": target}})
}

/// What a manifest says that leaves the count to the autoscaler.
fn uncounted(image: &str) -> Value {
    let mut spec = spec(1, image);
    let fields = spec.as_object_mut().unwrap();
    fields.remove("replicas");
    fields.insert("rollingUpdate".into(), json!({"maxSurge": 2}));
    spec
}

/// Waits until `ScalingActive` of an autoscaler is `status`; returns its reason.
async fn active(world: &World, name: &str, status: &str) -> Result<String> {
    let what = format!("ScalingActive of {name} to be {status}");
    until(PATIENCE, &what, || async {
        let found = autoscalers(world).get(name).await?.status;
        let all = found.and_then(|s| s.conditions).unwrap_or_default();
        let said = all
            .iter()
            .find(|c| c.type_ == "ScalingActive" && c.status == status);
        let reason = said.and_then(|c| c.reason.clone());
        reason.with_context(|| format!("{all:?}"))
    })
    .await
}

/// Every state of the objects of a kind from now on, as `look` sees it.
#[derive(Clone)]
struct Seen<T>(Arc<Mutex<Vec<T>>>);

impl<T: Send + 'static> Seen<T> {
    fn watch<K>(watches: &mut JoinSet<()>, api: Api<K>, look: fn(&K) -> T) -> Self
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    {
        let seen = Self(Arc::default());
        let kept = seen.0.clone();
        watches.spawn(async move {
            let mut events = watcher(api, watcher::Config::default())
                .default_backoff()
                .touched_objects()
                .boxed();
            while let Ok(Some(object)) = events.try_next().await {
                kept.lock().push(look(&object));
            }
        });
        seen
    }
}

/// What an autoscaler takes the present and the wanted count for, and each replica's share.
fn counted(autoscaler: &HorizontalPodAutoscaler) -> (i32, i32, String) {
    let status = autoscaler.status.clone().unwrap_or_default();
    let metric = status
        .current_metrics
        .unwrap_or_default()
        .into_iter()
        .next();
    let share = metric
        .and_then(|m| m.external)
        .and_then(|e| e.current.average_value)
        .map(|share| share.0)
        .unwrap_or_default();
    (
        status.current_replicas.unwrap_or_default(),
        status.desired_replicas,
        share,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn w30_the_hpa_controller_scales_and_takes_no_surge_for_load_that_is_served() -> Result<()> {
    within(TEST, "autoscaling", async {
        let mut world = World::new().await?;
        world.plane.restart_controllers()?;
        let metrics = ExternalMetrics::start(&world.plane).await?;
        metrics.set("queue", "40");
        let host = world.host("ours", Speaks::Extension).await?;
        host.on_image(V2, OnStart::Hangs);
        world.apply("hello", uncounted(V1)).await?;
        let per_replica = json!({"type": "AverageValue", "averageValue": "10"});
        autoscale(&world, "hello", "hello", external(&per_replica)).await?;
        world.ready("hello", 4).await?;
        let settled = (4, 4, "10".to_owned());
        until(PATIENCE, "the autoscaler to have settled", || async {
            let counted = counted(&autoscalers(&world).get("hello").await?);
            ensure!(counted == settled, "{counted:?}");
            Ok(())
        })
        .await?;

        let mut watches = JoinSet::new();
        let deciding = Seen::watch(&mut watches, autoscalers(&world), counted);
        let wanted = Seen::watch(
            &mut watches,
            world.deployments(),
            |d: &WorkloadDeployment| d.spec.replicas,
        );
        world.apply("hello", uncounted(V2)).await?;
        world.workload_count(6).await?;
        // The surge stands still; the autoscaler decides on.
        let before = metrics.reads();
        until(PATIENCE, "decisions amid the surge", || async {
            let reads = metrics.reads() - before;
            ensure!(reads > 3, "{reads}");
            Ok(())
        })
        .await?;
        ensure!(host.held().len() == 6, "the surge stood");
        until(PATIENCE, "the end of the rollout", || async {
            finish(&host, V2).await;
            let all = world.workloads().list(&ListParams::default()).await?.items;
            let old = |w: &Workload| w.spec.components[0].image == V1;
            let old = all.iter().filter(|w| old(w)).count();
            ensure!((old, all.len()) == (0, 4), "{old} of {} are old", all.len());
            Ok(())
        })
        .await?;
        world.ready("hello", 4).await?;
        watches.shutdown().await;
        let deciding = deciding.0.lock().clone();
        ensure!(
            !deciding.is_empty() && deciding.iter().all(|d| *d == settled),
            "{deciding:?}"
        );
        let wanted = wanted.0.lock().clone();
        ensure!(
            wanted.len() > 3 && wanted.iter().all(|w| *w == Some(4)),
            "{wanted:?}"
        );

        host.on_image(V2, OnStart::Runs);
        metrics.set("queue", "60");
        world.ready("hello", 6).await?;
        metrics.set("queue", "10");
        world.ready("hello", 1).await?;
        world.workload_count(1).await?;
        ensure!(active(&world, "hello", "True").await? == "ValidMetricFound");
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn an_autoscaler_that_looks_for_pods_says_that_it_does_not_scale() -> Result<()> {
    within(TEST, "autoscaling by Pods", async {
        let mut world = World::new().await?;
        world.plane.restart_controllers()?;
        let metrics = ExternalMetrics::start(&world.plane).await?;
        metrics.set("queue", "40");
        let _host = world.host("ours", Speaks::Extension).await?;
        world.apply("hello", uncounted(V1)).await?;
        world.ready("hello", 1).await?;

        let half = json!({"type": "Utilization", "averageUtilization": 50});
        let cpu = json!({"type": "Resource", "resource": {"name": "cpu", "target": half}});
        autoscale(&world, "by-cpu", "hello", cpu).await?;
        let value = json!({"type": "Value", "value": "10"});
        autoscale(&world, "by-value", "hello", external(&value)).await?;
        let said = active(&world, "by-cpu", "False").await?;
        ensure!(said == "FailedGetResourceMetric", "{said}");
        let said = active(&world, "by-value", "False").await?;
        ensure!(said == "FailedGetExternalMetric", "{said}");
        // Pods are looked for when there is something to change, not before.
        metrics.set("queue", "10");
        let said = active(&world, "by-value", "True").await?;
        ensure!(said == "ValidMetricFound", "{said}");
        world.ready("hello", 1).await?;
        Ok(())
    })
    .await?
}
