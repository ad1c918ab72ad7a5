//! Deployments: ReplicaSets of the present template grow, others shrink.

mod apply;
mod build;
mod dereference;
mod status;

use super::Context;
use super::queue::Next;
use crate::core::conditions::Conditions;
use crate::core::rollout::Bounds;
use crate::error::ReconcileError;
use crate::watch::Key;
use kube::Resource;
use protocol::Reason;
use std::sync::Arc;

pub(super) const MANAGER: &str = "workload-deployment";

/// One look at a Deployment.
pub async fn reconcile(context: Arc<Context>, key: Key) -> Result<Next, ReconcileError> {
    let Some(deployment) = context.caches.deployments.get(&key) else {
        return Ok(Next::Wait);
    };
    if deployment.meta().deletion_timestamp.is_some() {
        return Ok(Next::Wait);
    }
    let template = match dereference::template(&context, &deployment) {
        Ok(template) => template,
        Err(error) => {
            let mut conditions = Conditions::default();
            let message = error.to_string();
            conditions
                .no("Artifact", Reason::ArtifactNotReady.as_str(), message)
                .like("Ready", "Artifact");
            status::write_conditions(&context, &deployment, &conditions).await?;
            return Ok(Next::Wait);
        }
    };
    let bounds = Bounds::of(&deployment.spec);
    let mut family = dereference::family(&context, &deployment, &template);
    let mut plan = crate::core::rollout::plan(&bounds, &family.sets());
    if plan.creates() {
        // What is cached may lag behind: nothing is created on its word alone.
        family = dereference::live_family(&context, &deployment, &template).await?;
        plan = crate::core::rollout::plan(&bounds, &family.sets());
    }
    let applied = apply::carry_out(&context, &deployment, &template, &family, &plan).await?;
    status::write(&context, &deployment, &bounds, &family, &plan, &applied).await?;
    Ok(family.next_look())
}
