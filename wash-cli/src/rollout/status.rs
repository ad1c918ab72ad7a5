//! How far a rollout is, in kubectl's words for apps/v1.

use crd_types::{WorkloadDeployment, condition};
use kube::ResourceExt;
use protocol::Reason;

/// How far it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It goes on.
    Waiting(String),
    /// Everything is there.
    Done(String),
    /// It does not get on.
    Failed(String),
}

/// Judges a Deployment by its status.
pub(super) fn stage(deployment: &WorkloadDeployment) -> Stage {
    let name = deployment.name_any();
    let waiting = |what: String| {
        Stage::Waiting(format!(
            "Waiting for deployment \"{name}\" rollout to finish: {what}..."
        ))
    };
    let status = deployment.status.clone().unwrap_or_default();
    if status.observed_generation < deployment.metadata.generation {
        return Stage::Waiting(format!(
            "Waiting for deployment \"{name}\" spec update to be observed..."
        ));
    }
    let progressing = condition::find(&status.conditions, "Progressing");
    if let Some(late) =
        progressing.filter(|c| c.reason == Reason::ProgressDeadlineExceeded.as_str())
    {
        return Stage::Failed(format!(
            "deployment \"{name}\" exceeded its progress deadline: {}",
            late.message
        ));
    }
    let desired = deployment.spec.desired();
    let total = status.replicas.map_or(0, |r| r.current);
    let updated = status.updated_replicas.unwrap_or_default();
    let available = status.available_replicas.unwrap_or_default();
    if updated < desired {
        return waiting(format!(
            "{updated} out of {desired} new replicas have been updated"
        ));
    }
    if total > updated {
        let old = total - updated;
        return waiting(format!("{old} old replicas are pending termination"));
    }
    if available < updated {
        return waiting(format!(
            "{available} of {updated} updated replicas are available"
        ));
    }
    Stage::Done(format!("deployment \"{name}\" successfully rolled out"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn at(status: &Value) -> Stage {
        let deployment = json!({
            "apiVersion": "runtime.wasmcloud.dev/v1alpha1", "kind": "WorkloadDeployment",
            "metadata": {"name": "web", "generation": 2},
            "spec": {"replicas": 3, "template": {"spec": {"components": []}}},
            "status": status,
        });
        stage(&serde_json::from_value(deployment).unwrap())
    }

    fn waits(status: &Value, words: &str) {
        match at(status) {
            Stage::Waiting(text) => assert!(text.contains(words), "{text}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_stage_is_named() {
        waits(&json!({"observedGeneration": 1}), "to be observed");
        let counts = |current: i32, updated: i32, available: i32| {
            json!({"observedGeneration": 2, "replicas": {"current": current},
                "updatedReplicas": updated, "availableReplicas": available})
        };
        waits(&counts(4, 1, 3), "1 out of 3 new replicas");
        waits(&counts(4, 3, 3), "1 old replicas are pending termination");
        waits(&counts(3, 3, 2), "2 of 3 updated replicas are available");
        assert!(matches!(at(&counts(3, 3, 3)), Stage::Done(_)));
        let mut late = counts(4, 1, 3);
        late["conditions"] = json!([{"type": "Progressing", "status": "False",
            "reason": "ProgressDeadlineExceeded", "message": "no progress for 600 s: image not found"}]);
        match at(&late) {
            Stage::Failed(text) => assert!(text.contains("image not found"), "{text}"),
            other => panic!("{other:?}"),
        }
    }
}
