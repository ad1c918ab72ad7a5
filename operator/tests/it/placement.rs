//! Which host, which first, and what is said when there is none.

use crate::estate::{Estate, PATIENCE};
use crate::fixture::{spec, tries_with_pauses};
use anyhow::{Result, anyhow, ensure};
use crd_types::{Workload, WorkloadReplicaSet, condition};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use protocol::Reason;
use serde_json::json;
use testbed::fake_hosts::HostOptions;
use testbed::wait::{TEST, until, within};

fn says(workload: &Workload, reason: Reason, words: &str) -> bool {
    let conditions = workload.status.as_ref().map(|s| s.conditions.as_slice());
    condition::find(conditions.unwrap_or_default(), "Ready")
        .is_some_and(|c| c.reason == reason.as_str() && c.message.contains(words))
}

fn is_ready(workload: &Workload) -> bool {
    let conditions = workload.status.as_ref().map(|s| s.conditions.as_slice());
    condition::is_true(conditions.unwrap_or_default(), "Ready")
}

async fn cordon(estate: &Estate, host: &str, on: bool) -> Result<()> {
    let patch = Patch::Merge(json!({"unschedulable": on}));
    let params = PatchParams::default();
    estate.hosts().patch(host, &params, &patch).await?;
    Ok(())
}

/// Deletes a Workload and waits until it is gone.
async fn gone(estate: &Estate, name: &str) -> Result<()> {
    let params = DeleteParams::background();
    estate.workloads().delete(name, &params).await?;
    until(PATIENCE, &format!("{name} to go"), || async {
        let found = estate.workloads().get_opt(name).await?;
        ensure!(found.is_none(), "{:?}", found.map(|w| w.metadata));
        anyhow::Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn w11_six_replicas_on_three_equal_hosts() -> Result<()> {
    within(TEST, "spreading", async {
        let estate = Estate::new("w11").await?;
        let _operator = estate.operate(estate.options()).await?;
        let mut hosts = Vec::new();
        for name in ["a", "b", "c"] {
            hosts.push(estate.host(HostOptions::named(name)).await?);
        }
        estate
            .apply("hello", spec(6, "registry.example/hello:1"))
            .await?;
        estate.available("hello", 6).await?;
        let placed: Vec<usize> = hosts.iter().map(|h| h.running().len()).collect();
        ensure!(placed == [2, 2, 2], "{placed:?}");
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn w12_a_pinned_host_of_another_environment_is_refused() -> Result<()> {
    within(TEST, "environments", async {
        let estate = Estate::new("w12").await?;
        let mut options = estate.options();
        options.allow_shared_hosts = false;
        let _operator = estate.operate(options).await?;
        let foreign = HostOptions::named("foreign").environment("other");
        let foreign = estate.host(foreign).await?;
        estate
            .create("pinned", json!({"hostId": foreign.id}))
            .await?;
        estate
            .workload("pinned", "refused", |w| {
                says(w, Reason::NoHostFits, "0/1 hosts: 1 not in environment w12")
            })
            .await?;
        estate.event("pinned", "NoHostFits").await?;
        estate
            .create("abroad", json!({"environment": "other"}))
            .await?;
        let denied = Reason::CrossEnvironmentSchedulingDenied;
        estate
            .workload("abroad", "denied", |w| says(w, denied, "allowSharedHosts"))
            .await?;
        let event = estate.event("abroad", denied.as_str()).await?;
        ensure!(event.action.as_deref() == Some("Reject"));

        let home = HostOptions::named("home").environment("w12");
        let home = estate.host(home).await?;
        estate.create("local", json!({})).await?;
        estate.workload_ready("local").await?;
        ensure!(home.running().len() == 1 && foreign.starts() == 0);
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_of_its_own_takes_a_host_that_opens_it() -> Result<()> {
    within(TEST, "workload ports", async {
        let estate = Estate::new("ports").await?;
        let _operator = estate.operate(estate.options()).await?;
        let with = |name: &str, ports: &str| HostOptions {
            workload_ports: ports.into(),
            ..HostOptions::named(name)
        };
        let closed = estate.host(with("closed", "none")).await?;
        let listener = json!({"hostInterfaces": [{
            "namespace": "wasi", "package": "http", "interfaces": ["incoming-handler"],
            "config": {"address": "0.0.0.0:8080"},
        }]});
        estate.create("listener", listener).await?;
        let words = "0/1 hosts: 1 do not let workloads open 0.0.0.0:8080 (--workload-ports)";
        estate
            .workload("listener", "refused", |w| {
                says(w, Reason::NoHostFits, words)
            })
            .await?;
        let open = estate.host(with("open", "any:8000-8999")).await?;
        estate.workload_ready("listener").await?;
        ensure!(open.running().len() == 1 && closed.starts() == 0);
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn w08_what_waits_is_never_replaced_and_the_highest_priority_is_served_first() -> Result<()> {
    within(TEST, "waiting", async {
        let estate = Estate::new("w08").await?;
        let _operator = estate.operate(estate.options()).await?;
        let full = HostOptions::named("full").capacity(1, 1 << 30);
        let full = estate.host(full).await?;
        let service = |priority: i32| {
            json!({
                "priority": priority,
                "service": {"image": "registry.example/service:1"},
                "components": [],
            })
        };
        estate.create("first", service(0)).await?;
        estate.workload_ready("first").await?;
        for (name, priority) in [("low", 1), ("high", 5), ("middle", 3)] {
            estate.create(name, service(priority)).await?;
            estate
                .workload(name, "waiting", |w| {
                    says(
                        w,
                        Reason::NoHostFits,
                        "0/1 hosts: 1 have too few instances left",
                    )
                })
                .await?;
        }
        let low = estate.workloads().get("low").await?.uid();
        let next = estate
            .host(HostOptions::named("next").capacity(2, 1 << 30))
            .await?;
        for name in ["high", "middle"] {
            estate.workload_ready(name).await?;
        }
        ensure!(next.running().len() == 2 && full.running().len() == 1);
        // Room that is given back is used at once.
        gone(&estate, "high").await?;
        let served = estate.workload_ready("low").await?;
        ensure!(served.uid() == low, "it is the one that was applied");
        // A cordon is one more reason to wait, and its end is noticed.
        cordon(&estate, "next", true).await?;
        until(PATIENCE, "the cordon to be seen", || async {
            estate.create("probe", service(0)).await?;
            let words = "1 have too few instances left";
            let waits = |w: &Workload| says(w, Reason::NoHostFits, words);
            let judged = estate.workload("probe", "waiting", waits).await;
            gone(&estate, "probe").await?;
            ensure!(says(&judged?, Reason::NoHostFits, "1 unschedulable"));
            anyhow::Ok(())
        })
        .await?;
        gone(&estate, "middle").await?;
        ensure!(next.running().len() == 1, "{:?}", next.log());
        let on = |group: &str| {
            let mut spec = service(0);
            spec["hostSelector"] = json!({"hostgroup": group});
            spec
        };
        estate.create("last", on("default")).await?;
        let words = "0/2 hosts: 1 unschedulable, 1 have too few instances left";
        let waits = |w: &Workload| says(w, Reason::NoHostFits, words);
        estate.workload("last", "waiting", waits).await?;
        // The free place was offered around, in vain, before that of this later host was: whoever gets it now gets it
        // for the end of the cordon.
        estate.create("witness", on("other")).await?;
        let words = "do not match hostSelector";
        let waits = |w: &Workload| says(w, Reason::NoHostFits, words);
        estate.workload("witness", "waiting", waits).await?;
        let other = HostOptions::named("other").label("hostgroup", "other");
        let _other = estate.host(other).await?;
        estate.workload_ready("witness").await?;
        cordon(&estate, "next", false).await?;
        estate.workload_ready("last").await?;
        ensure!(next.running().len() == 2 && full.running().len() == 1);
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cordoned_host_takes_nothing_new_and_keeps_what_it_has() -> Result<()> {
    within(TEST, "a cordon", async {
        let estate = Estate::new("cordon").await?;
        let _operator = estate.operate(estate.options()).await?;
        let host = estate.host(HostOptions::named("only")).await?;
        estate.create("before", json!({})).await?;
        estate.workload_ready("before").await?;
        cordon(&estate, "only", true).await?;
        until(PATIENCE, "the cordon to be seen", || async {
            let name = format!("probe-{}", uuid::Uuid::new_v4());
            estate.create(&name, json!({})).await?;
            let refused = |w: &Workload| says(w, Reason::NoHostFits, "0/1 hosts: 1 unschedulable");
            let judged = |w: &Workload| refused(w) || is_ready(w);
            let judged = estate.workload(&name, "judged", judged).await?;
            ensure!(refused(&judged), "{:?}", judged.status);
            anyhow::Ok(())
        })
        .await?;
        ensure!(!host.running().is_empty());
        cordon(&estate, "only", false).await?;
        for workload in estate.all_workloads().await? {
            estate.workload_ready(&workload.name_any()).await?;
        }
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn w07_why_an_image_is_refused_is_told_everywhere_and_nothing_is_recreated() -> Result<()> {
    within(TEST, "a registry that says 401", async {
        let estate = Estate::new("w07").await?;
        let _operator = estate.operate(estate.options()).await?;
        let host = estate.host(HostOptions::named("host")).await?;
        let image = "registry.example/private:1";
        let message = "registry.example: 401 Unauthorized";
        let reason = Reason::UnauthorizedRegistry;
        host.fail(image, reason, message);
        estate.apply("private", spec(1, image)).await?;
        let name = until(PATIENCE, "a Workload", || async {
            let all = estate.all_workloads().await?;
            all.first()
                .map(ResourceExt::name_any)
                .ok_or_else(|| anyhow!("none"))
        })
        .await?;
        let told = estate
            .workload(&name, "told", |w| says(w, reason, message))
            .await?;
        let error = told.status.as_ref().and_then(|s| s.last_error.clone());
        ensure!(error.is_some_and(|e| e.reason == reason.as_str() && e.message == message));
        estate.event(&name, reason.as_str()).await?;
        let sets: Api<WorkloadReplicaSet> =
            Api::namespaced(estate.client.clone(), &estate.namespace);
        until(PATIENCE, "every level to say why", || async {
            let set = sets.list(&ListParams::default()).await?.items.remove(0);
            let deployment = estate.deployments().get("private").await?;
            let levels = [
                set.status.map(|s| s.conditions),
                deployment.status.map(|s| s.conditions),
            ];
            for conditions in levels.into_iter().flatten() {
                let ready = condition::find(&conditions, "Ready");
                ensure!(
                    ready.is_some_and(|c| c.reason == reason.as_str() && c.message.contains(message)),
                    "{ready:?}"
                );
            }
            anyhow::Ok(())
        })
        .await?;
        // Tried again, by the same object, later and later.
        tries_with_pauses(&host).await?;
        ensure!(estate.workloads().get(&name).await?.uid() == told.uid());
        Ok(())
    })
    .await?
}
