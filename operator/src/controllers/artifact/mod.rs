//! Artifacts: the status names the image that Deployments use. The finalizer keeps an Artifact while a
//! Deployment names it.

use super::queue::Next;
use super::{Context, context, writes};
use crate::core::conditions::Conditions;
use crate::error::ReconcileError;
use crate::watch::{self, Key};
use crd_types::names::ARTIFACT_FINALIZER;
use crd_types::{Artifact, ArtifactStatus};
use kube::{Api, Resource, ResourceExt};
use std::sync::Arc;
use std::time::Duration;

const MANAGER: &str = "runtime-artifact";

/// One look at an Artifact.
pub async fn reconcile(context: Arc<Context>, key: Key) -> Result<Next, ReconcileError> {
    let Some(artifact) = context.caches.artifacts.get(&key) else {
        return Ok(Next::Wait);
    };
    let api: Api<Artifact> = Api::namespaced(context.client(), &key.namespace);
    let guarded = artifact
        .finalizers()
        .iter()
        .any(|f| f == ARTIFACT_FINALIZER);
    if artifact.meta().deletion_timestamp.is_some() {
        if guarded
            && context
                .caches
                .deployments
                .count(&watch::using(&key.namespace, &key.name))
                == 0
        {
            let rest: Vec<String> = artifact
                .finalizers()
                .iter()
                .filter(|f| *f != ARTIFACT_FINALIZER)
                .cloned()
                .collect();
            writes::finalizers(&api, artifact.as_ref(), &rest, MANAGER).await?;
        }
        return Ok(if guarded {
            Next::After(Duration::from_secs(30))
        } else {
            Next::Wait
        });
    }
    if !guarded {
        let mut all = artifact.finalizers().to_vec();
        all.push(ARTIFACT_FINALIZER.to_owned());
        writes::finalizers(&api, artifact.as_ref(), &all, MANAGER).await?;
        return Ok(Next::Wait);
    }
    let mut wanted = artifact.as_ref().clone();
    wanted.status = Some(status(&artifact));
    if wanted.status != artifact.status {
        writes::status(&context.schemas, &api, &artifact, wanted, MANAGER).await?;
        let image = &artifact.spec.image;
        let held = artifact.status.as_ref();
        if held.and_then(|s| s.artifact_url.as_ref()) != Some(image) {
            let word = protocol::event::Happened::Resolved.as_str();
            let note = format!("Deployments use {image}");
            context
                .events
                .normal(artifact.as_ref(), word, "Resolve", &note)
                .await;
        }
    }
    Ok(Next::Wait)
}

fn status(artifact: &Artifact) -> ArtifactStatus {
    let mut status = artifact.status.clone().unwrap_or_default();
    let generation = artifact.meta().generation;
    status.artifact_url = Some(artifact.spec.image.clone());
    status.observed_generation = generation;
    let mut conditions = Conditions::default();
    conditions.yes("Sync").yes("Published").yes("Ready");
    conditions.merge_into(&mut status.conditions, generation, &context::now());
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_follows_the_spec_and_settles() {
        let mut artifact = Artifact::new(
            "a",
            crd_types::ArtifactSpec {
                image: "registry.example/a:1".into(),
                ..crd_types::ArtifactSpec::default()
            },
        );
        artifact.metadata.generation = Some(3);
        let first = status(&artifact);
        assert_eq!(first.artifact_url.as_deref(), Some("registry.example/a:1"));
        assert_eq!(first.observed_generation, Some(3));
        artifact.status = Some(first.clone());
        assert_eq!(status(&artifact), first);
    }
}
