//! A platform of built binaries, with either control plane.
//!
//! - `binaries`: starting each of them.
//! - `image`: publishing a component where hosts pull it from.
//! - `request`: one HTTP request by Host header.
//!
//! Scenarios never ask which control plane it is: whatever differs is here.

mod binaries;
mod image;
mod request;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use testbed::kube::{ControlPlane, Kubectl};
use testbed::nats::NatsServer;
use testbed::registry::Registry;
use testbed::{Process, wait};

pub use request::{Answer, get};

/// How long anything that is not a rollout or a lost host may take to show.
pub const SOON: Duration = Duration::from_secs(30);

/// How the hosts run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hosts {
    /// One, in the control plane's own process where that is possible.
    One,
    /// Two processes of their own, which join over a real nats-server.
    TwoOverNats,
}

/// A running platform; gone when dropped.
pub struct Cluster {
    // Fields drop in order: what depends on a server goes before it.
    hosts: Vec<Host>,
    control: Control,
    nats: Option<NatsServer>,
    _plane: Option<ControlPlane>,
    registry: Registry,
    kubeconfig: PathBuf,
    folder: tempfile::TempDir,
}

/// What runs the control loop.
enum Control {
    /// API server and operator in one.
    WashUp(Process),
    Operator(binaries::Operator),
}

impl Control {
    fn process(&self) -> &Process {
        match self {
            Control::WashUp(process) => process,
            Control::Operator(operator) => &operator.process,
        }
    }
}

/// One host.
struct Host {
    /// `None` for the host inside `wash up`.
    process: Option<Process>,
    /// Its name in `kubectl get hosts`, where it has a process of its own.
    name: String,
    http: String,
}

impl Cluster {
    /// Starts the platform that `E2E_CLUSTER` names, and waits until its hosts are Ready.
    pub async fn start(hosts: Hosts) -> Result<Self> {
        let cluster = match std::env::var("E2E_CLUSTER").as_deref() {
            Err(_) | Ok("embedded") => Self::embedded(hosts).await?,
            Ok("apiserver") => Self::apiserver().await?.with_host_processes(hosts)?,
            Ok(other) => bail!("E2E_CLUSTER is {other:?}; it is embedded or apiserver"),
        };
        cluster.hosts_are_ready().await?;
        Ok(cluster)
    }

    /// `wash up`: API server, operator and, with [`Hosts::One`], the host in one process.
    async fn embedded(hosts: Hosts) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("e2e-").tempdir()?;
        let registry = Registry::start().await?;
        let nats = match hosts {
            Hosts::One => None,
            Hosts::TwoOverNats => Some(NatsServer::start().await?),
        };
        let http = format!("127.0.0.1:{}", testbed::free_port()?);
        let wash = binaries::WashUp {
            folder: folder.path(),
            http: &http,
            nats: nats.as_ref().map(NatsServer::url),
        };
        let kubeconfig = wash.kubeconfig();
        let mut control = wash.process()?;
        binaries::start_wash_up(&mut control, &kubeconfig).await?;
        let cluster = Self {
            hosts: Vec::new(),
            control: Control::WashUp(control),
            nats,
            _plane: None,
            registry,
            kubeconfig,
            folder,
        };
        match hosts {
            Hosts::One => {
                let host = Host {
                    process: None,
                    name: String::new(),
                    http,
                };
                Ok(Self {
                    hosts: vec![host],
                    ..cluster
                })
            }
            Hosts::TwoOverNats => cluster.with_host_processes(hosts),
        }
    }

    /// A real kube-apiserver with the CRDs, a real nats-server, and `runtime-operator`.
    async fn apiserver() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("e2e-").tempdir()?;
        let (plane, nats, registry) = tokio::try_join!(
            ControlPlane::start(),
            NatsServer::start(),
            Registry::start()
        )?;
        let kubeconfig = plane.kubeconfig();
        binaries::install_crds(&kubeconfig).await?;
        let mut operator = binaries::Operator::new(folder.path(), &kubeconfig, &nats.url())?;
        operator.start().await?;
        Ok(Self {
            hosts: Vec::new(),
            control: Control::Operator(operator),
            nats: Some(nats),
            _plane: Some(plane),
            registry,
            kubeconfig,
            folder,
        })
    }

    fn with_host_processes(mut self, hosts: Hosts) -> Result<Self> {
        let nats = self
            .nats
            .as_ref()
            .context("host processes join over NATS")?
            .url();
        let count = match hosts {
            Hosts::One => 1,
            Hosts::TwoOverNats => 2,
        };
        for index in 1..=count {
            let name = format!("host-{index}");
            let http = format!("127.0.0.1:{}", testbed::free_port()?);
            let mut process = binaries::host(self.folder.path(), &name, &http, &nats)?;
            process.start()?;
            self.hosts.push(Host {
                process: Some(process),
                name,
                http,
            });
        }
        Ok(self)
    }

    async fn hosts_are_ready(&self) -> Result<()> {
        let kubectl = self.kubectl()?;
        wait::until(SOON, "the hosts to be Ready", || async {
            let hosts = crate::objects::list(&kubectl, "hosts").await?;
            let ready = hosts
                .iter()
                .filter(|host| crate::objects::is_ready(host))
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

    /// kubectl as the administrator.
    pub fn kubectl(&self) -> Result<Kubectl> {
        Kubectl::new(&self.kubeconfig)
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

    /// The name of host number `index`, in [`Hosts::TwoOverNats`].
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

    /// Ends the operator (embedded: the API server with it) as `kill -9` does, and starts it again.
    pub async fn restart_operator(&mut self) -> Result<()> {
        match &mut self.control {
            Control::WashUp(process) => {
                process.kill();
                binaries::start_wash_up(process, &self.kubeconfig).await
            }
            Control::Operator(operator) => {
                operator.process.kill();
                operator.start().await
            }
        }
    }

    /// The ends of all logs, for an error.
    pub fn logs(&self) -> String {
        let processes = self
            .hosts
            .iter()
            .filter_map(|host| Some((&host.name, host.process.as_ref()?)));
        let hosts =
            processes.map(|(name, process)| format!("\n--- {name}\n{}", process.log_tail()));
        format!(
            "--- operator\n{}{}",
            self.control.process().log_tail(),
            hosts.collect::<String>()
        )
    }
}
