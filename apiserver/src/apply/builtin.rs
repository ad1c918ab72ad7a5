//! The shapes of the built-in kinds, read once from `builtin_shapes.json`.
//!
//! That document is made from a kube-apiserver's OpenAPI document by `examples/builtin_shapes.rs`; it
//! holds names of types and fields, list types and merge keys, no prose. See `compact` for its format.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use serde_json::Value;

use super::compact::read_shapes;
use super::topology::{Node, Topology};

/// Shapes by `group/kind` (`/Pod` for the core group), all of one version each.
static SHAPES: LazyLock<BTreeMap<String, Topology>> = LazyLock::new(|| {
    let document: Value =
        serde_json::from_str(include_str!("builtin_shapes.json")).unwrap_or_default();
    // The document is part of the program; a test reads it through the same function and fails on error.
    read_shapes(&document).unwrap_or_default()
});

static SCHEMALESS: LazyLock<Topology> = LazyLock::new(Topology::schemaless);

/// The shape of a built-in kind; for a kind that is not built in, a shape without schema (granular maps,
/// atomic lists).
pub fn topology_for(group: &str, kind: &str) -> &'static Topology {
    SHAPES
        .get(&format!("{group}/{kind}"))
        .unwrap_or(&SCHEMALESS)
}

/// The shape whose `metadata` every custom resource shares.
pub(crate) fn object_metadata() -> &'static Topology {
    topology_for("", "ConfigMap")
}

/// Takes away the fields of `metadata` that object metadata does not have, and returns their paths, each
/// with its leading dot.
pub(crate) fn unknown_metadata(metadata: &mut Value) -> Vec<String> {
    let topology = object_metadata();
    let mut unknown = Vec::new();
    if let Some(id) = topology.root_field("metadata") {
        drop_undeclared(
            topology,
            topology.node(id),
            metadata,
            &mut String::new(),
            &mut unknown,
        );
    }
    unknown
}

fn drop_undeclared(
    topology: &Topology,
    node: &Node,
    value: &mut Value,
    path: &mut String,
    unknown: &mut Vec<String>,
) {
    let length = path.len();
    match (node, value) {
        (Node::Map(map), Value::Object(fields)) => fields.retain(|name, child| {
            path.push('.');
            path.push_str(name);
            let declared = topology.child(map, name);
            match declared {
                Some(node) => drop_undeclared(topology, node, child, path, unknown),
                None => unknown.push(path.clone()),
            }
            path.truncate(length);
            declared.is_some()
        }),
        (Node::List(list), Value::Array(items)) => {
            for (index, item) in items.iter_mut().enumerate() {
                // Writing to a String cannot fail.
                let _ = write!(path, "[{index}]");
                drop_undeclared(topology, topology.node(list.element), item, path, unknown);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_readable() {
        let document: Value = serde_json::from_str(include_str!("builtin_shapes.json")).unwrap();
        let shapes = read_shapes(&document).unwrap();
        for kind in [
            "/Pod",
            "/Service",
            "/Node",
            "/Namespace",
            "/ConfigMap",
            "/Secret",
            "/ServiceAccount",
            "/Event",
            "discovery.k8s.io/EndpointSlice",
            "coordination.k8s.io/Lease",
            "events.k8s.io/Event",
            "apiextensions.k8s.io/CustomResourceDefinition",
            "rbac.authorization.k8s.io/ClusterRole",
            "rbac.authorization.k8s.io/RoleBinding",
            "autoscaling/Scale",
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
