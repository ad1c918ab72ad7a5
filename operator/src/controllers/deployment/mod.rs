//! Deployments: ReplicaSets of the present template grow, others shrink.

mod apply;
mod build;
mod dereference;
mod progress;
mod status;

use super::queue::Next;
use super::{Context, config};
use crate::core::artifacts::ArtifactError;
use crate::core::conditions::Conditions;
use crate::core::rollout::{Bounds, Plan};
use crate::error::ReconcileError;
use crate::watch::Key;
use crd_types::{WorkloadDeployment, WorkloadTemplate};
use dereference::Family;
use kube::Resource;
use protocol::Reason;
use std::sync::Arc;

pub(super) const MANAGER: &str = "workload-deployment";

/// A Deployment, what there is of it, and what to do.
struct Look {
    deployment: Arc<WorkloadDeployment>,
    template: WorkloadTemplate,
    bounds: Bounds,
    family: Family,
    plan: Plan,
}

impl Look {
    fn new(
        deployment: Arc<WorkloadDeployment>,
        (template, family): (WorkloadTemplate, Family),
    ) -> Self {
        let bounds = Bounds::of(&deployment.spec);
        let plan = crate::core::rollout::plan(&bounds, &family.sets());
        Self {
            deployment,
            template,
            bounds,
            family,
            plan,
        }
    }
}

/// One look at a Deployment.
pub async fn reconcile(context: Arc<Context>, key: Key) -> Result<Next, ReconcileError> {
    let Some(deployment) = context.caches.deployments.get(&key) else {
        return Ok(Next::Wait);
    };
    if deployment.meta().deletion_timestamp.is_some() {
        return Ok(Next::Wait);
    }
    let mut templates = match dereference::templates(&context, &deployment) {
        Ok(templates) => templates,
        Err(error) => return unresolved(&context, &deployment, &error).await,
    };
    for template in templates.all_mut() {
        config::mark(&context, &deployment, template).await?;
    }
    let family = dereference::family(&context, &deployment, templates);
    let mut look = Look::new(deployment, family);
    if !look.plan.steps.is_empty() {
        // What is cached may lag behind: nothing is created, resized or deleted on its word alone.
        let Some(deployment) = dereference::live(&context, &look.deployment).await? else {
            return Ok(Next::Wait);
        };
        let mut templates = match dereference::templates(&context, &deployment) {
            Ok(templates) => templates,
            Err(error) => return unresolved(&context, &deployment, &error).await,
        };
        for template in templates.all_mut() {
            config::mark(&context, &deployment, template).await?;
        }
        let family = dereference::live_family(&context, &deployment, templates).await?;
        look = Look::new(Arc::new(deployment), family);
    }
    let applied = apply::carry_out(&context, &look).await?;
    let deadline = status::write(&context, &look, &applied).await?;
    apply::note_revision(&context, &look, &applied).await?;
    Ok(look.family.next_look().sooner(deadline))
}

/// The template names an Artifact that stands for no image yet; what runs goes on running.
async fn unresolved(
    context: &Context,
    deployment: &WorkloadDeployment,
    error: &ArtifactError,
) -> Result<Next, ReconcileError> {
    let mut conditions = Conditions::default();
    conditions
        .no(
            "Artifact",
            Reason::ArtifactNotReady.as_str(),
            error.to_string(),
        )
        .like("Ready", "Artifact");
    status::write_conditions(context, deployment, &conditions).await?;
    Ok(Next::Wait)
}
