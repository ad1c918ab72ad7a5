//! A running installation of the reference is taken over: its CRDs, objects and host stay as they are, nothing is
//! rolled out, restarted or lost; the CRDs are upgraded while everything runs.

mod crds;
mod figures;
mod host;
mod installation;

use crate::fixture::{PATIENCE, spec};
use anyhow::{Context, Result, anyhow, ensure};
use installation::{Installation, slice_name};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::events::v1::Event;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use testbed::wait::{TEST, until, within};

type Stored = BTreeMap<String, Value>;

#[tokio::test(flavor = "multi_thread")]
async fn a_running_reference_is_taken_over_and_upgraded_without_a_rollout() -> Result<()> {
    taken_over(Installation::real().await?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn so_it_is_on_the_embedded_api_server() -> Result<()> {
    taken_over(Installation::embedded().await?).await
}

async fn taken_over(mut world: Installation) -> Result<()> {
    within(TEST * 2, "the take-over", async {
        let before = world.stored().await?;
        ensure!(before.len() == 11, "{:?}", before.keys());

        world.start_operator();
        looked_after(&world, 3).await?;
        untouched(&world, &before).await?;
        told_what_to_run(&world).await?;
        w04_pods_can_go(&world).await?;
        figures::w01_status_survives_heartbeats(&world).await?;
        base_features_work(&world).await?;
        broken_one_goes(&world).await?;
        quiet(&world).await?;
        let before = world.stored().await?;

        operator::install_crds(&world.client).await?;
        until(PATIENCE, "the new fields in every status", || async {
            for (name, object) in world.stored().await? {
                let ours = match name.split_once('/').unwrap().0 {
                    "Host" => continue,
                    "WorkloadDeployment" => "availableReplicas",
                    _ => "observedGeneration",
                };
                ensure!(
                    !object["status"][ours].is_null(),
                    "{name}: {}",
                    object["status"]
                );
            }
            anyhow::Ok(())
        })
        .await?;
        looked_after(&world, 3).await?;
        untouched(&world, &before).await?;
        quiet(&world).await?;
        let lacking = world.scraped("crds_fields_lacking{")?;
        ensure!(
            lacking.len() == 5 && lacking.iter().all(|l| l.ends_with(" 0")),
            "{lacking:?}"
        );

        world.stop_operator().await?;
        could_be_taken_back(&world).await
    })
    .await?
}

/// Waits until every running workload was asked after so many times more.
async fn looked_after(world: &Installation, times: usize) -> Result<()> {
    let before = world.host.told().looks.len();
    until(
        PATIENCE,
        "the operator to ask after every workload",
        || async {
            let told = world.host.told();
            for id in &told.running {
                let looks = told.looks[before..].iter().filter(|l| *l == id).count();
                ensure!(looks >= times, "{id}: {looks} looks");
            }
            anyhow::Ok(())
        },
    )
    .await
}

/// Nothing was made, deleted, changed, started or stopped; what was Ready is, since when it was.
async fn untouched(world: &Installation, before: &Stored) -> Result<()> {
    let now = world.stored().await?;
    let names = |all: &Stored| -> BTreeSet<(String, String)> {
        all.iter()
            .map(|(name, o)| (name.clone(), o["metadata"]["uid"].to_string()))
            .collect()
    };
    ensure!(names(&now) == names(before), "{:?}", now.keys());
    for (name, was) in before {
        let is = &now[name];
        for field in ["spec", "hostId", "hostname", "httpPort", "environment"] {
            ensure!(
                is[field] == was[field],
                "{name} {field}: {} was {}",
                is[field],
                was[field]
            );
        }
        for field in [
            "generation",
            "finalizers",
            "ownerReferences",
            "creationTimestamp",
        ] {
            ensure!(
                is["metadata"][field] == was["metadata"][field],
                "{name} {field}: {}",
                is["metadata"][field]
            );
        }
        for field in ["labels", "annotations"] {
            for (key, value) in was["metadata"][field].as_object().into_iter().flatten() {
                ensure!(
                    &is["metadata"][field][key] == value,
                    "{name} lost {field} {key}"
                );
            }
        }
        let ready = |object: &Value| -> Option<(String, String)> {
            let all = object["status"]["conditions"].as_array()?;
            let ready = all
                .iter()
                .find(|c| c["type"] == "Ready" && c["status"] == "True")?;
            Some((
                ready["reason"].to_string(),
                ready["lastTransitionTime"].to_string(),
            ))
        };
        ensure!(
            ready(was).is_none() || ready(was) == ready(is),
            "{name} was ready: {} is {}",
            was["status"],
            is["status"]
        );
        for field in [
            "hostId",
            "workloadId",
            "currentReplicaSet",
            "selector",
            "currentReplicas",
        ] {
            // The broken one is placed again and again, as it was.
            ensure!(
                name.contains("broken") || is["status"][field] == was["status"][field],
                "{name} {field}: {} was {}",
                is["status"],
                was["status"]
            );
        }
    }
    let running: BTreeSet<String> = before
        .iter()
        .filter(|(name, _)| name.starts_with("Workload/") && !name.contains("broken"))
        .map(|(_, o)| o["metadata"]["uid"].as_str().unwrap().to_owned())
        .collect();
    let told = world.host.told();
    ensure!(told.running == running, "{told:?}");
    ensure!(
        !told.stops.iter().any(|id| running.contains(id)),
        "{:?}",
        told.stops
    );
    let slices: Api<EndpointSlice> = Api::namespaced(world.client.clone(), "default");
    let selector = ListParams::default().labels("kubernetes.io/service-name=hello-svc");
    let all = slices.list(&selector).await?.items;
    let found = all.first().context("no EndpointSlice")?;
    ensure!(
        all.len() == 1 && found.name_any() == slice_name(),
        "{all:?}"
    );
    let found = serde_json::to_value(found)?;
    ensure!(
        found["endpoints"][0]["addresses"] == json!(["10.9.9.9"]),
        "{found}"
    );
    ensure!(
        found["endpoints"][0]["conditions"]["ready"] == json!(true),
        "{found}"
    );
    ensure!(found["ports"][0]["port"] == json!(18000), "{found}");
    ensure!(found["ports"][0]["name"] == json!("http"), "{found}");
    Ok(())
}

/// An Event on a Deployment names the command.
async fn told_what_to_run(world: &Installation) -> Result<()> {
    let events: Api<Event> = Api::namespaced(world.client.clone(), "default");
    until(PATIENCE, "the Event", || async {
        let all = events.list(&ListParams::default()).await?.items;
        let found = all
            .iter()
            .find(|e| e.reason.as_deref() == Some("CRDsOutdated"))
            .ok_or_else(|| anyhow!("{} Events, none of it", all.len()))?;
        let note = found.note.clone().unwrap_or_default();
        ensure!(note.contains("runtime-operator install-crds"), "{note}");
        ensure!(note.contains("Workload lacks"), "{note}");
        let kind = found.regarding.as_ref().and_then(|r| r.kind.clone());
        ensure!(kind.as_deref() == Some("WorkloadDeployment"), "{kind:?}");
        Ok(())
    })
    .await?;
    let lacking = world.scraped("crds_fields_lacking{")?;
    ensure!(
        !lacking.is_empty() && !lacking.iter().any(|l| l.ends_with(" 0")),
        "{lacking:?}"
    );
    Ok(())
}

/// The reference's finalizer leaves host Pods: with its operator gone nobody else would remove it.
async fn w04_pods_can_go(world: &Installation) -> Result<()> {
    let pods: Api<Pod> = Api::namespaced(world.client.clone(), "wc");
    until(PATIENCE, "the finalizer to leave the Pod", || async {
        let pod = pods.get("hostgroup-default-0").await?;
        ensure!(
            pod.finalizers() == ["example.com/somebody-else"],
            "{:?}",
            pod.finalizers()
        );
        anyhow::Ok(())
    })
    .await
}

/// After a while nothing is written any more while workloads are asked after.
async fn quiet(world: &Installation) -> Result<()> {
    until(
        PATIENCE,
        "the operator to have nothing to write",
        || async {
            let before = world.writes()?;
            ensure!(!before.is_empty(), "writes are counted");
            looked_after(world, 2).await?;
            let now = world.writes()?;
            let more: Vec<&String> = now.difference(&before).collect();
            ensure!(more.is_empty(), "written meanwhile: {more:?}");
            anyhow::Ok(())
        },
    )
    .await
}

/// The broken one goes, as what it made does: its host has nothing to stop and says so.
async fn broken_one_goes(world: &Installation) -> Result<()> {
    // What the garbage collector does; it takes up to 30 s to learn of a new kind, too long for a test.
    for kind in ["WorkloadDeployment", "WorkloadReplicaSet", "Workload"] {
        let api = world.api(kind);
        for object in api.list(&ListParams::default()).await?.items {
            if object.name_any().starts_with("broken") {
                let gone = api
                    .delete(&object.name_any(), &DeleteParams::background())
                    .await;
                // The collector may have been there first.
                ensure!(
                    matches!(&gone, Ok(_) | Err(kube::Error::Api(_))),
                    "{gone:?}"
                );
            }
        }
    }
    until(PATIENCE, "the broken one to go", || async {
        let left: Vec<String> = world
            .stored()
            .await?
            .into_keys()
            .filter(|n| n.contains("broken"))
            .collect();
        ensure!(left.is_empty(), "{left:?}");
        anyhow::Ok(())
    })
    .await
}

/// A Deployment is applied, scaled, given another image and deleted.
async fn base_features_work(world: &Installation) -> Result<()> {
    let api = world.api("WorkloadDeployment");
    for (replicas, image) in [
        (1, "registry.example/hello:1"),
        (2, "registry.example/hello:1"),
        (2, "registry.example/hello:2"),
    ] {
        let body = json!({
            "apiVersion": "runtime.wasmcloud.dev/v1alpha1", "kind": "WorkloadDeployment",
            "metadata": {"name": "fresh"}, "spec": spec(replicas, image),
        });
        let params = PatchParams::apply("test").force();
        api.patch("fresh", &params, &Patch::Apply(&body)).await?;
        until(PATIENCE, &format!("{replicas} of {image}"), || async {
            let workloads = of_fresh(world).await?;
            let images: Vec<&Value> = workloads
                .iter()
                .map(|w| &w.data["spec"]["components"][0]["image"])
                .collect();
            ensure!(
                workloads.len() == replicas as usize && images.iter().all(|i| *i == image),
                "{images:?}"
            );
            let status = api.get("fresh").await?.data["status"].take();
            ensure!(is_ready(&status), "{status}");
            ensure!(status["currentReplicas"] == json!(replicas), "{status}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

async fn of_fresh(world: &Installation) -> Result<Vec<DynamicObject>> {
    let all = world
        .api("Workload")
        .list(&ListParams::default())
        .await?
        .items;
    Ok(all
        .into_iter()
        .filter(|w| w.name_any().starts_with("fresh-"))
        .collect())
}

fn is_ready(status: &Value) -> bool {
    let all = status["conditions"].as_array().into_iter().flatten();
    all.into_iter()
        .any(|c| c["type"] == "Ready" && c["status"] == "True")
}

/// What ours made has everything by which the reference's operator knows its own: owner, finalizer, the hash of the
/// template on Workloads, the label on ReplicaSets.
async fn could_be_taken_back(world: &Installation) -> Result<()> {
    let stored = world.stored().await?;
    for (name, object) in &stored {
        let meta = &object["metadata"];
        let keys: Vec<&str> = meta["finalizers"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let expected: &[&str] = match name.split_once('/').unwrap().0 {
            "Workload" => &["runtime.wasmcloud.dev/workload-finalizer"],
            "Host" => &["runtime.wasmcloud.dev/host-finalizer"],
            _ => &[],
        };
        ensure!(keys == expected, "{name}: {keys:?}");
        if name.starts_with("Workload/") {
            let owner = &meta["ownerReferences"][0];
            let set = &stored[&format!("WorkloadReplicaSet/{}", owner["name"].as_str().unwrap())];
            let spec = serde_json::from_value(set["spec"]["template"]["spec"].clone())?;
            let noted =
                &meta["annotations"]["runtime.wasmcloud.dev/workload-replica-set-generation"];
            ensure!(
                *noted == json!(crd_types::hash::spec_hash(&spec)),
                "{name}: {noted}"
            );
            ensure!(owner["controller"] == json!(true), "{name}: {owner}");
        }
        if name.starts_with("WorkloadReplicaSet/") {
            let owner = &meta["ownerReferences"][0]["name"];
            ensure!(
                &meta["labels"]["runtime.wasmcloud.dev/workload-deployment"] == owner,
                "{name}"
            );
        }
    }
    Ok(())
}
