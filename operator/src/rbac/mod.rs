//! The rights that the operator needs, in one place: the chart's rules, `runtime-operator rbac`, and the accounts that
//! the tests run it under are all made of these.
//!
//! - [`rules`]: lists of rules, by the kind of place they are granted in.
//! - [`Install`]: which places there are, as manifests.

mod manifests;
pub mod rules;

pub use manifests::{INSTALLER, Install, OPERATOR};

use k8s_openapi::api::rbac::v1::PolicyRule;

/// The files of the chart: name and rules.
pub fn files() -> [(&'static str, Vec<PolicyRule>); 6] {
    [
        ("own-namespace", rules::own()),
        ("host-pods", rules::host_pods()),
        ("served-namespaces", rules::served()),
        ("metrics", rules::metrics()),
        ("metrics-reader", rules::metrics_reader()),
        ("install-crds", rules::install_crds()),
    ]
}
