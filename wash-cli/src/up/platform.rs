//! The parts of `wash up`: put together here, restarted by a supervisor when one fails, ended in order.
//!
//! Hosts end first, while the bus and the operator still hear their last words; then the operator; then the API server.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use apiserver::ApiServer;
use host::{Engine, Ready};
use kube::api::Api;
use oci::DockerConfig;
use operator::{OperatorDeps, OperatorOptions};
use protocol::bus::SharedBus;
use protocol::bus::memory::MemoryBus;
use protocol::bus::nats::{self, NatsOptions};
use service::supervisor::{Backoff, Supervisor};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::args::Plan;
use super::claim::{self, Claim};
use super::hosts::{self, HostPart, Served};
use crate::failure::Failure;

/// Namespace that Hosts live in: the one a user of a single machine looks at.
const NAMESPACE: &str = "default";

/// The running platform.
pub struct Platform {
    client: kube::Client,
    api: SocketAddr,
    kubeconfig: PathBuf,
    ready: Vec<watch::Receiver<Option<Ready>>>,
    expect_operator: bool,
    hosts: Supervisor,
    operator: Supervisor,
    server: Supervisor,
    _claim: Option<Claim>,
}

impl Platform {
    /// Starts every part. Returns when they run; [`Self::ready`] says when they are of use.
    pub async fn start(plan: &Plan, token: &CancellationToken) -> Result<Self, Failure> {
        let claim = claim::claim(&plan.data_dir)?;
        // Each group of parts is ended by hand, in order; the process's token only says that it is time.
        let group = || Supervisor::new(CancellationToken::new(), Backoff::default());
        let (hosts, operator, server) = (group(), group(), group());
        let (client, api) = serve_api(plan, &server).await?;
        let bus = bus(plan, token).await?;
        operator::install_crds(&client)
            .await
            .context("cannot install the CRDs")?;
        if plan.operator {
            run_operator(&operator, client.clone(), Arc::clone(&bus));
        }
        let ready = if plan.hosts.is_empty() {
            Vec::new()
        } else {
            run_hosts(plan, &hosts, &bus)?
        };
        Ok(Self {
            client,
            api,
            kubeconfig: plan.kubeconfig.clone(),
            ready,
            expect_operator: plan.operator,
            hosts,
            operator,
            server,
            _claim: Some(claim),
        })
    }

    /// Waits until every host answers and, if there is an operator, is registered with it.
    pub async fn ready(&self) -> Vec<Served> {
        let mut served = Vec::with_capacity(self.ready.len());
        for receiver in &self.ready {
            let mut receiver = receiver.clone();
            // The sender lives as long as the part.
            if let Ok(ready) = receiver.wait_for(Option::is_some).await
                && let Some(Ready {
                    name,
                    http: Some(http),
                    ..
                }) = ready.clone()
            {
                served.push(Served { name, http });
            }
        }
        if self.expect_operator {
            let names = served.iter().map(|host| host.name.clone());
            hosts::registered(Api::namespaced(self.client.clone(), NAMESPACE), names).await;
        }
        served
    }

    /// A client of the API, as administrator.
    pub fn client(&self) -> &kube::Client {
        &self.client
    }

    /// Where the API answers.
    pub fn api(&self) -> SocketAddr {
        self.api
    }

    /// The kubeconfig that was written.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Drains and ends every part, in order.
    pub async fn stop(&self) {
        self.hosts.shutdown().await;
        self.operator.shutdown().await;
        self.server.shutdown().await;
    }
}

async fn serve_api(plan: &Plan, parts: &Supervisor) -> Result<(kube::Client, SocketAddr), Failure> {
    let options = apiserver::Options {
        data_dir: (!plan.ephemeral).then(|| plan.data_dir.join("api")),
        server_names: vec![plan.api_addr.ip().to_string()],
        ..apiserver::Options::default()
    };
    let server = Arc::new(ApiServer::open(options).await?);
    let listener = TcpListener::bind(plan.api_addr).await.map_err(|error| {
        Failure::with_hint(
            anyhow::Error::from(error).context(format!("cannot listen on {}", plan.api_addr)),
            "choose another address with --api-addr",
        )
    })?;
    let address = listener.local_addr()?;
    server.write_kubeconfig(&plan.kubeconfig, address)?;
    let client = kube::Client::new(server.service(), "default");
    let listener = Arc::new(listener.into_std()?);
    let serving = Arc::clone(&server);
    parts.spawn("API server", move |token| {
        let (server, listener) = (Arc::clone(&serving), Arc::clone(&listener));
        async move {
            let listener = TcpListener::from_std(listener.try_clone()?)?;
            server.serve(listener, token).await?;
            anyhow::Ok(())
        }
    });
    parts.spawn("garbage collector", move |token| {
        let server = Arc::clone(&server);
        async move {
            server.run(token).await;
            anyhow::Ok(())
        }
    });
    Ok((client, address))
}

async fn bus(plan: &Plan, token: &CancellationToken) -> Result<SharedBus, Failure> {
    let Some(url) = &plan.nats else {
        return Ok(MemoryBus::new());
    };
    let mut options = NatsOptions::server(url);
    "wash up".clone_into(&mut options.name);
    tokio::select! {
        connected = nats::connect(&options) => Ok(connected?),
        () = token.cancelled() => Err(Failure::interrupted()),
    }
}

fn run_operator(parts: &Supervisor, client: kube::Client, bus: SharedBus) {
    parts.spawn("operator", move |token| {
        let mut options = OperatorOptions::new(NAMESPACE);
        // As the hosts of this process: with what the user has logged in to.
        options.registries.docker_config = DockerConfig::Default;
        let deps = OperatorDeps::new(client.clone(), Arc::clone(&bus), options);
        operator::run(deps, token)
    });
}

fn run_hosts(
    plan: &Plan,
    parts: &Supervisor,
    bus: &SharedBus,
) -> Result<Vec<watch::Receiver<Option<Ready>>>, Failure> {
    let flags = hosts::flags(plan, 0)?;
    let engine = Engine::new(flags.engine()?)?;
    let images = host::process::open_images(&flags.images()?)?;
    let mut receivers = Vec::with_capacity(plan.hosts.len());
    for index in 0..plan.hosts.len() {
        let (ready, receiver) = watch::channel(None);
        let part = HostPart {
            flags: hosts::flags(plan, index)?,
            engine: Arc::clone(&engine),
            images: Arc::clone(&images),
            bus: Arc::clone(bus),
            ready,
        };
        parts.spawn(plan.hosts[index].0.clone(), move |token| part.run(token));
        receivers.push(receiver);
    }
    Ok(receivers)
}
