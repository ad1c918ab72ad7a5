//! The ReplicaSet of a template.

use crd_types::names::{DEPLOYMENT_LABEL, DESIRED_REPLICAS_ANNOTATION, REVISION_ANNOTATION};
use crd_types::{
    WorkloadDeployment, WorkloadReplicaSet, WorkloadReplicaSetSpec, WorkloadTemplate, hash,
};
use kube::ResourceExt;
use std::collections::BTreeMap;

/// Annotations that belong to the Deployment alone.
const OWN_ANNOTATIONS: [&str; 2] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION_ANNOTATION,
];

/// The ReplicaSet to create.
pub(super) fn replica_set(
    deployment: &WorkloadDeployment,
    template: &WorkloadTemplate,
    replicas: usize,
    revision: u32,
    collisions: i32,
) -> WorkloadReplicaSet {
    let id = hash::template_hash(template, collisions);
    let name = crate::core::names::replica_set(&deployment.name_any(), &id);
    let spec = WorkloadReplicaSetSpec {
        replicas: i32::try_from(replicas).ok(),
        template: template.clone(),
    };
    let mut set = WorkloadReplicaSet::new(&name, spec);
    set.metadata.namespace = deployment.namespace();
    let mut labels = deployment.labels().clone();
    labels.insert(DEPLOYMENT_LABEL.to_owned(), deployment.name_any());
    set.metadata.labels = Some(labels);
    let mut annotations: BTreeMap<String, String> = deployment
        .annotations()
        .iter()
        .filter(|(key, _)| !OWN_ANNOTATIONS.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    annotations.insert(REVISION_ANNOTATION.to_owned(), revision.to_string());
    annotations.insert(
        DESIRED_REPLICAS_ANNOTATION.to_owned(),
        deployment.spec.desired().to_string(),
    );
    set.metadata.annotations = Some(annotations);
    set.metadata.owner_references =
        crate::core::owner::reference(deployment).map(|owner| vec![owner]);
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_set_carries_labels_but_not_kubectl_s_notes() {
        let deployment: WorkloadDeployment = serde_json::from_value(serde_json::json!({
            "apiVersion": "runtime.wasmcloud.dev/v1alpha1", "kind": "WorkloadDeployment",
            "metadata": {"name": "d", "namespace": "n", "uid": "u", "labels": {"team": "a"},
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "note": "kept"}},
            "spec": {"template": {"spec": {"components": [{"name": "c", "image": "i:1"}]}}}
        }))
        .unwrap();
        let set = replica_set(&deployment, &deployment.spec.template, 2, 5, 0);
        assert!(set.name_any().starts_with("d-"));
        assert_eq!(set.labels()["team"], "a");
        assert_eq!(set.labels()[DEPLOYMENT_LABEL], "d");
        assert_eq!(set.annotations()[REVISION_ANNOTATION], "5");
        assert_eq!(set.annotations()["note"], "kept");
        assert!(!set.annotations().contains_key(OWN_ANNOTATIONS[0]));
        let owner = &set.metadata.owner_references.as_ref().unwrap()[0];
        assert_eq!(
            (
                owner.uid.as_str(),
                owner.controller,
                owner.block_owner_deletion
            ),
            ("u", Some(true), Some(true))
        );
        assert_ne!(
            set.name_any(),
            replica_set(&deployment, &deployment.spec.template, 2, 5, 1).name_any()
        );
    }
}
