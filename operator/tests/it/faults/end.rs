//! What there is to be in the end, and how that is seen.

use super::town::{NAME, PATIENCE, Town};
use anyhow::{Result, anyhow, ensure};
use crd_types::{Host, Workload, WorkloadDeployment, WorkloadReplicaSet, condition};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use testbed::wait::until;

/// What there is to be in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// So many replicas of this image, all Ready, each on one host, and nothing else anywhere. The Service leads to
    /// their hosts.
    Replicas(usize, String),
    /// Nothing.
    Nothing,
}

impl Town {
    /// Waits until each host has an object that is Ready.
    pub async fn knows_its_hosts(&self) -> Result<()> {
        until(PATIENCE, "the Hosts to be Ready", || async {
            let all = self.api::<Host>().list(&ListParams::default()).await?;
            let ready = |host: &&Host| {
                let status = host.status.as_ref();
                status.is_some_and(|s| condition::is_true(&s.conditions, "Ready"))
            };
            let ready = all.iter().filter(ready).count();
            ensure!(ready == self.fleet.hosts().len(), "{ready}");
            anyhow::Ok(())
        })
        .await
    }

    /// Waits until it is at this end.
    pub async fn reaches(&self, end: &End) -> Result<()> {
        let what = format!("{}: {end:?}", self.namespace);
        let came = until(PATIENCE, &what, || self.is_at(end)).await;
        self.or_picture(came).await
    }

    /// Waits until it is at this end and stays there: the operator has looked at everything twice more, and found
    /// nothing to write.
    pub async fn comes_to(&self, end: &End) -> Result<()> {
        let what = format!("{}: {end:?}, for good", self.namespace);
        let came = until(PATIENCE, &what, || async {
            self.is_at(end).await?;
            let writes = self.writes().len();
            self.is_looked_at_twice().await?;
            let mut more = self.writes().split_off(writes);
            // When a host was last seen moves all the time, and is written within a budget of its own.
            more.retain(|write| !write.contains("/hosts/"));
            ensure!(more.is_empty(), "still written: {more:?}");
            self.is_at(end).await
        })
        .await;
        self.or_picture(came).await
    }

    /// Waits until every host that has anything was asked twice what it has, as far as it can say, or how all of it
    /// does.
    async fn is_looked_at_twice(&self) -> Result<()> {
        let hosts = self.fleet.hosts();
        let before: Vec<_> = hosts.iter().map(|h| (h.inventories(), h.looks())).collect();
        until(PATIENCE, "two more looks at each host", || async {
            for (host, (inventories, looks)) in hosts.iter().zip(&before) {
                let held = host.held().len();
                let looked =
                    host.inventories() >= inventories + 2 || host.looks() >= looks + 2 * held;
                ensure!(!host.connected() || looked, "{}", host.name());
            }
            Ok(())
        })
        .await
    }

    async fn or_picture(&self, came: Result<()>) -> Result<()> {
        match came {
            Ok(()) => Ok(()),
            Err(error) => Err(error.context(self.picture().await?)),
        }
    }

    /// What there is, for who has to find out why it is not what it should be.
    async fn picture(&self) -> Result<String> {
        let all = ListParams::default();
        let mut lines = Vec::new();
        for host in self.api::<Host>().list(&all).await? {
            lines.push(json!({"Host": host.name_any(), "id": host.host_id, "status": host.status}));
        }
        for set in self.api::<WorkloadReplicaSet>().list(&all).await? {
            let replicas = set.spec.desired();
            lines.push(
                json!({"ReplicaSet": set.name_any(), "replicas": replicas, "status": set.status}),
            );
        }
        for workload in self.api::<Workload>().list(&all).await? {
            lines.push(json!({
                "Workload": workload.name_any(), "metadata": workload.metadata, "status": workload.status,
            }));
        }
        for host in self.fleet.hosts() {
            let held: Vec<_> = host.held().into_iter().map(|(id, _)| id).collect();
            lines.push(json!({"host": host.id, "holds": held}));
        }
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        Ok(lines.join("\n"))
    }

    async fn is_at(&self, end: &End) -> Result<()> {
        let all = ListParams::default();
        let deployments = self.api::<WorkloadDeployment>().list(&all).await?.items;
        if *end != End::Nothing {
            // Before anything else is asked for: most looks end here.
            is_ready(&deployments)?;
        }
        let sets = self.api::<WorkloadReplicaSet>().list(&all).await?.items;
        let workloads = self.api::<Workload>().list(&all).await?.items;
        let (replicas, image) = match end {
            End::Nothing => {
                let left = deployments.len() + sets.len() + workloads.len();
                ensure!(left == 0, "{left} objects are left");
                self.nothing_else_runs(&[])?;
                return self.leads_to(&[]).await;
            }
            End::Replicas(replicas, image) => (*replicas, image),
        };
        let in_use: Vec<_> = sets.iter().filter(|s| s.spec.desired() > 0).collect();
        ensure!(
            in_use.len() == 1 && in_use[0].spec.desired() as usize == replicas,
            "{} ReplicaSets are in use",
            in_use.len()
        );
        ensure!(workloads.len() == replicas, "{} Workloads", workloads.len());
        for workload in &workloads {
            let name = workload.name_any();
            let status = workload.status.clone().unwrap_or_default();
            ensure!(
                workload.metadata.deletion_timestamp.is_none(),
                "{name} leaves"
            );
            ensure!(
                condition::is_true(&status.conditions, "Ready"),
                "{name} is not Ready"
            );
            let found = &workload.spec.components[0].image;
            ensure!(found == image, "{name} is of {found}");
        }
        self.nothing_else_runs(&workloads)?;
        self.leads_to(&workloads).await
    }

    /// Each of these is on the host that its status names, once, and hosts have nothing else.
    fn nothing_else_runs(&self, workloads: &[Workload]) -> Result<()> {
        let wanted: BTreeMap<String, String> = workloads
            .iter()
            .map(|w| (w.uid().unwrap_or_default(), host_of(w)))
            .collect();
        let mut found = BTreeMap::new();
        for host in self.fleet.hosts() {
            for (id, held) in host.held() {
                ensure!(
                    wanted.get(&id) == Some(&host.id),
                    "{} has {id} ({:?}), which is to be at {:?}",
                    host.name(),
                    held.state,
                    wanted.get(&id)
                );
                found.insert(id, host.id.clone());
            }
        }
        ensure!(
            found == wanted,
            "{} of {} are held",
            found.len(),
            wanted.len()
        );
        Ok(())
    }

    /// The slices of the Service name the hosts of these, each once, and send requests to all of them.
    async fn leads_to(&self, workloads: &[Workload]) -> Result<()> {
        let ids: BTreeSet<String> = workloads.iter().map(host_of).collect();
        let hosts = self.fleet.hosts();
        let used = hosts.iter().filter(|host| ids.contains(&host.id));
        let mut wanted: Vec<(String, bool)> = used.map(|host| (host.address(), true)).collect();
        let of_it = ListParams::default().labels(&format!("kubernetes.io/service-name={NAME}"));
        let slices = self.api::<EndpointSlice>().list(&of_it).await?.items;
        let endpoints = slices.iter().flat_map(|s| s.endpoints.iter().flatten());
        let mut found: Vec<(String, bool)> = endpoints
            .map(|e| {
                let is = e.conditions.clone().unwrap_or_default();
                let serves = is.ready == Some(true) && is.terminating != Some(true);
                (e.addresses.join(","), serves)
            })
            .collect();
        wanted.sort();
        found.sort();
        ensure!(
            found == wanted,
            "the Service leads to {found:?}, not to {wanted:?}"
        );
        Ok(())
    }
}

fn host_of(workload: &Workload) -> String {
    let status = workload.status.as_ref();
    status.and_then(|s| s.host_id.clone()).unwrap_or_default()
}

fn is_ready(deployments: &[WorkloadDeployment]) -> Result<()> {
    let [deployment] = deployments else {
        return Err(anyhow!("{} Deployments", deployments.len()));
    };
    let status = deployment.status.clone().unwrap_or_default();
    ensure!(
        status.observed_generation == deployment.metadata.generation,
        "the Deployment is not observed"
    );
    let ready = condition::find(&status.conditions, "Ready");
    ensure!(condition::is_true(&status.conditions, "Ready"), "{ready:?}");
    Ok(())
}
