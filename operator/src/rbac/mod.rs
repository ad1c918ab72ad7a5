//! The rights that the operator needs, in one place: the chart's rules, `runtime-operator rbac`, and the accounts that
//! the tests run it under are all made of these.
//!
//! - [`rules`]: lists of rules, by the kind of place they are granted in.
//! - [`Install`]: which places there are, as manifests.

mod manifests;
pub mod rules;

pub use manifests::{INSTALLER, Install, OPERATOR};

use k8s_openapi::api::rbac::v1::PolicyRule;

const HEADER: &str = "# Generated from operator/src/rbac by `cargo xtask rbac`. Do not edit.\n";

/// The files of the chart, by name: YAML that a Role's `rules` take as they are.
pub fn files() -> Result<Vec<(String, String)>, serde_saphyr::ser::Error> {
    let lists = [
        ("own-namespace", rules::own()),
        ("host-pods", rules::host_pods()),
        ("served-namespaces", rules::served()),
        ("watch-config", rules::watch_config()),
        ("metrics", rules::metrics()),
        ("metrics-reader", rules::metrics_reader()),
        ("install-crds", rules::install_crds()),
    ];
    let render = |(name, rules): (&str, Vec<PolicyRule>)| {
        let yaml = serde_saphyr::to_string(&rules)?;
        Ok((format!("{name}.yaml"), format!("{HEADER}{yaml}")))
    };
    lists.into_iter().map(render).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn the_committed_files_are_current() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/runtime-operator/rbac");
        for (name, yaml) in super::files().unwrap() {
            let held = std::fs::read_to_string(folder.join(&name)).unwrap();
            assert_eq!(held, yaml, "{name}: run `cargo xtask rbac`");
        }
    }
}
