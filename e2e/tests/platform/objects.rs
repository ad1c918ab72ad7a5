//! Manifests, and what kubectl shows of the objects they become.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testbed::kube::Kubectl;
use testbed::wait;

/// A rollout pulls, compiles, starts, waits for the old replicas' drain.
pub const ROLLOUT: Duration = Duration::from_secs(50);

/// A Service and, behind it, a deployment of one component; `<name>.test` is its own host name.
pub fn deployment(name: &str, image: &str, replicas: u32) -> String {
    handling(name, image, replicas, "incoming-handler")
}

/// The same for a component that handles requests by another interface: `handler` is that of WASI 0.3.
pub fn handling(name: &str, image: &str, replicas: u32, interface: &str) -> String {
    let service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name},
        "spec": {"ports": [{"name": "http", "port": 80, "protocol": "TCP"}]},
    });
    let deployment = json!({
        "apiVersion": "runtime.wasmcloud.dev/v1alpha1", "kind": "WorkloadDeployment",
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "template": {"spec": {
            "components": [{"name": "main", "image": image}],
            "hostInterfaces": [{
                "namespace": "wasi", "package": "http", "interfaces": [interface],
                "config": {"host": format!("{name}.test"), "host-aliases": format!("{name}.alias.test")},
            }],
            "kubernetes": {"service": {"name": name}},
        }}},
    });
    format!("{service}\n---\n{deployment}\n")
}

/// All objects of a kind in the namespace `default`; of hosts, those of every namespace.
pub async fn list(kubectl: &Kubectl, kind: &str) -> Result<Vec<Value>> {
    let all: &[&str] = if kind == "hosts" {
        &["--all-namespaces"]
    } else {
        &[]
    };
    let arguments = [&["get", kind, "-o", "json"], all].concat();
    let list: Value = serde_json::from_str(&kubectl.run(&arguments).await?)?;
    Ok(list["items"]
        .as_array()
        .context("kubectl printed no list")?
        .clone())
}

/// One object of the namespace `default`.
pub async fn object(kubectl: &Kubectl, name: &str) -> Result<Value> {
    Ok(serde_json::from_str(
        &kubectl.run(&["get", name, "-o", "json"]).await?,
    )?)
}

/// The condition `type_` of an object.
pub fn condition<'a>(object: &'a Value, type_: &str) -> Option<&'a Value> {
    object["status"]["conditions"]
        .as_array()?
        .iter()
        .find(|condition| condition["type"] == type_)
}

/// Whether the object's condition Ready is True, and of its present generation.
pub fn is_ready(object: &Value) -> bool {
    condition(object, "Ready").is_some_and(|ready| {
        let observed = ready["observedGeneration"].as_i64();
        let generation = object["metadata"]["generation"].as_i64();
        ready["status"] == "True"
            && (observed.is_none() || generation.is_none() || observed >= generation)
    })
}

/// Waits until the deployment is Ready with exactly `replicas` workloads, all Ready; returns them.
pub async fn ready(kubectl: &Kubectl, name: &str, replicas: usize) -> Result<Vec<Value>> {
    wait::until(
        ROLLOUT,
        &format!("{name} to be Ready with {replicas} replicas"),
        || async {
            let deployment = object(kubectl, &format!("workloaddeployment/{name}")).await?;
            let workloads = list(kubectl, "workloads").await?;
            let ready = workloads
                .iter()
                .filter(|workload| is_ready(workload))
                .count();
            ensure!(
                is_ready(&deployment) && ready == replicas && workloads.len() == replicas,
                "{ready} of {} workloads ready; status: {}; workloads: {}",
                workloads.len(),
                deployment["status"],
                json!(
                    workloads
                        .iter()
                        .map(|workload| &workload["status"])
                        .collect::<Vec<_>>()
                )
            );
            Ok::<_, anyhow::Error>(workloads)
        },
    )
    .await
}

/// Name, uid, host and id of each workload: what changes when one moves or is started again.
pub fn placements(workloads: &[Value]) -> Vec<String> {
    let mut placements: Vec<String> = workloads
        .iter()
        .map(|workload| {
            let (meta, status) = (&workload["metadata"], &workload["status"]);
            format!(
                "{} {} {} {}",
                meta["name"], meta["uid"], status["hostId"], status["workloadId"]
            )
        })
        .collect();
    placements.sort();
    placements
}

/// How many workloads each host (by id) has.
pub fn spread(workloads: &[Value]) -> BTreeMap<String, usize> {
    let mut spread = BTreeMap::new();
    for workload in workloads {
        let host = workload["status"]["hostId"]
            .as_str()
            .unwrap_or("none")
            .to_owned();
        *spread.entry(host).or_insert(0) += 1;
    }
    spread
}
