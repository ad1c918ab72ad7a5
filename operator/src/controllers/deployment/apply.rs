//! Writes: ReplicaSets are created, resized, deleted.

use super::dereference::Family;
use super::{MANAGER, build};
use crate::controllers::{Context, writes};
use crate::core::rollout::{Plan, Step};
use crate::error::{Attempt, ReconcileError};
use crate::watch;
use crd_types::names::{DESIRED_REPLICAS_ANNOTATION, REVISION_ANNOTATION};
use crd_types::{WorkloadDeployment, WorkloadReplicaSet, WorkloadTemplate, hash};
use kube::{Api, ResourceExt};
use serde_json::json;

/// What came of a plan.
#[derive(Debug, Default)]
pub(super) struct Applied {
    /// Name of the ReplicaSet of the present template.
    pub current: Option<String>,
    /// How often its name was taken by a stranger.
    pub collisions: Option<i32>,
}

pub(super) async fn carry_out(
    context: &Context,
    deployment: &WorkloadDeployment,
    template: &WorkloadTemplate,
    family: &Family,
    plan: &Plan,
) -> Result<Applied, ReconcileError> {
    let namespace = deployment.namespace().unwrap_or_default();
    let api: Api<WorkloadReplicaSet> = Api::namespaced(context.client(), &namespace);
    let held = deployment.status.as_ref().and_then(|s| s.collision_count);
    let mut applied = Applied {
        current: plan.current.clone(),
        collisions: held,
    };
    for step in &plan.steps {
        match step {
            Step::Create { replicas } => {
                create(
                    context,
                    &api,
                    deployment,
                    template,
                    (*replicas, plan.revision),
                    &mut applied,
                )
                .await?;
            }
            Step::Scale { name, replicas, .. } => {
                if let Some(member) = family.get(name) {
                    scale(&api, deployment, &member.object, *replicas).await?;
                }
            }
            Step::Delete { name, uid } => writes::delete(&api, name, uid).await?,
        }
    }
    if let Some(member) = plan.current.as_deref().and_then(|name| family.get(name))
        && super::dereference::revision(&member.object) != plan.revision
    {
        let body = json!({"metadata": {
            "uid": member.object.uid(),
            "annotations": {REVISION_ANNOTATION: plan.revision.to_string()},
        }});
        writes::patch(&api, member.object.as_ref(), body, MANAGER).await?;
    }
    Ok(applied)
}

/// Creates the ReplicaSet. A taken name is ours when our uid and the template are on it; a stranger's name makes
/// the next try use another.
async fn create(
    context: &Context,
    api: &Api<WorkloadReplicaSet>,
    deployment: &WorkloadDeployment,
    template: &WorkloadTemplate,
    (replicas, revision): (usize, u32),
    applied: &mut Applied,
) -> Result<(), ReconcileError> {
    let collisions = applied.collisions.unwrap_or(0);
    let set = build::replica_set(deployment, template, replicas, revision, collisions);
    let name = set.name_any();
    if writes::create(api, &set, MANAGER).await?.is_some() {
        applied.current = Some(name.clone());
        context
            .events
            .normal(
                deployment,
                "ReplicaSetCreated",
                "Rollout",
                &format!("created ReplicaSet {name} with {replicas} replicas"),
            )
            .await;
        return Ok(());
    }
    let taken = api.get_opt(&name).await.attempt("reading a ReplicaSet")?;
    let ours = taken.as_ref().is_some_and(|set| {
        watch::controller_of(set).is_some_and(|o| Some(&o.uid) == deployment.uid().as_ref())
            && hash::same_template(template, &set.spec.template)
    });
    if ours {
        applied.current = Some(name);
    } else if taken.is_some() {
        applied.collisions = Some(collisions + 1);
    }
    Ok(())
}

async fn scale(
    api: &Api<WorkloadReplicaSet>,
    deployment: &WorkloadDeployment,
    set: &WorkloadReplicaSet,
    replicas: usize,
) -> Result<(), ReconcileError> {
    let body = json!({
        "metadata": {
            "uid": set.uid(),
            "resourceVersion": set.resource_version(),
            "annotations": {DESIRED_REPLICAS_ANNOTATION: deployment.spec.desired().to_string()},
        },
        "spec": {"replicas": replicas},
    });
    writes::patch(api, set, body, MANAGER).await.map(drop)
}
