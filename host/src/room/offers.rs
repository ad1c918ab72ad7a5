//! What the host tells of itself: interfaces that workloads may ask for.

use std::{collections::BTreeMap, sync::Arc};

use host_api::{Plugin, Versions};
use protocol::v2::WitInterface;

/// Versions of `wasi:http` that the engine serves.
const HTTP_VERSIONS: [&str; 2] = ["0.2.12", "0.3.0"];

/// What components may import: the plugins' interfaces and outgoing HTTP. An interface without a version
/// is served in any.
pub(super) fn imports(plugins: &[Arc<dyn Plugin>]) -> Vec<WitInterface> {
    let mut packages: BTreeMap<(&str, &str, &str), Vec<&str>> = BTreeMap::new();
    for served in plugins.iter().flat_map(|plugin| plugin.serves()) {
        let Some((namespace, package)) = served.package.split_once(':') else {
            continue;
        };
        let versions: &[&str] = match served.versions {
            Versions::Any => &[""],
            Versions::Compatible(versions) => versions,
        };
        for version in versions {
            packages
                .entry((namespace, package, version))
                .or_default()
                .extend(served.interfaces);
        }
    }
    let mut imports = http(["types", "outgoing-handler"], ["types", "client"]);
    imports.extend(
        packages
            .into_iter()
            .map(|((namespace, package, version), mut interfaces)| {
                interfaces.sort_unstable();
                interfaces.dedup();
                interface(namespace, package, version, &interfaces)
            }),
    );
    imports
}

/// What the host calls on components.
pub(super) fn exports() -> Vec<WitInterface> {
    http(["incoming-handler"], ["handler"])
}

fn http<const N: usize>(old: [&str; N], new: [&str; N]) -> Vec<WitInterface> {
    HTTP_VERSIONS
        .iter()
        .zip([old, new])
        .map(|(version, names)| interface("wasi", "http", version, &names))
        .collect()
}

fn interface(namespace: &str, package: &str, version: &str, interfaces: &[&str]) -> WitInterface {
    WitInterface {
        namespace: namespace.to_owned(),
        package: package.to_owned(),
        version: version.to_owned(),
        interfaces: interfaces.iter().map(ToString::to_string).collect(),
        ..WitInterface::default()
    }
}
