//! The listeners for metrics and health.

use super::flags::{Admin, given};
use super::scrapers::{Reviews, TokenFile};
use anyhow::{Result, ensure};
use kube::Client;
use service::admin::{AdminServer, Content, Guard};
use service::health::Health;
use service::metrics::Metrics;
use service::tls::{CertificateFiles, ReloadingTls, TlsOptions};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How often certificates are looked at.
const LOOK: Duration = Duration::from_secs(10);

/// Starts to listen; what is served ends with the token.
pub(super) async fn listen(
    flags: &Admin,
    client: &Client,
    health: &Health,
    metrics: &Metrics,
    tasks: &TaskTracker,
    token: &CancellationToken,
) -> Result<()> {
    let (scraped, probed) = (
        flags.metrics_bind_address.0,
        flags.health_probe_bind_address.0,
    );
    let shared = scraped.is_some_and(|a| a.port() != 0 && Some(a) == probed);
    ensure!(
        !(shared && flags.metrics_secure),
        "--metrics-bind-address and --health-probe-bind-address are both {}; with --metrics-secure they must differ, \
         since probes send no credentials",
        scraped.map(|a| a.to_string()).unwrap_or_default()
    );
    if let Some(address) = probed {
        let content = if shared {
            Content::Both
        } else {
            Content::Health
        };
        let server = AdminServer::bind(address, health.clone(), metrics.clone())
            .await?
            .only(content);
        tracing::info!(address = %server.local_addr(), "serving health");
        tasks.spawn(server.run(token.clone()));
    }
    if let Some(address) = scraped.filter(|_| !shared) {
        let mut server = AdminServer::bind(address, health.clone(), metrics.clone())
            .await?
            .only(Content::Metrics);
        if flags.metrics_secure {
            let tls = Arc::new(ReloadingTls::load(tls_options(flags))?);
            tasks.spawn(Arc::clone(&tls).follow(LOOK, token.clone()));
            server = server.over_tls(tls);
            if let Some(guard) = guard(flags, client) {
                server = server.guarded(guard);
            }
        }
        tracing::info!(address = %server.local_addr(), secure = flags.metrics_secure, "serving metrics");
        tasks.spawn(server.run(token.clone()));
    }
    Ok(())
}

fn tls_options(flags: &Admin) -> TlsOptions {
    let certificates = given(flags.metrics_cert_path.as_ref())
        .map(|folder| CertificateFiles {
            server_names: Vec::new(),
            certificate: folder.join(&flags.metrics_cert_name),
            key: folder.join(&flags.metrics_cert_key),
        })
        .into_iter()
        .collect();
    let mut alpn = vec![b"http/1.1".to_vec()];
    if flags.enable_http2 {
        alpn.insert(0, b"h2".to_vec());
    }
    TlsOptions {
        certificates,
        self_signed: vec!["localhost".to_owned()],
        client_ca: given(flags.metrics_client_ca.as_ref()).cloned(),
        alpn,
    }
}

/// Who judges scrapers; nobody where TLS has already done it.
fn guard(flags: &Admin, client: &Client) -> Option<Arc<dyn Guard>> {
    if given(flags.metrics_client_ca.as_ref()).is_some() {
        return None;
    }
    Some(match given(flags.metrics_token_file.as_ref()) {
        Some(file) => Arc::new(TokenFile(file.clone())),
        None => Arc::new(Reviews::new(client.clone())),
    })
}
