//! Serving: everything an operator needs from outside, then [`crate::run`].

use super::admin::listen;
use super::flags::{Arguments, Bus, given};
use crate::{Exit, OperatorDeps, OperatorOptions, Stage};
use anyhow::{Context, Result};
use kube::config::{KubeConfigOptions, Kubeconfig};
use protocol::bus::SharedBus;
use protocol::bus::nats::{self, NatsOptions};
use service::health::Health;
use service::metrics::Metrics;
use std::path::Path;
use std::process::ExitCode;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let namespace = arguments.own_namespace()?;
    let ignored = arguments.ignored.given();
    if !ignored.is_empty() {
        tracing::warn!(
            flags = ignored.join(" "),
            "these flags have no effect; --help says why"
        );
    }
    let token = service::shutdown::on_signal().context("installing signal handlers")?;
    let client = client(arguments.kubernetes.kubeconfig.as_deref()).await?;
    let (health, metrics) = (Health::new(), Metrics::new());
    service::process::register(&metrics);
    let connected = health.ready("nats");
    connected.fail("not connected yet");
    let admin = TaskTracker::new();
    listen(&arguments.admin, &client, &health, &metrics, &admin, &token).await?;
    let options = OperatorOptions {
        leader_identity: arguments.kubernetes.leader_elect.then(identity),
        ..arguments.options(&namespace)
    };
    let nats = nats_options(&arguments.bus);
    let bus = tokio::select! {
        bus = nats::connect(&nats) => bus.context("connecting to NATS")?,
        () = token.cancelled() => return Ok(ExitCode::SUCCESS),
    };
    let bus: SharedBus = bus;
    let mut status = bus.status();
    admin.spawn(async move {
        loop {
            if status.borrow_and_update().is_connected() {
                connected.pass();
            } else {
                connected.fail("not connected");
            }
            if status.changed().await.is_err() {
                return;
            }
        }
    });
    let mut stages = options.progress.watch();
    let work = health.ready("operator");
    admin.spawn(async move {
        loop {
            match *stages.borrow_and_update() {
                Stage::Starting => work.fail("listing objects and listening to hosts"),
                // Standing by is what a second operator is for.
                Stage::StandingBy | Stage::Working => work.pass(),
            }
            if stages.changed().await.is_err() {
                return;
            }
        }
    });
    let deps = OperatorDeps {
        metrics,
        ..OperatorDeps::new(client, bus, options)
    };
    let exit = serve_until(deps, &token).await;
    token.cancel();
    exit
}

async fn serve_until(deps: OperatorDeps, token: &CancellationToken) -> Result<ExitCode> {
    Ok(match crate::run(deps, token.clone()).await? {
        Exit::Stopped => ExitCode::SUCCESS,
        Exit::LeaseLost => {
            tracing::error!(
                "another operator leads now; ending, to stand by again after a restart"
            );
            ExitCode::FAILURE
        }
    })
}

/// The API server of this file, or of where one is looked for.
pub(super) async fn client(kubeconfig: Option<&Path>) -> Result<kube::Client> {
    let Some(path) = kubeconfig.filter(|p| !p.as_os_str().is_empty()) else {
        return kube::Client::try_default().await.context(
            "finding the API server; give --kubeconfig, or set KUBECONFIG, or run in a cluster",
        );
    };
    let read = Kubeconfig::read_from(path)
        .with_context(|| format!("reading --kubeconfig {}", path.display()))?;
    let config = kube::Config::from_custom_kubeconfig(read, &KubeConfigOptions::default())
        .await
        .with_context(|| format!("using --kubeconfig {}", path.display()))?;
    kube::Client::try_from(config).context("making a client of the API server")
}

/// A name for the Lease that no other process has.
fn identity() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "runtime-operator".to_owned());
    format!("{host}_{}", uuid::Uuid::new_v4())
}

fn nats_options(flags: &Bus) -> NatsOptions {
    NatsOptions {
        name: "runtime-operator".to_owned(),
        credentials: given(flags.nats_creds.as_ref()).cloned(),
        tls_ca: given(flags.nats_ca.as_ref()).cloned(),
        tls_cert: given(flags.nats_client_cert.as_ref()).cloned(),
        tls_key: given(flags.nats_client_key.as_ref()).cloned(),
        tls_first: flags.nats_tls_first,
        ..NatsOptions::server(&flags.nats_url)
    }
}
