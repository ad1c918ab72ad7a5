//! The hosts of `wash up`, and waiting until they are registered.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use clap::Parser;
use crd_types::condition;
use futures::StreamExt;
use host::cli::HostArgs;
use host::{Engine, HostBuilder, Ready};
use kube::ResourceExt;
use kube::api::Api;
use kube::runtime::{WatchStreamExt, watcher};
use oci::Images;
use protocol::bus::SharedBus;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::args::Plan;
use crate::failure::Failure;

/// A host that answers.
#[derive(Debug, Clone)]
pub struct Served {
    /// Name of its Host object.
    pub name: String,
    /// Its HTTP ingress.
    pub http: SocketAddr,
}

/// The flags of a host, parsed as `wash host` parses them: one set of defaults for both.
#[derive(Parser)]
#[command(name = "wash up -- ", no_binary_name = true)]
struct Flags {
    #[command(flatten)]
    host: HostArgs,
}

/// The flags of one host of the plan. What the user gave comes last and wins.
pub fn flags(plan: &Plan, index: usize) -> Result<HostArgs, Failure> {
    let (name, http) = plan
        .hosts
        .get(index)
        .ok_or_else(|| anyhow::anyhow!("there is no host {index}"))?;
    let ours = [
        "--name".to_owned(),
        name.clone(),
        "--host-name".to_owned(),
        http.ip().to_string(),
        "--http-addr".to_owned(),
        http.to_string(),
        "--store".to_owned(),
        plan.store.display().to_string(),
        // Nobody but this process routes to its hosts: nobody needs time to learn that one stops.
        "--endpoint-delay".to_owned(),
        "0s".to_owned(),
        // All of the platform ends with this process: nobody takes over.
        "--handover".to_owned(),
        "0s".to_owned(),
    ];
    let parsed = Flags::try_parse_from(ours.into_iter().chain(plan.host_flags.iter().cloned()))
        .map_err(|error| {
            Failure::with_hint(
                anyhow::anyhow!("flags for the hosts: {}", error.render().to_string().trim()),
                "`wash host --help` lists them",
            )
        })?;
    Ok(parsed.host)
}

/// What a host is started from, and started again when it fails.
pub struct HostPart {
    pub flags: HostArgs,
    pub engine: Arc<Engine>,
    pub images: Arc<Images>,
    pub bus: SharedBus,
    pub ready: watch::Sender<Option<Ready>>,
}

impl HostPart {
    /// Runs the host until it is told to stop. Each run is a host with an id of its own.
    pub fn run(
        &self,
        token: CancellationToken,
    ) -> impl Future<Output = anyhow::Result<()>> + Send + use<> {
        let deps = self.flags.host().map(|options| {
            let mut deps = HostBuilder::new(
                Arc::clone(&self.engine),
                Arc::clone(&self.bus),
                Arc::clone(&self.images),
                options,
            )
            .build();
            deps.ready = self.ready.clone();
            deps
        });
        async move {
            host::run(deps?, token).await?;
            Ok(())
        }
    }
}

/// Returns when each named host has a Host object whose `Ready` condition is True.
pub async fn registered(hosts: Api<crd_types::Host>, names: impl IntoIterator<Item = String>) {
    let mut missing: BTreeSet<String> = names.into_iter().collect();
    let mut states = watcher(hosts, watcher::Config::default())
        .default_backoff()
        .applied_objects()
        .boxed();
    while !missing.is_empty() {
        match states.next().await {
            Some(Ok(host)) if is_ready(&host) => {
                missing.remove(&host.name_any());
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => tracing::debug!(%error, "watching hosts"),
            None => return,
        }
    }
}

fn is_ready(host: &crd_types::Host) -> bool {
    host.status
        .as_ref()
        .is_some_and(|status| condition::is_true(&status.conditions, "Ready"))
}
