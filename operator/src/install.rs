//! Installs the CRDs, or brings those that are there up to date.

use crate::error::OperatorError;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use std::time::{Duration, Instant};

const MANAGER: &str = "runtime-operator-install";
const PATIENCE: Duration = Duration::from_secs(30);

/// Applies every CRD and waits until the API server serves it.
pub async fn install_crds(client: &Client) -> Result<(), OperatorError> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let crds = crd_types::crds();
    for crd in &crds {
        let name = crd.name_any();
        api.patch(
            &name,
            &PatchParams::apply(MANAGER).force(),
            &Patch::Apply(crd),
        )
        .await
        .map_err(|source| OperatorError::Install {
            name,
            source: Box::new(source),
        })?;
    }
    for crd in &crds {
        established(&api, &crd.name_any()).await?;
    }
    Ok(())
}

async fn established(api: &Api<CustomResourceDefinition>, name: &str) -> Result<(), OperatorError> {
    let start = Instant::now();
    loop {
        let crd = api
            .get(name)
            .await
            .map_err(|source| OperatorError::Install {
                name: name.to_owned(),
                source: Box::new(source),
            })?;
        let conditions = crd.status.and_then(|s| s.conditions).unwrap_or_default();
        if conditions
            .iter()
            .any(|c| c.type_ == "Established" && c.status == "True")
        {
            return Ok(());
        }
        if start.elapsed() > PATIENCE {
            return Err(OperatorError::NotEstablished {
                name: name.to_owned(),
                seconds: PATIENCE.as_secs(),
            });
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
