//! EndpointSlices on a real API server: whatever order things come in, whoever touches them.

use crate::crowd::sum;
use crate::fixture::{PATIENCE, World, spec};
use anyhow::{Result, ensure};
use crd_types::{ConditionStatus, condition};
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::events::v1::Event;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Resource, ResourceExt};
use serde_json::{Value, json};
use std::time::Duration;
use testbed::fake_hosts::{HostOptions, Speaks};
use testbed::wait::{TEST, until, within};

/// Slices of one Service in the namespace `default`.
struct Slices {
    api: Api<EndpointSlice>,
    service: String,
}

impl Slices {
    fn of(world: &World, service: &str) -> Self {
        Self {
            api: Api::namespaced(world.client.clone(), "default"),
            service: service.into(),
        }
    }

    async fn all(&self) -> Result<Vec<EndpointSlice>> {
        let selector = format!("kubernetes.io/service-name={}", self.service);
        Ok(self
            .api
            .list(&ListParams::default().labels(&selector))
            .await?
            .items)
    }

    /// Waits until the endpoints are these: address, ready, terminating.
    async fn are(&self, wanted: &[(&str, bool, bool)]) -> Result<Vec<EndpointSlice>> {
        until(
            PATIENCE,
            &format!("{} to lead to {wanted:?}", self.service),
            || async {
                let all = self.all().await?;
                let mut found: Vec<(String, bool, bool)> = all
                    .iter()
                    .flat_map(|s| s.endpoints.iter().flatten())
                    .map(|e| {
                        let is = e.conditions.clone().unwrap_or_default();
                        let terminating = is.terminating.unwrap_or_default();
                        (
                            e.addresses.join(","),
                            is.ready.unwrap_or_default(),
                            terminating,
                        )
                    })
                    .collect();
                found.sort();
                let same = found.len() == wanted.len()
                    && found
                        .iter()
                        .zip(wanted)
                        .all(|(f, w)| (f.0.as_str(), f.1, f.2) == *w);
                ensure!(same, "{found:?}");
                anyhow::Ok(all)
            },
        )
        .await
    }
}

async fn create_service(world: &World, name: &str, spec: Value) -> Result<()> {
    let api: Api<Service> = Api::namespaced(world.client.clone(), "default");
    let service = serde_json::from_value(json!({"metadata": {"name": name}, "spec": spec}))?;
    api.create(&PostParams::default(), &service).await?;
    Ok(())
}

async fn told(world: &World, service: &str, reason: &str) -> Result<()> {
    let events: Api<Event> = Api::namespaced(world.client.clone(), "default");
    until(
        PATIENCE,
        &format!("an Event {reason} about {service}"),
        || async {
            let all = events.list(&ListParams::default()).await?.items;
            let told = all.iter().any(|e| {
                e.reason.as_deref() == Some(reason)
                    && e.regarding.as_ref().and_then(|r| r.name.as_deref()) == Some(service)
            });
            ensure!(told, "{} Events", all.len());
            anyhow::Ok(())
        },
    )
    .await
}

/// Looks at Services that ended well.
fn looks(world: &World) -> Result<f64> {
    let series = "controller_runtime_reconcile_total{controller=\"Route\",result=\"success\"";
    sum(&world.metrics, series, &[])
}

fn behind(service: &str, host: &str) -> Value {
    let mut wanted = spec(1, "registry.example/hello:1");
    wanted["template"]["spec"]["hostId"] = json!(host);
    wanted["kubernetes"] = json!({"service": {"name": service}});
    wanted
}

#[tokio::test(flavor = "multi_thread")]
async fn w32_slices_follow_the_service_the_host_and_whoever_edits_them() -> Result<()> {
    within(TEST, "slices that follow", async {
        let world = World::new().await?;
        let host = world.host("ours", Speaks::Extension).await?;
        world.apply("hello", behind("hello", &host.id)).await?;
        world.ready("hello", 1).await?;
        // The Service comes last.
        create_service(&world, "hello", json!({"ports": [{"name": "http", "port": 80}]})).await?;
        let slices = Slices::of(&world, "hello");
        let first = slices.are(&[("10.1.2.3", true, false)]).await?.remove(0);
        let name = first.name_any();

        slices.api.delete(&name, &DeleteParams::default()).await?;
        let again = slices.are(&[("10.1.2.3", true, false)]).await?.remove(0);
        ensure!(again.name_any() == name && again.uid() != first.uid());

        let edit = json!({"endpoints": [{"addresses": ["10.9.9.9"]}], "metadata": {"ownerReferences": null, "labels": {"team": "a"}}});
        slices.api.patch(&name, &PatchParams::default(), &Patch::Merge(edit)).await?;
        let repaired = slices.are(&[("10.1.2.3", true, false)]).await?.remove(0);
        ensure!(repaired.meta().owner_references == again.meta().owner_references);
        ensure!(repaired.labels().get("team").map(String::as_str) == Some("a"), "others' labels stay");

        // What does not carry our label is not ours, even under our name.
        let edit = json!({"metadata": {"labels": {"wasmcloud.dev/route-manager": null}}});
        slices.api.patch(&name, &PatchParams::default(), &Patch::Merge(edit)).await?;
        until(PATIENCE, "a slice beside the one taken away", || async {
            let all = slices.all().await?;
            ensure!(all.len() == 2 && all.iter().any(|s| s.name_any() == name), "{} slices", all.len());
            anyhow::Ok(())
        })
        .await?;
        slices.api.delete(&name, &DeleteParams::default()).await?;

        // Another Service: the old one's slice goes with the last Workload behind it.
        create_service(&world, "other", json!({"ports": [{"name": "http", "port": 80}]})).await?;
        world.apply("hello", behind("other", &host.id)).await?;
        Slices::of(&world, "other").are(&[("10.1.2.3", true, false)]).await?;
        slices.are(&[]).await?;

        drop(host);
        Slices::of(&world, "other").are(&[]).await?;
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn w32_slices_follow_a_host_s_port_its_address_and_its_silence() -> Result<()> {
    within(TEST, "a host that changes", async {
        let mut world = World::new().await?;
        world.stop_operator().await?;
        world.options.liveness.window = Duration::from_secs(2);
        world.start_operator();
        let host = world.host("ours", Speaks::Extension).await?;
        world.apply("hello", behind("hello", &host.id)).await?;
        world.ready("hello", 1).await?;
        create_service(
            &world,
            "hello",
            json!({"ports": [{"name": "http", "port": 80}]}),
        )
        .await?;
        let slices = Slices::of(&world, "hello");
        let lead_to = async |address: &str, port: i32| {
            until(
                PATIENCE,
                &format!("the slice to say {address}:{port}"),
                || async {
                    let slice = slices.are(&[(address, true, false)]).await?.remove(0);
                    let ports: Vec<_> = slice.ports.iter().flatten().map(|p| p.port).collect();
                    ensure!(ports == [Some(port)], "{ports:?}");
                    anyhow::Ok(())
                },
            )
            .await
        };
        lead_to("10.1.2.3", 8000).await?;
        // Each change is written, and what was written is looked at once more: only then the next change comes, so that
        // no look that was due anyway finds it.
        let changed = async |address: &str, port: i32| {
            let before = looks(&world)?;
            let change = |options: &mut HostOptions| {
                options.http_port = port.unsigned_abs();
                options.hostname = address.into();
            };
            host.change(change).await;
            lead_to(address, port).await?;
            until(PATIENCE, "the slice to be looked at", || async {
                let now = looks(&world)?;
                ensure!(now >= before + 2.0, "{now} of {before} + 2");
                anyhow::Ok(())
            })
            .await
        };
        changed("10.1.2.3", 9000).await?;
        changed("10.1.2.3", 9001).await?;
        changed("10.1.2.4", 9001).await?;
        changed("10.1.2.5", 9001).await?;
        ensure!(
            host.starts() == 1,
            "nothing was started for that: {:?}",
            host.log()
        );

        // It goes on, unheard: nobody is sent there until it is back.
        host.disconnect();
        slices.are(&[]).await?;
        let hosts: Api<crd_types::Host> = Api::namespaced(world.client.clone(), "default");
        until(PATIENCE, "the Host not to be Ready", || async {
            let conditions = hosts
                .get("ours")
                .await?
                .status
                .unwrap_or_default()
                .conditions;
            let ready = condition::find(&conditions, "Ready");
            ensure!(
                ready.is_some_and(|c| c.status == ConditionStatus::False),
                "{ready:?}"
            );
            anyhow::Ok(())
        })
        .await?;
        host.reconnect().await?;
        lead_to("10.1.2.5", 9001).await
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn w33_slices_have_families_ports_pods_and_states() -> Result<()> {
    within(TEST, "what is in a slice", async {
        let world = World::new().await?;
        let six = world.host_with(HostOptions::named("six").hostname("fd00::7")).await?;
        let local = world.host_with(HostOptions::named("local").hostname("127.0.0.1")).await?;
        let pods: Api<Pod> = Api::namespaced(world.client.clone(), "default");
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "host-0", "labels": {"wasmcloud.com/hostgroup": "default", "topology.kubernetes.io/zone": "eu-1a"}},
            "spec": {"nodeName": "node-1", "containers": [{"name": "host", "image": "host"}]},
        }))?;
        pods.create(&PostParams::default(), &pod).await?;
        let status = json!({"status": {"phase": "Running", "podIP": "10.7.7.7", "podIPs": [{"ip": "10.7.7.7"}]}});
        pods.patch_status("host-0", &PatchParams::default(), &Patch::Merge(status)).await?;
        let base = world.host_with(HostOptions::named("base").speaks(Speaks::Base).hostname("host-0")).await?;

        let ports = json!([{"name": "web", "port": 80, "targetPort": 8000}, {"name": "metrics", "port": 9090}]);
        create_service(&world, "six", json!({"clusterIP": "None", "ipFamilies": ["IPv6"], "ipFamilyPolicy": "SingleStack", "ports": ports})).await?;
        create_service(&world, "local", json!({"ports": ports})).await?;
        create_service(&world, "pod", json!({"ports": [{"port": 80}]})).await?;
        create_service(&world, "picky", json!({"ports": ports, "selector": {"app": "x"}})).await?;
        create_service(&world, "deaf", json!({"ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]})).await?;
        for (name, host) in [("six", &six), ("local", &local), ("pod", &base), ("picky", &base), ("deaf", &base)] {
            world.apply(name, behind(name, &host.id)).await?;
        }

        let slice = Slices::of(&world, "six").are(&[("fd00::7", true, false)]).await?.remove(0);
        ensure!(slice.address_type == "IPv6");
        let named: Vec<_> = slice.ports.iter().flatten().map(|p| (p.name.as_deref(), p.port)).collect();
        ensure!(named == [(Some("web"), Some(8000))], "{named:?}");

        let slices = Slices::of(&world, "pod");
        let slice = slices.are(&[("10.7.7.7", true, false)]).await?.remove(0);
        let endpoint = &slice.endpoints.as_ref().unwrap()[0];
        ensure!(endpoint.node_name.as_deref() == Some("node-1") && endpoint.zone.as_deref() == Some("eu-1a"));
        ensure!(endpoint.target_ref.as_ref().and_then(|t| t.name.as_deref()) == Some("host-0"));

        told(&world, "local", "AddressNotRoutable").await?;
        told(&world, "picky", "ServiceHasSelector").await?;
        told(&world, "deaf", "ServicePortUnknown").await?;
        for none in ["local", "picky", "deaf"] {
            Slices::of(&world, none).are(&[]).await?;
        }

        // A host of the reference stops a workload at once: its endpoint leaves first.
        let workloads = world.workloads();
        let mine = workloads.list(&ListParams::default()).await?.items;
        let mine = mine.iter().find(|w| w.name_any().starts_with("pod-")).unwrap().name_any();
        world.apply("pod", {
            let mut none = behind("pod", &base.id);
            none["replicas"] = json!(0);
            none
        }).await?;
        slices.are(&[("10.7.7.7", false, true)]).await?;
        ensure!(base.running().iter().any(|s| s.workload.as_ref().unwrap().name == mine), "the stop is sent later");
        slices.are(&[]).await?;
        ensure!(!base.running().iter().any(|s| s.workload.as_ref().unwrap().name == mine));
        Ok(())
    })
    .await?
}

#[tokio::test(flavor = "multi_thread")]
async fn w33_a_service_of_two_families_has_slices_of_both() -> Result<()> {
    within(TEST, "two families", async {
        let world = World::new().await?;
        let host = HostOptions {
            addresses: vec!["fd00::9".into(), "fe80::1".into()],
            ..HostOptions::named("both").hostname("10.8.8.8")
        };
        let host = world.host_with(host).await?;
        let spec = json!({
            "ipFamilyPolicy": "RequireDualStack", "ports": [{"name": "http", "port": 80}],
        });
        create_service(&world, "both", spec).await?;
        world.apply("both", behind("both", &host.id)).await?;
        let both = [("10.8.8.8", true, false), ("fd00::9", true, false)];
        let slices = Slices::of(&world, "both").are(&both).await?;
        let mut families: Vec<&str> = slices.iter().map(|s| s.address_type.as_str()).collect();
        families.sort_unstable();
        ensure!(families == ["IPv4", "IPv6"], "{families:?}");
        Ok(())
    })
    .await?
}
