//! The shapes of the built-in kinds, read once from `builtin_shapes.json`.
//!
//! That document is made from a kube-apiserver's OpenAPI document by `examples/builtin_shapes.rs`; it
//! holds names of types and fields, list types and merge keys, no prose. See `compact` for its format.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

use super::compact::read_shapes;
use super::topology::Topology;

/// Shapes by `group/kind` (`/Pod` for the core group), all of one version each.
static SHAPES: LazyLock<BTreeMap<String, Topology>> = LazyLock::new(|| {
    let document: Value = serde_json::from_str(include_str!("builtin_shapes.json")).unwrap_or_default();
    // The document is part of the program; a test reads it through the same function and fails on error.
    read_shapes(&document).unwrap_or_default()
});

static SCHEMALESS: LazyLock<Topology> = LazyLock::new(Topology::schemaless);

/// The shape of a built-in kind; for a kind that is not built in, a shape without schema (granular maps,
/// atomic lists).
pub fn topology_for(group: &str, kind: &str) -> &'static Topology {
    SHAPES.get(&format!("{group}/{kind}")).unwrap_or(&SCHEMALESS)
}

/// The shape whose `metadata` every custom resource shares.
pub(crate) fn object_metadata() -> &'static Topology {
    topology_for("", "ConfigMap")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::topology::Node;

    #[test]
    fn the_document_is_readable() {
        let document: Value = serde_json::from_str(include_str!("builtin_shapes.json")).unwrap();
        let shapes = read_shapes(&document).unwrap();
        for kind in [
            "/Pod", "/Service", "/Node", "/Namespace", "/ConfigMap", "/Secret", "/ServiceAccount", "/Event",
            "discovery.k8s.io/EndpointSlice", "coordination.k8s.io/Lease", "events.k8s.io/Event",
            "apiextensions.k8s.io/CustomResourceDefinition", "rbac.authorization.k8s.io/ClusterRole",
            "rbac.authorization.k8s.io/RoleBinding", "autoscaling/Scale",
        ] {
            assert!(shapes.contains_key(kind), "{kind} is missing");
        }
    }

    #[test]
    fn an_unknown_kind_has_no_schema() {
        let topology = topology_for("example.com", "Unknown");
        assert!(matches!(topology.node(topology.root()), Node::Any));
    }
}
