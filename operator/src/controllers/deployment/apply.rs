//! Writes: ReplicaSets are created, resized, deleted.

use super::{Look, MANAGER, build};
use crate::controllers::{Context, writes};
use crate::core::rollout::Step;
use crate::error::{Attempt, ReconcileError};
use crate::watch;
use crd_types::names::{DESIRED_REPLICAS_ANNOTATION, REVISION_ANNOTATION};
use crd_types::{WorkloadDeployment, WorkloadReplicaSet, hash};
use kube::{Api, ResourceExt};
use protocol::event::Happened;
use serde_json::json;

/// What came of a plan.
#[derive(Debug, Default)]
pub(super) struct Applied {
    /// Name of the ReplicaSet of the present template.
    pub current: Option<String>,
    /// It was created just now.
    pub created: bool,
    /// How often its name was taken by a stranger.
    pub collisions: Option<i32>,
}

pub(super) async fn carry_out(context: &Context, look: &Look) -> Result<Applied, ReconcileError> {
    let deployment = look.deployment.as_ref();
    let namespace = deployment.namespace().unwrap_or_default();
    let api: Api<WorkloadReplicaSet> = Api::namespaced(context.client(), &namespace);
    let mut applied = Applied {
        current: look.plan.current.clone(),
        created: false,
        collisions: deployment.status.as_ref().and_then(|s| s.collision_count),
    };
    for step in &look.plan.steps {
        match step {
            Step::Create { replicas } => {
                create(context, &api, look, *replicas, &mut applied).await?;
            }
            Step::Scale { name, replicas, .. } => {
                if let Some(member) = look.family.get(name) {
                    scale(context, &api, deployment, &member.object, *replicas).await?;
                }
            }
            Step::Delete { name, uid } => writes::delete(&api, name, uid).await?,
        }
    }
    if let Some(name) = look.plan.current.as_deref()
        && let Some(member) = look.family.get(name)
        && super::dereference::revision(&member.object) != look.plan.revision
    {
        let body = json!({"metadata": {
            "uid": member.object.uid(),
            "annotations": {REVISION_ANNOTATION: look.plan.revision.to_string()},
        }});
        writes::patch(&api, member.object.as_ref(), body, MANAGER).await?;
    }
    Ok(applied)
}

/// The Deployment says which revision it is at, as in apps/v1.
pub(super) async fn note_revision(
    context: &Context,
    look: &Look,
    applied: &Applied,
) -> Result<(), ReconcileError> {
    let deployment = look.deployment.as_ref();
    let revision = look.plan.revision.to_string();
    if applied.current.is_none()
        || deployment.annotations().get(REVISION_ANNOTATION) == Some(&revision)
    {
        return Ok(());
    }
    let api: Api<WorkloadDeployment> = Api::namespaced(
        context.client(),
        &deployment.namespace().unwrap_or_default(),
    );
    let body = json!({"metadata": {
        "uid": deployment.uid(),
        "annotations": {REVISION_ANNOTATION: revision},
    }});
    writes::patch(&api, deployment, body, MANAGER)
        .await
        .map(drop)
}

/// Creates the ReplicaSet. A taken name is ours when our uid and the template are on it; a stranger's name makes
/// the next try use another.
async fn create(
    context: &Context,
    api: &Api<WorkloadReplicaSet>,
    look: &Look,
    replicas: usize,
    applied: &mut Applied,
) -> Result<(), ReconcileError> {
    let (deployment, template) = (look.deployment.as_ref(), &look.template);
    let collisions = applied.collisions.unwrap_or(0);
    let set = build::replica_set(
        deployment,
        template,
        replicas,
        look.plan.revision,
        collisions,
    );
    let name = set.name_any();
    if writes::create(api, &set, MANAGER).await?.is_some() {
        applied.current = Some(name.clone());
        applied.created = true;
        context
            .events
            .normal(
                deployment,
                Happened::ScalingReplicaSet.as_str(),
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
    context: &Context,
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
    writes::patch(api, set, body, MANAGER).await?;
    let was = set.spec.desired();
    if usize::try_from(was) != Ok(replicas) {
        let note = format!(
            "resized ReplicaSet {} from {was} to {replicas}",
            set.name_any()
        );
        context
            .events
            .normal(
                deployment,
                Happened::ScalingReplicaSet.as_str(),
                "Rollout",
                &note,
            )
            .await;
    }
    Ok(())
}
