//! `restartOnConfigChange`: a Deployment that asks for it is rolled out when a ConfigMap or Secret that it refers to
//! changes. Their state is part of the template, as an annotation; so the rollout is one like any other.

mod poll;
mod revisions;
mod watch;

use super::Context;
use crate::core::config_refs::{self, Kind, Reference, Versions};
use crate::error::{Attempt, ReconcileError};
use crate::watch::Key;
use crd_types::names::CONFIG_REVISION_ANNOTATION;
use crd_types::{WorkloadDeployment, WorkloadTemplate};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;

pub use poll::poll;
pub use revisions::Revisions;
pub use watch::watch;

/// Marks the template with the state of its configuration, where the Deployment asks for it.
pub async fn mark(
    context: &Context,
    deployment: &WorkloadDeployment,
    template: &mut WorkloadTemplate,
) -> Result<(), ReconcileError> {
    let key = Key::of(deployment);
    let references = config_refs::references(&template.spec);
    if !template.spec.restart_on_config_change || references.is_empty() {
        context.revisions.forget(&key);
        return Ok(());
    }
    let versions = if let Some(known) = context.revisions.get(&key, &references) {
        known
    } else {
        let mut read = Versions::new();
        for reference in references {
            let version = version(context, &key.namespace, &reference).await?;
            read.insert(reference, version);
        }
        context.revisions.put(key, read.clone());
        read
    };
    template.annotations.insert(
        CONFIG_REVISION_ANNOTATION.to_owned(),
        config_refs::revision(&versions),
    );
    Ok(())
}

/// The state of an object, from its metadata alone.
async fn version(
    context: &Context,
    namespace: &str,
    reference: &Reference,
) -> Result<String, ReconcileError> {
    let client = context.client();
    let name = reference.name.as_str();
    let metadata = match reference.kind {
        Kind::ConfigMap => Api::<ConfigMap>::namespaced(client, namespace)
            .get_metadata_opt(name)
            .await
            .attempt("reading a ConfigMap's metadata")?
            .map(|object| object.metadata),
        Kind::Secret => Api::<Secret>::namespaced(client, namespace)
            .get_metadata_opt(name)
            .await
            .attempt("reading a Secret's metadata")?
            .map(|object| object.metadata),
    };
    Ok(metadata.map(|m| state(&m)).unwrap_or_default())
}

fn state(metadata: &ObjectMeta) -> String {
    format!(
        "{}/{}",
        metadata.uid.as_deref().unwrap_or_default(),
        metadata.resource_version.as_deref().unwrap_or_default()
    )
}

/// An object is in this state: Deployments that knew it in another are looked at.
fn saw(context: &Context, namespace: &str, reference: &Reference, version: &str) {
    for key in context.revisions.saw(namespace, reference, version) {
        tracing::info!(deployment = %key, kind = ?reference.kind, name = %reference.name, "configuration has changed; rolling out");
        context.queues.deployments.add(key);
    }
}
