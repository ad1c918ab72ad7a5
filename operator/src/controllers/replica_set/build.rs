//! The Workload of an ordinal.

use crd_types::names::{
    DEPLOYMENT_LABEL, REPLICA_SET_LABEL, TEMPLATE_HASH_ANNOTATION, WORKLOAD_FINALIZER,
};
use crd_types::{Workload, WorkloadReplicaSet, hash};
use kube::ResourceExt;

/// The Workload to create. It is born with the finalizer that guards what will run on a host.
pub(super) fn workload(set: &WorkloadReplicaSet, ordinal: u32) -> Workload {
    let template = &set.spec.template;
    let name = crate::core::names::workload(&set.name_any(), ordinal);
    let mut workload = Workload::new(&name, template.spec.clone());
    workload.metadata.namespace = set.namespace();
    let mut labels = template.labels.clone();
    let owner = crate::core::names::label_value(&set.name_any());
    labels.insert(REPLICA_SET_LABEL.to_owned(), owner);
    if let Some(deployment) = set.labels().get(DEPLOYMENT_LABEL) {
        labels.insert(DEPLOYMENT_LABEL.to_owned(), deployment.clone());
    }
    workload.metadata.labels = Some(labels);
    let mut annotations = template.annotations.clone();
    // The reference's hash, without labels: its operator deletes Workloads that note another.
    annotations.insert(
        TEMPLATE_HASH_ANNOTATION.to_owned(),
        hash::spec_hash(&template.spec),
    );
    workload.metadata.annotations = Some(annotations);
    workload.metadata.owner_references =
        crate::core::owner::reference(set).map(|owner| vec![owner]);
    workload.metadata.finalizers = Some(vec![WORKLOAD_FINALIZER.to_owned()]);
    workload
}
