//! Artifacts: the status names the image that Deployments use, pinned to the digest its tag has. The finalizer
//! keeps an Artifact while a Deployment names it.

pub mod registries;
mod resolve;

use super::queue::Next;
use super::{Context, context, writes};
use crate::core::artifact_status::{found, next_look, not_found};
use crate::core::conditions::Conditions;
use crate::core::durations;
use crate::error::ReconcileError;
use crate::watch::{self, Key};
use crd_types::names::ARTIFACT_FINALIZER;
use crd_types::{Artifact, ArtifactStatus, condition};
use kube::{Api, Resource, ResourceExt};
use protocol::event::Happened;
use resolve::{Found, Problem};
use std::sync::Arc;
use std::time::Duration;

const MANAGER: &str = "runtime-artifact";

/// One look at an Artifact.
pub async fn reconcile(context: Arc<Context>, key: Key) -> Result<Next, ReconcileError> {
    let Some(artifact) = context.caches.artifacts.get(&key) else {
        context.registries.forget(&key);
        return Ok(Next::Wait);
    };
    let api: Api<Artifact> = Api::namespaced(context.client(), &key.namespace);
    let guarded = artifact
        .finalizers()
        .iter()
        .any(|f| f == ARTIFACT_FINALIZER);
    if artifact.meta().deletion_timestamp.is_some() {
        if guarded {
            return release(&context, &api, &artifact, &key).await;
        }
        return Ok(Next::Wait);
    }
    if !guarded {
        let mut all = artifact.finalizers().to_vec();
        all.push(ARTIFACT_FINALIZER.to_owned());
        writes::finalizers(&api, artifact.as_ref(), &all, MANAGER).await?;
        return Ok(Next::Wait);
    }
    match context.registries.due_in(&key, &artifact) {
        None => return Ok(Next::Wait),
        Some(later) if !later.is_zero() => return Ok(Next::After(later)),
        Some(_) => {}
    }
    let looked = resolve::look(&context, &artifact).await?;
    let failures = match &looked {
        Ok(_) => 0,
        Err(_) => context.registries.failures(&key, &artifact) + 1,
    };
    write(&context, &api, &artifact, &looked).await?;
    let interval = artifact
        .spec
        .interval
        .as_deref()
        .and_then(durations::duration);
    let again = next_look(interval, failures, rand::random());
    context.registries.looked(&key, &artifact, failures, again);
    Ok(again.map_or(Next::Wait, Next::After))
}

/// Takes the finalizer off once no Deployment names the Artifact.
async fn release(
    context: &Context,
    api: &Api<Artifact>,
    artifact: &Artifact,
    key: &Key,
) -> Result<Next, ReconcileError> {
    let users = watch::using(&key.namespace, &key.name);
    if context.caches.deployments.count(&users) == 0 {
        let rest: Vec<String> = artifact
            .finalizers()
            .iter()
            .filter(|f| *f != ARTIFACT_FINALIZER)
            .cloned()
            .collect();
        writes::finalizers(api, artifact, &rest, MANAGER).await?;
    }
    Ok(Next::After(Duration::from_secs(30)))
}

async fn write(
    context: &Context,
    api: &Api<Artifact>,
    artifact: &Artifact,
    looked: &Result<Found, Problem>,
) -> Result<(), ReconcileError> {
    let status = status(artifact, looked);
    if artifact.status.as_ref() == Some(&status) {
        return Ok(());
    }
    let held = artifact.status.clone().unwrap_or_default();
    let mut wanted = artifact.clone();
    wanted.status = Some(status.clone());
    writes::status(&context.schemas, api, artifact, wanted, MANAGER).await?;
    if let Some(url) = &status.artifact_url
        && held.artifact_url.as_ref() != Some(url)
    {
        let word = Happened::Resolved.as_str();
        let note = format!("Deployments use {url}");
        context
            .events
            .normal(artifact, word, "Resolve", &note)
            .await;
    }
    match looked {
        Err(problem) if failing(&held) != Some(problem.reason.as_str()) => {
            context
                .events
                .warning(
                    artifact,
                    problem.reason.as_str(),
                    "Resolve",
                    &problem.message,
                )
                .await;
        }
        _ => {}
    }
    Ok(())
}

/// The reason for which the last look failed, if it did.
fn failing(status: &ArtifactStatus) -> Option<&str> {
    condition::find(&status.conditions, "Sync")
        .filter(|c| c.status == crd_types::ConditionStatus::False)
        .map(|c| c.reason.as_str())
}

fn status(artifact: &Artifact, looked: &Result<Found, Problem>) -> ArtifactStatus {
    let mut status = artifact.status.clone().unwrap_or_default();
    let image = &artifact.spec.image;
    let mut conditions = Conditions::default();
    match looked {
        Ok(seen) => {
            let (url, digest) = found(image, &seen.pinned, &seen.digest, &status);
            status.artifact_url = Some(url);
            status.digest = Some(digest);
            conditions.yes("Sync").yes("Published").yes("Ready");
        }
        Err(problem) => {
            let (url, digest) = not_found(image, &status);
            let text = format!("{}; {url} is used meanwhile", problem.message);
            status.artifact_url = Some(url);
            status.digest = digest;
            conditions
                .no("Sync", problem.reason.as_str(), text)
                .yes("Published")
                .like("Ready", "Sync");
        }
    }
    let generation = artifact.meta().generation;
    status.observed_generation = generation;
    conditions.merge_into(&mut status.conditions, generation, &context::now());
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Reason;

    fn artifact() -> Artifact {
        let mut artifact = Artifact::new(
            "a",
            crd_types::ArtifactSpec {
                image: "registry.example/a:1".into(),
                ..crd_types::ArtifactSpec::default()
            },
        );
        artifact.metadata.generation = Some(3);
        artifact
    }

    #[test]
    fn status_follows_the_registry_and_settles() {
        let mut artifact = artifact();
        let looked = Ok(Found {
            digest: "sha256:aa".into(),
            pinned: "registry.example/a@sha256:aa".into(),
        });
        let first = status(&artifact, &looked);
        assert_eq!(
            first.artifact_url.as_deref(),
            Some("registry.example/a@sha256:aa")
        );
        assert_eq!(first.digest.as_deref(), Some("sha256:aa"));
        assert_eq!(first.observed_generation, Some(3));
        artifact.status = Some(first.clone());
        assert_eq!(status(&artifact, &looked), first);
    }

    #[test]
    fn an_outage_is_told_and_changes_nothing() {
        let mut artifact = artifact();
        artifact.status = Some(ArtifactStatus {
            artifact_url: Some("registry.example/a@sha256:aa".into()),
            digest: Some("sha256:aa".into()),
            ..ArtifactStatus::default()
        });
        let looked = Err(Problem {
            reason: Reason::RegistryUnreachable,
            message: "no route".into(),
        });
        let during = status(&artifact, &looked);
        assert_eq!(
            during.artifact_url.as_deref(),
            Some("registry.example/a@sha256:aa")
        );
        assert!(condition::is_true(&during.conditions, "Published"));
        assert_eq!(failing(&during), Some("RegistryUnreachable"));
        let ready = condition::find(&during.conditions, "Ready").unwrap();
        assert!(ready.message.contains("no route"), "{ready:?}");
    }
}
