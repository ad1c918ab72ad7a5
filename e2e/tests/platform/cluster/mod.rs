//! A platform of built binaries, with either control plane.
//!
//! - `api`: the API server and its accounts.
//! - `plan`: what to start.
//! - `binaries`: starting each of them.
//! - `image`: publishing a component where hosts pull it from.
//! - `request`: one HTTP request by Host header.
//!
//! Scenarios never ask which control plane it is: whatever differs is here.

mod api;
mod binaries;
mod image;
mod operators;
mod plan;
mod request;
mod starts;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use testbed::kube::Kubectl;
use testbed::nats::NatsServer;
use testbed::registry::Registry;
use testbed::{Process, wait};

pub use api::{SYSTEM, may};
pub use plan::{Apart, Hosts};
pub use request::{Answer, get};
pub use starts::Starts;

use api::{Api, Kind};
use binaries::{HostFlags, Operator, WashUp};

/// How long anything that is not a rollout or a lost host may take to show.
pub const SOON: Duration = Duration::from_secs(30);

/// A running platform; gone when dropped.
pub struct Cluster {
    // Fields drop in order: what depends on a server goes before it.
    hosts: Vec<Host>,
    operators: Vec<Operator>,
    api: Api,
    nats: Option<Arc<NatsServer>>,
    registry: Arc<Registry>,
    folder: tempfile::TempDir,
}

/// One host.
struct Host {
    /// `None` for the host inside `wash up`.
    process: Option<Process>,
    /// Its name in `kubectl get hosts`, where it has a process of its own.
    name: String,
    http: String,
}

/// What several clusters can have in common.
struct Shared {
    nats: Arc<NatsServer>,
    registry: Arc<Registry>,
}

impl Cluster {
    /// Starts the platform that `E2E_CLUSTER` names, and waits until its hosts are Ready.
    pub async fn start(hosts: Hosts) -> Result<Self> {
        let count = match hosts {
            Hosts::One => 1,
            Hosts::TwoOverNats => 2,
        };
        if Kind::from_env()? == Kind::Real {
            let plan = Apart {
                hosts: count,
                ..Apart::default()
            };
            return Self::apart(&plan).await;
        }
        // `wash up`: API server, operator and, with `Hosts::One`, the host in one process.
        let folder = folder()?;
        let registry = Arc::new(Registry::start().await?);
        let nats = match hosts {
            Hosts::One => None,
            Hosts::TwoOverNats => Some(Arc::new(NatsServer::start().await?)),
        };
        let http = format!("127.0.0.1:{}", testbed::free_port()?);
        let api = Api::embedded(WashUp {
            folder: folder.path(),
            http: &http,
            nats: nats.as_ref().map(|nats| nats.url()),
            operator: true,
        })
        .await?;
        let mut cluster = Self {
            hosts: Vec::new(),
            operators: Vec::new(),
            api,
            nats,
            registry,
            folder,
        };
        if hosts == Hosts::One {
            cluster.hosts.push(Host {
                process: None,
                name: String::new(),
                http,
            });
        } else {
            cluster.add_hosts(count, "default")?;
        }
        cluster.hosts_are_ready().await?;
        Ok(cluster)
    }

    /// Starts operators and hosts as processes of their own, beside the API server that `E2E_CLUSTER` names.
    pub async fn apart(plan: &Apart) -> Result<Self> {
        let (nats, registry) = tokio::try_join!(NatsServer::start(), Registry::start())?;
        let shared = Shared {
            nats: Arc::new(nats),
            registry: Arc::new(registry),
        };
        Self::on(Kind::from_env()?, plan, shared).await
    }

    /// A second control plane, whose hosts and operators share this one's bus.
    pub async fn beside(&self, plan: &Apart) -> Result<Self> {
        let nats = self.nats.clone().context("this cluster has no NATS")?;
        let registry = self.registry.clone();
        Self::on(Kind::Embedded, plan, Shared { nats, registry }).await
    }

    async fn on(kind: Kind, plan: &Apart, shared: Shared) -> Result<Self> {
        let folder = folder()?;
        let url = shared.nats.url();
        let api = match kind {
            Kind::Real => Api::real().await?,
            Kind::Embedded => {
                Api::embedded(WashUp {
                    folder: folder.path(),
                    http: "",
                    nats: Some(url.clone()),
                    operator: false,
                })
                .await?
            }
        };
        let account = api.operator_account(folder.path(), &plan.watch).await?;
        let mut operators = Vec::new();
        for index in 1..=plan.operators {
            let name = format!("operator-{index}");
            let elect = plan.operators > 1;
            let mut operator =
                Operator::new(folder.path(), &name, &account, &url, &plan.watch, elect)?;
            operator.start().await?;
            operators.push(operator);
        }
        let mut cluster = Self {
            hosts: Vec::new(),
            operators,
            api,
            nats: Some(shared.nats),
            registry: shared.registry,
            folder,
        };
        cluster.add_hosts(plan.hosts, &plan.group)?;
        cluster.hosts_are_ready().await?;
        Ok(cluster)
    }

    fn add_hosts(&mut self, count: usize, group: &str) -> Result<()> {
        let nats = self.nats.as_ref().context("hosts join over NATS")?.url();
        let prefix = if group == "default" { "host" } else { group };
        for index in 1..=count {
            let name = format!("{prefix}-{index}");
            let http = format!("127.0.0.1:{}", testbed::free_port()?);
            let mut process = binaries::host(&HostFlags {
                folder: self.folder.path(),
                name: &name,
                group,
                http: &http,
                nats: &nats,
            })?;
            process.start()?;
            self.hosts.push(Host {
                process: Some(process),
                name,
                http,
            });
        }
        Ok(())
    }

    /// Waits until the hosts of this cluster are Ready; others' may be listed too.
    async fn hosts_are_ready(&self) -> Result<()> {
        let kubectl = self.kubectl()?;
        wait::until(SOON, "the hosts to be Ready", || async {
            let hosts = crate::objects::list(&kubectl, "hosts").await?;
            let ready = hosts
                .iter()
                .filter(|host| crate::objects::is_ready(host) && self.owns(host))
                .count();
            anyhow::ensure!(
                ready == self.hosts.len(),
                "{ready} of {} are ready: {hosts:?}",
                self.hosts.len()
            );
            Ok::<_, anyhow::Error>(())
        })
        .await
        .with_context(|| self.logs())
    }

    fn owns(&self, host: &serde_json::Value) -> bool {
        let name = host["metadata"]["name"].as_str().unwrap_or_default();
        self.hosts
            .iter()
            .any(|own| own.process.is_none() || own.name == name)
    }

    /// kubectl as the administrator.
    pub fn kubectl(&self) -> Result<Kubectl> {
        Kubectl::new(&self.api.admin())
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.api.admin()
    }

    /// Pushes the built component `name` as `image` (`hello:1`), and returns its reference.
    pub async fn publish(&self, name: &str, image: &str) -> Result<String> {
        let reference = self.registry.image(image);
        image::push(
            &testbed::guests::path(name)?,
            &reference,
            self.folder.path(),
        )
        .await?;
        Ok(reference)
    }

    /// A reference that the registry does not have.
    pub fn missing_image(&self) -> String {
        self.registry.image("never-pushed:1")
    }

    /// `GET path` by Host header from the host number `index`.
    pub async fn get(&self, index: usize, host: &str, path: &str) -> Result<Answer> {
        let at = self
            .hosts
            .get(index)
            .with_context(|| format!("there is no host {index}"))?;
        request::get(&at.http, host, path).await
    }

    /// Waits until `GET path` by Host header answers as `expected` says.
    pub async fn answers(
        &self,
        host: &str,
        path: &str,
        expected: impl Fn(&Answer) -> bool,
        what: &str,
    ) -> Result<Answer> {
        wait::until(SOON, what, || async {
            let answer = self.get(0, host, path).await?;
            anyhow::ensure!(expected(&answer), "{answer:?}");
            Ok::<_, anyhow::Error>(answer)
        })
        .await
        .with_context(|| self.logs())
    }

    /// The name of host number `index`, where it has a process of its own.
    pub fn host_name(&self, index: usize) -> &str {
        &self.hosts[index].name
    }

    /// Ends host number `index` as `kill -9` does.
    pub fn kill_host(&mut self, index: usize) -> Result<()> {
        let process = self.hosts[index]
            .process
            .as_mut()
            .context("this host has no process of its own")?;
        process.kill();
        Ok(())
    }

    /// The ends of all logs, for an error.
    pub fn logs(&self) -> String {
        let api = ("API server", self.api.log_tail());
        let operators = self
            .operators
            .iter()
            .map(|operator| (operator.name(), operator.process.log_tail()));
        let hosts = self
            .hosts
            .iter()
            .filter_map(|host| Some((host.name.as_str(), host.process.as_ref()?.log_tail())));
        let mut text = String::new();
        for (name, log) in std::iter::once(api).chain(operators).chain(hosts) {
            for part in ["--- ", name, "\n", &log, "\n"] {
                text.push_str(part);
            }
        }
        text
    }
}

fn folder() -> Result<tempfile::TempDir> {
    Ok(tempfile::Builder::new().prefix("e2e-").tempdir()?)
}
