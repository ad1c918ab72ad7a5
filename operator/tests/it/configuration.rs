//! Configuration, secrets and pull secrets: what a start carries, and what follows a change.

use crate::fixture::{PATIENCE, World, spec};
use anyhow::{Result, ensure};
use crd_types::{Workload, condition};
use k8s_openapi::api::core::v1::{ConfigMap, Secret, ServiceAccount};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Resource, ResourceExt};
use protocol::v2;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Debug;
use testbed::fake_hosts::{FakeHost, Speaks};
use testbed::wait::{TEST, until, within};

async fn create<K>(world: &World, object: Value) -> Result<()>
where
    K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    K: Clone + DeserializeOwned + Serialize + Debug,
{
    let api: Api<K> = Api::namespaced(world.client.clone(), "default");
    api.create(&PostParams::default(), &serde_json::from_value(object)?)
        .await?;
    Ok(())
}

/// Waits until what runs of the Deployment is one Workload that this holds of.
async fn runs(
    host: &FakeHost,
    deployment: &str,
    what: &str,
    holds: impl Fn(&v2::Workload) -> bool,
) -> Result<v2::Workload> {
    until(
        PATIENCE,
        &format!("{deployment} to run with {what}"),
        || async {
            let running = host.running().into_iter().filter_map(|s| s.workload);
            let mine: Vec<v2::Workload> =
                running.filter(|w| w.name.starts_with(deployment)).collect();
            let [only] = mine.as_slice() else {
                return Err(format!("{} Workloads", mine.len()));
            };
            holds(only)
                .then(|| only.clone())
                .ok_or_else(|| format!("{:?}", environment(only)))
        },
    )
    .await
}

fn environment(workload: &v2::Workload) -> BTreeMap<String, String> {
    let world = workload.wit_world.as_ref().unwrap();
    let resources = world.components[0].local_resources.as_ref().unwrap();
    resources.environment.clone()
}

fn login(workload: &v2::Workload) -> Option<(String, String)> {
    let secret = workload.wit_world.as_ref()?.components[0]
        .image_pull_secret
        .clone()?;
    Some((secret.username, secret.password))
}

/// Waits until a Workload of the Deployment is refused for this reason, in these words.
async fn refused(world: &World, deployment: &str, reason: &str, words: &str) -> Result<()> {
    let api: Api<Workload> = world.workloads();
    until(
        PATIENCE,
        &format!("{deployment} to say {reason}: {words}"),
        || async {
            let all = api.list(&ListParams::default()).await?.items;
            let mine = all.iter().filter(|w| w.name_any().starts_with(deployment));
            let said: Vec<String> = mine
                .filter_map(|w| w.status.as_ref())
                .filter(|status| status.host_id.is_none())
                .filter_map(|status| condition::find(&status.conditions, "Config"))
                .map(|config| format!("{}: {}", config.reason, config.message))
                .collect();
            let found = said
                .iter()
                .any(|s| s.starts_with(reason) && s.contains(words));
            ensure!(found, "{said:?}");
            anyhow::Ok(())
        },
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn w13_every_reference_is_checked_and_a_change_is_a_rollout_where_asked_for() -> Result<()> {
    within(TEST, "configuration", async {
        let mut world = World::new().await?;
        let host = world.host("ours", Speaks::Extension).await?;
        create::<ConfigMap>(&world, json!({"metadata": {"name": "settings"}, "data": {"MODE": "one"}})).await?;

        // References of host interfaces count too, and so do those to pull secrets.
        let mut wanted = spec(1, "registry.example/strict:1");
        wanted["template"]["spec"]["hostInterfaces"][0]["secretFrom"] = json!([{"name": "absent"}]);
        world.apply("strict", wanted.clone()).await?;
        refused(&world, "strict", "ConfigNotFound", "Secret absent does not exist").await?;
        wanted["template"]["spec"]["hostInterfaces"][0]["secretFrom"][0]["optional"] = json!(true);
        wanted["template"]["spec"]["components"][0]["imagePullSecret"] = json!({"name": "nowhere"});
        world.apply("strict", wanted.clone()).await?;
        refused(&world, "strict", "ConfigNotFound", "Secret nowhere").await?;
        create::<ConfigMap>(&world, json!({"metadata": {"name": "picture"}, "binaryData": {"logo": "AAEC"}})).await?;
        wanted["template"]["spec"]["components"][0] = json!({"name": "c", "image": "registry.example/strict:1",
            "localResources": {"environment": {"configFrom": [{"name": "picture"}]}}});
        world.apply("strict", wanted).await?;
        refused(&world, "strict", "ConfigInvalid", "ConfigMap picture has binaryData (logo)").await?;

        for (name, asked) in [("follows", true), ("stays", false)] {
            let mut wanted = spec(1, "registry.example/hello:1");
            wanted["template"]["spec"]["restartOnConfigChange"] = json!(asked);
            wanted["template"]["spec"]["components"][0]["localResources"] = json!({"environment": {
                "configFrom": [{"name": "settings"}], "secretFrom": [{"name": "later", "optional": true}]}});
            world.apply(name, wanted).await?;
            runs(&host, name, "the first state", |w| environment(w)["MODE"] == "one").await?;
            world.ready(name, 1).await?;
        }
        let hash = |name: &'static str| {
            let deployments = world.deployments();
            async move {
                let found = deployments.get(name).await?;
                anyhow::Ok(found.status.and_then(|s| s.current_replica_set).map(|r| r.name))
            }
        };
        let before = hash("follows").await?;
        let maps: Api<ConfigMap> = Api::namespaced(world.client.clone(), "default");
        let edit = Patch::Merge(json!({"data": {"MODE": "two"}}));
        maps.patch("settings", &PatchParams::default(), &edit).await?;
        runs(&host, "follows", "the second state", |w| environment(w)["MODE"] == "two").await?;
        world.ready("follows", 1).await?;
        ensure!(hash("follows").await? != before, "another ReplicaSet");
        // What did not exist at first counts as well.
        create::<Secret>(&world, json!({"metadata": {"name": "later"}, "stringData": {"MODE": "three"}})).await?;
        runs(&host, "follows", "the third state", |w| environment(w)["MODE"] == "three").await?;
        // Where it may list them the operator does not wait for its next look.
        world.stop_operator().await?;
        world.options.watch_config = true;
        world.options.config_interval = TEST * 60;
        world.start_operator();
        let secrets: Api<Secret> = Api::namespaced(world.client.clone(), "default");
        world.ready("follows", 1).await?;
        let edit = Patch::Merge(json!({"stringData": {"MODE": "four"}}));
        secrets.patch("later", &PatchParams::default(), &edit).await?;
        runs(&host, "follows", "the fourth state", |w| environment(w)["MODE"] == "four").await?;
        runs(&host, "stays", "the first state", |w| environment(w)["MODE"] == "one").await?;
        Ok(())
    })
    .await?
}

fn docker_config(name: &str, auths: &Value) -> Value {
    json!({"metadata": {"name": name}, "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": json!({"auths": auths}).to_string()}})
}

#[tokio::test(flavor = "multi_thread")]
async fn w14_credentials_go_with_images_they_are_for_and_with_no_other() -> Result<()> {
    within(TEST, "pull secrets", async {
        let world = World::new().await?;
        let host = world.host("ours", Speaks::Extension).await?;
        let user = |name: &str| json!({"username": name, "password": "p"});
        let named = json!({"private.example": user("all"), "private.example/team": user("team"), "*.wild.example:5000": user("wild")});
        create::<Secret>(&world, docker_config("named", &named)).await?;
        let account = json!({"private.example": user("account"), "token.example": {"registrytoken": "bearer"}});
        create::<Secret>(&world, docker_config("account", &account)).await?;
        let body = json!({"metadata": {"name": "default"}, "imagePullSecrets": [{"name": "gone"}, {"name": "account"}]});
        let accounts: Api<ServiceAccount> = Api::namespaced(world.client.clone(), "default");
        let params = PatchParams::apply("test").force();
        let mut applied = body;
        applied["apiVersion"] = json!("v1");
        applied["kind"] = json!("ServiceAccount");
        accounts.patch("default", &params, &Patch::Apply(&applied)).await?;

        for (name, image, secret, expected) in [
            ("team", "private.example/team/app:1", Some("named"), Some("team")),
            ("all", "private.example/other:1", Some("named"), Some("all")),
            ("wild", "eu.wild.example:5000/app:1", Some("named"), Some("wild")),
            // Another registry's secret is no reason to send anything.
            ("public", "public.example/app:1", Some("named"), None),
            ("account", "private.example/app:1", None, Some("account")),
            ("nothing", "public.example/app:1", None, None),
            ("token", "token.example/app:1", None, None),
        ] {
            let mut wanted = spec(1, image);
            if let Some(secret) = secret {
                wanted["template"]["spec"]["components"][0]["imagePullSecret"] = json!({"name": secret});
            }
            world.apply(name, wanted).await?;
            let sent = runs(&host, name, "its login", |_| true).await?;
            let sent = login(&sent).map(|(username, _)| username);
            ensure!(sent.as_deref() == expected, "{name}: {sent:?}");
        }
        let token = host.held().into_iter().find_map(|(_, held)| {
            let mine = held.start.workload.as_ref()?.name.starts_with("token");
            mine.then(|| held.extension.components["c"].registry_token.clone())
        });
        ensure!(token.as_deref() == Some("bearer"), "{token:?}");
        accounts.delete("default", &DeleteParams::default()).await?;
        Ok(())
    })
    .await?
}
