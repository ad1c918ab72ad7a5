//! The revisions of a Deployment: its ReplicaSets, by the number the operator gave them.

use crd_types::names::{DEPLOYMENT_LABEL, REVISION_ANNOTATION};
use crd_types::{WorkloadDeployment, WorkloadReplicaSet, WorkloadTemplate};
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};

use crate::failure::Failure;

/// Annotation with what a user said of a change.
const CHANGE_CAUSE: &str = "kubernetes.io/change-cause";

/// One revision.
#[derive(Debug, Clone)]
pub(super) struct Revision {
    pub number: u32,
    pub cause: Option<String>,
    pub template: WorkloadTemplate,
}

impl Revision {
    /// The images of its components and service.
    pub fn images(&self) -> Vec<&str> {
        let spec = &self.template.spec;
        let components = spec.components.iter().map(|c| c.image.as_str());
        components
            .chain(spec.service.iter().map(|s| s.image.as_str()))
            .collect()
    }
}

/// The revisions of a Deployment, oldest first.
pub(super) async fn revisions(
    client: &Client,
    deployment: &WorkloadDeployment,
) -> Result<Vec<Revision>, Failure> {
    let api: Api<WorkloadReplicaSet> =
        Api::namespaced(client.clone(), &deployment.namespace().unwrap_or_default());
    let selector = format!("{DEPLOYMENT_LABEL}={}", deployment.name_any());
    let sets = api.list(&ListParams::default().labels(&selector)).await?;
    let uid = deployment.uid().unwrap_or_default();
    Ok(of(&uid, sets.items))
}

fn of(deployment: &str, sets: Vec<WorkloadReplicaSet>) -> Vec<Revision> {
    let owned = |set: &WorkloadReplicaSet| {
        let owners = set.owner_references();
        owners
            .iter()
            .any(|o| o.controller == Some(true) && o.uid == deployment)
    };
    let mut all: Vec<Revision> = sets
        .into_iter()
        .filter(owned)
        .filter_map(|set| {
            let annotations = set.annotations();
            let number = annotations.get(REVISION_ANNOTATION)?.parse().ok()?;
            Some(Revision {
                number,
                cause: annotations.get(CHANGE_CAUSE).cloned(),
                template: set.spec.template,
            })
        })
        .collect();
    all.sort_by_key(|r| r.number);
    all
}

/// The one to go back to: the number asked for, or the last but one.
pub(super) fn target(
    deployment: &str,
    revisions: &[Revision],
    asked: Option<u32>,
) -> Result<Revision, Failure> {
    let found = match asked {
        Some(number) => revisions.iter().find(|r| r.number == number),
        None => revisions.iter().rev().nth(1),
    };
    found.cloned().ok_or_else(|| {
        let what = asked.map_or_else(
            || format!("no rollout history found for deployment \"{deployment}\""),
            |number| format!("unable to find specified revision {number} in history"),
        );
        Failure::new(what).hint_at(format!(
            "`wash rollout history {deployment}` lists what there is"
        ))
    })
}

/// The table that `history` prints.
pub(super) fn table(name: &str, revisions: &[Revision]) -> String {
    let mut lines = vec![
        format!("workloaddeployment/{name}"),
        format!("{:<10}{:<40}{}", "REVISION", "CHANGE-CAUSE", "IMAGES"),
    ];
    lines.extend(revisions.iter().map(|r| {
        let cause = r.cause.as_deref().unwrap_or("<none>");
        format!("{:<10}{cause:<40}{}", r.number, r.images().join(", "))
    }));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(owner: &str, revision: &str, image: &str) -> WorkloadReplicaSet {
        serde_json::from_value(json!({
            "apiVersion": "runtime.wasmcloud.dev/v1alpha1", "kind": "WorkloadReplicaSet",
            "metadata": {"name": image, "annotations": {REVISION_ANNOTATION: revision},
                "ownerReferences": [{"apiVersion": "v", "kind": "k", "name": "d", "uid": owner, "controller": true}]},
            "spec": {"template": {"spec": {"components": [{"name": "c", "image": image}]}}},
        }))
        .unwrap()
    }

    #[test]
    fn revisions_are_those_of_the_deployment_in_order() {
        let sets = vec![
            set("us", "10", "c:10"),
            set("us", "9", "c:9"),
            set("them", "11", "c:11"),
            set("us", "none", "c:0"),
        ];
        let all = of("us", sets);
        let numbers: Vec<u32> = all.iter().map(|r| r.number).collect();
        assert_eq!(numbers, [9, 10]);
        assert_eq!(target("d", &all, None).unwrap().number, 9);
        assert_eq!(target("d", &all, Some(10)).unwrap().number, 10);
        assert!(
            target("d", &all, Some(3))
                .unwrap_err()
                .message()
                .contains("revision 3")
        );
        assert!(target("d", &all[..1], None).is_err());
        assert!(table("d", &all).ends_with("<none>                                  c:10"));
    }
}
