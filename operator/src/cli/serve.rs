//! Serving: everything an operator needs from outside, then [`crate::run`].

use super::flags::Arguments;
use crate::{Exit, OperatorDeps, OperatorOptions};
use anyhow::{Context, Result};
use protocol::bus::SharedBus;
use protocol::bus::nats::{self, NatsOptions};
use service::admin::AdminServer;
use service::health::Health;
use service::metrics::Metrics;
use std::collections::BTreeSet;
use std::process::ExitCode;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(super) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let namespace = arguments.own_namespace()?;
    let token = service::shutdown::on_signal().context("installing signal handlers")?;
    let health = Health::new();
    let connected = health.ready("nats");
    connected.fail("not connected yet");
    let admin = TaskTracker::new();
    let metrics = Metrics::new();
    listen(&arguments, &health, &metrics, &admin, &token).await?;
    let client = kube::Client::try_default()
        .await
        .context("finding the API server")?;
    let bus = nats::connect(&nats_options(&arguments))
        .await
        .context("connecting to NATS")?;
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
    let options = OperatorOptions {
        watch_namespaces: arguments.served_namespaces(),
        allow_shared_hosts: arguments.allow_shared_hosts,
        disable_artifact_controller: arguments.disable_artifact_controller,
        leader_identity: arguments.leader_elect.then(identity),
        ..OperatorOptions::new(namespace)
    };
    let exit = crate::run(
        OperatorDeps {
            client,
            bus,
            options,
            metrics,
        },
        token.clone(),
    )
    .await?;
    token.cancel();
    Ok(match exit {
        Exit::Stopped => ExitCode::SUCCESS,
        Exit::LeaseLost => {
            tracing::error!(
                "another operator leads now; ending, to stand by again after a restart"
            );
            ExitCode::FAILURE
        }
    })
}

/// A name for the Lease that no other process has.
fn identity() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "runtime-operator".to_owned());
    format!("{host}_{}", uuid::Uuid::new_v4())
}

async fn listen(
    arguments: &Arguments,
    health: &Health,
    metrics: &Metrics,
    tasks: &TaskTracker,
    token: &CancellationToken,
) -> Result<()> {
    let addresses: BTreeSet<_> = [
        arguments.metrics_bind_address.0,
        arguments.health_probe_bind_address.0,
    ]
    .into_iter()
    .flatten()
    .collect();
    for address in addresses {
        let server = AdminServer::bind(address, health.clone(), metrics.clone()).await?;
        tracing::info!(address = %server.local_addr(), "serving health and metrics");
        tasks.spawn(server.run(token.clone()));
    }
    Ok(())
}

fn nats_options(arguments: &Arguments) -> NatsOptions {
    NatsOptions {
        name: "runtime-operator".to_owned(),
        credentials: arguments.nats_creds.clone(),
        tls_ca: arguments.nats_ca.clone(),
        tls_cert: arguments.nats_client_cert.clone(),
        tls_key: arguments.nats_client_key.clone(),
        tls_first: arguments.nats_tls_first,
        ..NatsOptions::server(&arguments.nats_url)
    }
}
