//! Which ConfigMaps and Secrets a spec takes its configuration from, and what stands for the state they are in.

use crd_types::{ConfigRef, WorkloadSpec, hash};
use std::collections::{BTreeMap, BTreeSet};

/// What a reference leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
}

/// One object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// Its kind.
    pub kind: Kind,
    /// Its name; it is in the namespace of who refers to it.
    pub name: String,
}

/// State of each object: uid and resourceVersion, empty where there is none. Never anything of its content.
pub type Versions = BTreeMap<Reference, String>;

/// Everything that a spec takes configuration or environment from. Pull secrets are read again for each pull.
pub fn references(spec: &WorkloadSpec) -> BTreeSet<Reference> {
    let resources = spec
        .components
        .iter()
        .map(|c| c.local_resources.as_ref())
        .chain(spec.service.iter().map(|s| s.local_resources.as_ref()));
    let environments = resources
        .flatten()
        .filter_map(|r| r.environment.as_ref())
        .map(|e| (&e.config_from, &e.secret_from));
    let interfaces = spec
        .host_interfaces
        .iter()
        .map(|i| (&i.config_from, &i.secret_from));
    let named = |kind: Kind, all: &[ConfigRef]| {
        all.iter()
            .filter(|r| !r.name.is_empty())
            .map(|r| Reference {
                kind,
                name: r.name.clone(),
            })
            .collect::<Vec<_>>()
    };
    environments
        .chain(interfaces)
        .flat_map(|(maps, secrets)| {
            [named(Kind::ConfigMap, maps), named(Kind::Secret, secrets)].concat()
        })
        .collect()
}

/// A short word for the state of all of them.
pub fn revision(versions: &Versions) -> String {
    let text: Vec<String> = versions
        .iter()
        .map(|(reference, version)| format!("{:?}/{}={version}", reference.kind, reference.name))
        .collect();
    let text = text.join("\n");
    hash::encode(hash::fnv1a(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(kind: Kind, name: &str) -> Reference {
        Reference {
            kind,
            name: name.into(),
        }
    }

    #[test]
    fn references_are_found_wherever_they_are() {
        let environment = |map: &str, secret: &str| serde_json::json!({"environment": {"configFrom": [{"name": map}], "secretFrom": [{"name": secret}]}});
        let spec: WorkloadSpec = serde_json::from_value(serde_json::json!({
            "components": [{"name": "c", "image": "i", "localResources": environment("a", "b"), "imagePullSecret": {"name": "pull"}}],
            "service": {"image": "s", "localResources": environment("c", "b")},
            "hostInterfaces": [{"namespace": "wasi", "package": "config", "interfaces": ["store"],
                "configFrom": [{"name": "d", "optional": true}], "secretFrom": [{"name": "e"}]}],
        }))
        .unwrap();
        let expected = [
            reference(Kind::ConfigMap, "a"),
            reference(Kind::ConfigMap, "c"),
            reference(Kind::ConfigMap, "d"),
            reference(Kind::Secret, "b"),
            reference(Kind::Secret, "e"),
        ];
        assert!(references(&spec).into_iter().eq(expected));
    }

    #[test]
    fn every_change_of_state_is_another_revision() {
        let state =
            |version: &str| Versions::from([(reference(Kind::Secret, "a"), version.to_owned())]);
        assert_eq!(revision(&state("u/1")), revision(&state("u/1")));
        assert_ne!(revision(&state("u/1")), revision(&state("u/2")));
        assert_ne!(revision(&state("u/1")), revision(&state("")));
        let map = Versions::from([(reference(Kind::ConfigMap, "a"), "u/1".to_owned())]);
        assert_ne!(revision(&state("u/1")), revision(&map));
    }
}
