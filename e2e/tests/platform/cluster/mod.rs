//! A platform of built binaries, with either control plane, or in the Pods of a kind cluster.
//!
//! - `api`: the API server and its accounts; `kind`, `pods`, `manifests`: a cluster with Pods.
//! - `plan`: what to start; `binaries`, `program`: starting each of them.
//! - `bus`: NATS and the registry, which clusters can share.
//! - `operators`, `hosts`: what can be done with them.
//! - `image`: publishing a component where hosts pull it from.
//! - `request`: one HTTP request by Host header; `starts`: commands seen on the bus.
//!
//! Scenarios never ask which control plane it is: whatever differs is here.

mod api;
mod binaries;
mod bus;
mod hosts;
mod image;
mod kind;
mod manifests;
mod operators;
mod plan;
mod pods;
mod program;
mod request;
mod starts;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use testbed::kube::Kubectl;
use testbed::wait;

pub use api::{SYSTEM, may};
pub use manifests::all as pod_manifests;
pub use plan::{Apart, Hosts};
pub use request::{Answer, get};
pub use starts::Starts;

use api::{Api, Which};
use binaries::{OperatorFlags, WashUp};
use bus::{Images, Nats};
use hosts::Host;
use operators::Operator;

/// How long anything that is not a rollout or a lost host may take to show.
pub const SOON: Duration = Duration::from_secs(30);

/// A running platform; gone when dropped.
pub struct Cluster {
    // Fields drop in order: what depends on a server goes before it.
    hosts: Vec<Host>,
    operators: Vec<Operator>,
    api: Api,
    nats: Option<Nats>,
    images: Images,
    folder: tempfile::TempDir,
}

impl Cluster {
    /// Starts the platform that `E2E_CLUSTER` names, and waits until its hosts are Ready.
    pub async fn start(hosts: Hosts) -> Result<Self> {
        let count = match hosts {
            Hosts::One => 1,
            Hosts::TwoOverNats => 2,
        };
        if Which::from_env()? != Which::Embedded {
            let plan = Apart {
                hosts: count,
                ..Apart::default()
            };
            return Self::apart(&plan).await;
        }
        // `wash up`: API server, operator and, with `Hosts::One`, the host in one process.
        let folder = folder()?;
        let images = Images::process().await?;
        let nats = match hosts {
            Hosts::One => None,
            Hosts::TwoOverNats => Some(Nats::process().await?),
        };
        let http = format!("127.0.0.1:{}", testbed::free_port()?);
        let api = Api::embedded(WashUp {
            folder: folder.path(),
            http: &http,
            nats: nats.as_ref().map(|nats| nats.url.clone()),
            operator: true,
        })
        .await?;
        let mut cluster = Self {
            hosts: Vec::new(),
            operators: Vec::new(),
            api,
            nats,
            images,
            folder,
        };
        if hosts == Hosts::One {
            cluster.hosts.push(Host {
                program: None,
                name: String::new(),
                http,
            });
        } else {
            cluster.add_hosts(count, "default").await?;
        }
        cluster.hosts_are_ready().await?;
        Ok(cluster)
    }

    /// Starts operators and hosts as programs of their own, beside the API server that `E2E_CLUSTER` names.
    pub async fn apart(plan: &Apart) -> Result<Self> {
        let folder = folder()?;
        let which = Which::from_env()?;
        if which == Which::Pods {
            let api = Api::pods().await?;
            api.make_room().await?;
            let Api::Pods(kind) = &api else {
                anyhow::bail!("the cluster with Pods has no Pods")
            };
            let (images, nats) = (Images::of(kind), Nats::pod(kind, folder.path()).await?);
            return Self::on(api, plan, images, nats, folder).await;
        }
        let (nats, images) = tokio::try_join!(Nats::process(), Images::process())?;
        let api = match which {
            Which::Real => Api::real().await?,
            _ => Self::bare(&folder, &nats).await?,
        };
        api.make_room().await?;
        Self::on(api, plan, images, nats, folder).await
    }

    /// A second control plane, whose hosts and operators share this one's bus.
    pub async fn beside(&self, plan: &Apart) -> Result<Self> {
        let folder = folder()?;
        let nats = self.nats.as_ref().context("this cluster has no NATS")?;
        let (nats, images) = (nats.seen_from_here(), self.images.seen_from_here());
        let api = Self::bare(&folder, &nats).await?;
        api.make_room().await?;
        Self::on(api, plan, images, nats, folder).await
    }

    /// `wash up` with the API server alone.
    async fn bare(folder: &tempfile::TempDir, nats: &Nats) -> Result<Api> {
        Api::embedded(WashUp {
            folder: folder.path(),
            http: "",
            nats: Some(nats.url.clone()),
            operator: false,
        })
        .await
    }

    async fn on(
        api: Api,
        plan: &Apart,
        images: Images,
        nats: Nats,
        folder: tempfile::TempDir,
    ) -> Result<Self> {
        let account = api.operator_account(folder.path(), &plan.watch).await?;
        let flags = OperatorFlags {
            nats: &nats.inner_url,
            watch: &plan.watch,
            elect: plan.operators > 1,
        };
        let mut operators = Vec::new();
        for index in 1..=plan.operators {
            let name = format!("operator-{index}");
            let operator = if let Api::Pods(kind) = &api {
                kind.operator(folder.path(), &name, &flags).await?
            } else {
                let mut operator = Operator::process(folder.path(), &name, &account, &flags)?;
                operator.start().await?;
                operator
            };
            operators.push(operator);
        }
        let mut cluster = Self {
            hosts: Vec::new(),
            operators,
            api,
            nats: Some(nats),
            images,
            folder,
        };
        cluster.add_hosts(plan.hosts, &plan.group).await?;
        cluster.hosts_are_ready().await?;
        Ok(cluster)
    }

    /// kubectl as the administrator.
    pub fn kubectl(&self) -> Result<Kubectl> {
        Kubectl::new(&self.api.admin())
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.api.admin()
    }

    /// Pushes the built component `name` as `image` (`hello:1`), and returns the reference for hosts.
    pub async fn publish(&self, name: &str, image: &str) -> Result<String> {
        let component = testbed::guests::path(name)?;
        image::push(&component, &self.images.to(image), self.folder.path()).await?;
        Ok(self.images.from(image))
    }

    /// A reference that the registry does not have.
    pub fn missing_image(&self) -> String {
        self.images.from("never-pushed:1")
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

    /// The ends of all logs, for an error.
    pub fn logs(&self) -> String {
        let api = ("API server", self.api.log_tail());
        let operators = self
            .operators
            .iter()
            .map(|operator| (operator.name(), operator.log_tail()));
        let hosts = self
            .hosts
            .iter()
            .filter_map(|host| Some((host.name.as_str(), host.program.as_ref()?.log_tail())));
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
