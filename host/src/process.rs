//! A host as a process of its own: what `wasmcloud-host` and `wash host` do with their flags.

use std::sync::Arc;

use anyhow::Context as _;
use oci::{Images, ImagesOptions, LocalStore};
use protocol::bus::{SharedBus, nats};
use service::{admin::AdminServer, health::Health, metrics::Metrics, shutdown};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    cli::{HostArgs, ImageOptions},
    engine::Engine,
    run::{self, HostBuilder},
};

/// Runs a host with the built-in plugins as the whole process, logging as `args` say.
pub fn run(args: &HostArgs) -> anyhow::Result<()> {
    service::telemetry::init(&args.log())?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(serve(args, |builder| builder))
}

/// Runs the host that `args` describe until a signal ends it. `extend` may add plugins.
pub async fn serve(
    args: &HostArgs,
    extend: impl FnOnce(HostBuilder) -> HostBuilder,
) -> anyhow::Result<()> {
    service::crypto::install_ring();
    for notice in args.notices()? {
        tracing::warn!("{notice}");
    }
    // Every flag is read before anything is opened, so that a mistake changes nothing.
    let (options, engine, images, bus) =
        (args.host()?, args.engine()?, args.images()?, args.bus()?);
    let token = shutdown::on_signal().context("signals cannot be handled")?;
    let (metrics, health) = (Metrics::new(), Health::new());
    let admin_token = CancellationToken::new();
    let _end_admin = admin_token.clone().drop_guard();
    let _admin = match args.admin_addr {
        Some(address) => {
            let server = AdminServer::bind(address, health.clone(), metrics.clone()).await?;
            tracing::info!(address = %server.local_addr(), "health and metrics");
            Some(AbortOnDropHandle::new(tokio::spawn(
                server.run(admin_token),
            )))
        }
        None => None,
    };
    let connecting = health.ready("bus");
    let images = open_images(&images)?;
    let engine = tokio::task::spawn_blocking(move || Engine::new(engine)).await??;
    let bus = tokio::select! {
        () = token.cancelled() => return Ok(()),
        bus = nats::connect(&bus) => bus.context("cannot connect to the control plane's NATS")?,
    };
    connecting.remove();
    let shared: SharedBus = Arc::clone(&bus) as SharedBus;
    let builder =
        extend(HostBuilder::new(engine, shared, images, options).observed(&metrics, &health));
    let mut ready = builder.ready();
    let announced = tokio::spawn(async move {
        if let Ok(host) = ready.wait_for(Option::is_some).await
            && let Some(host) = &*host
        {
            let http = host.http.map(|address| address.to_string());
            tracing::info!(id = host.id, name = host.name, http, "the host is ready");
        }
    });
    let outcome = run::run(builder.build(), token).await;
    announced.abort();
    // What was published last must leave before the process does.
    if let Err(error) = bus.close().await {
        tracing::warn!(%error, "the connection to NATS could not be closed in order");
    }
    outcome?;
    Ok(())
}

/// The images that `options` describe.
pub fn open_images(options: &ImageOptions) -> anyhow::Result<Arc<Images>> {
    let store = LocalStore::open(&options.store)
        .with_context(|| format!("cannot open the image store {}", options.store.display()))?;
    let images = ImagesOptions {
        insecure_registries: if options.insecure {
            vec!["*".to_owned()]
        } else {
            Vec::new()
        },
        ca_files: options.ca_files.clone(),
        total_timeout: options.pull_timeout,
        ..ImagesOptions::default()
    };
    Ok(Arc::new(Images::new(store, images)?))
}
