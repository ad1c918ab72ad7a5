//! Metrics as a Prometheus in the cluster reads them: HTTPS, with the token of its ServiceAccount.

use crate::fixture::PATIENCE;
use crate::process::operator;
use anyhow::{Context, Result, ensure};
use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::api::PostParams;
use kube::{Api, Client, Config};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use testbed::kube::ControlPlane;
use testbed::wait::{TEST, until, within};

async fn create<K>(api: Api<K>, object: Value) -> Result<()>
where
    K: Clone + DeserializeOwned + serde::Serialize + std::fmt::Debug,
{
    api.create(&PostParams::default(), &serde_json::from_value(object)?)
        .await?;
    Ok(())
}

/// A ServiceAccount and a token of it.
async fn account(client: &Client, name: &str) -> Result<String> {
    let accounts: Api<ServiceAccount> = Api::default_namespaced(client.clone());
    create(accounts.clone(), json!({"metadata": {"name": name}})).await?;
    let ask = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": []},
    });
    let issued: TokenRequest = accounts
        .create_subresource("token", name, &PostParams::default(), &ask)
        .await?;
    issued
        .status
        .and_then(|s| s.token)
        .context("a token was issued")
}

/// Reads a page; the status code when it is refused.
pub async fn read(base: &str, path: &str, token: Option<&str>) -> Result<Result<String, u16>> {
    let mut config = Config::new(base.parse()?);
    // The certificate is the operator's own; the chart's test gives it one.
    config.accept_invalid_certs = true;
    // A refusal is an answer here, also one that a client would try again.
    config.default_retry = false;
    config.auth_info.token = token.map(|t| t.to_owned().into());
    let request = http::Request::get(path).body(Vec::new())?;
    match Client::try_from(config)?.request_text(request).await {
        Ok(text) => Ok(Ok(text)),
        Err(kube::Error::Api(status)) => Ok(Err(status.code)),
        Err(other) => Err(other.into()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w22_metrics_are_scraped_with_a_service_account_that_may_and_by_nobody_else() -> Result<()>
{
    within(TEST, "a scrape", async {
        let plane = ControlPlane::start().await?;
        let client = plane.client().await?;
        let (scraper, stranger) = (
            account(&client, "prometheus").await?,
            account(&client, "stranger").await?,
        );
        create::<ClusterRole>(
            Api::all(client.clone()),
            json!({"metadata": {"name": "metrics-reader"},
                "rules": [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]}),
        )
        .await?;
        create::<ClusterRoleBinding>(
            Api::all(client.clone()),
            json!({"metadata": {"name": "metrics-reader"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "metrics-reader"},
                "subjects": [{"kind": "ServiceAccount", "name": "prometheus", "namespace": "default"}]}),
        )
        .await?;

        let (scraped, probed) = (testbed::free_port()?, testbed::free_port()?);
        // No bus is there: whoever looks into that needs metrics and health all the more.
        let _running = operator(&plane)
            .arg("-metrics-secure")
            .arg(format!("-metrics-bind-address=127.0.0.1:{scraped}"))
            .env("OPERATOR_HEALTH_PROBE_BIND_ADDRESS", format!("127.0.0.1:{probed}"))
            .args(["-nats-url=nats://127.0.0.1:9", "-zap-log-level=error"])
            .stderr(std::process::Stdio::inherit())
            .spawn()?;
        let metrics = format!("https://127.0.0.1:{scraped}");
        let health = format!("http://127.0.0.1:{probed}");
        // RBAC takes a moment to be known to the API server.
        let text = until(PATIENCE, "metrics", || async {
            let page = read(&metrics, "/metrics", Some(&scraper)).await?;
            page.map_err(|code| anyhow::anyhow!("refused with {code}"))
        })
        .await?;
        ensure!(text.contains("process_resident_memory_bytes"), "{text}");
        ensure!(read(&metrics, "/metrics", Some(&stranger)).await? == Err(403));
        ensure!(read(&metrics, "/metrics", Some("nonsense")).await? == Err(401));
        ensure!(read(&metrics, "/metrics", None).await? == Err(401));
        ensure!(read(&metrics, "/readyz", Some(&scraper)).await? == Err(404));

        ensure!(read(&health, "/livez", None).await?.is_ok());
        ensure!(read(&health, "/healthz", None).await?.is_ok());
        let ready = read(&health, "/readyz", None).await?;
        ensure!(ready.is_err(), "there is no bus: {ready:?}");
        ensure!(read(&health, "/metrics", None).await? == Err(404));
        Ok(())
    })
    .await?
}
