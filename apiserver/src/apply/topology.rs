//! The shape of a kind as ownership and patches see it: which lists are sets or maps and by which keys,
//! which values are replaced as a whole, which fields exist at all.
//!
//! Nodes live in a table and name each other by index, so that recursive kinds (the schema inside a
//! CustomResourceDefinition) need no special case.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

/// Index of a node in its [`Topology`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NodeId(u32);

/// The shape of one kind. Compiled from a CRD's schema or loaded for a built-in kind.
#[derive(Clone, Debug)]
pub struct Topology {
    nodes: Vec<Node>,
    root: NodeId,
}

/// What an unreadable shape definition complains about.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TopologyError {
    /// The compact shape document holds something other than a shape.
    #[error("shape of {at}: expected {expected}, found {found}")]
    Malformed {
        /// Type and field inside the document.
        at: String,
        /// What belongs there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A shape refers to a type that the document does not hold.
    #[error("shape of {at}: type {name:?} is not defined")]
    UnknownType {
        /// Type and field inside the document.
        at: String,
        /// The missing type.
        name: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    String,
    Number,
    Boolean,
    /// Any scalar: int-or-string, quantities.
    Untyped,
}

#[derive(Clone, Debug)]
pub(crate) enum Node {
    Scalar(Scalar),
    Map(MapNode),
    List(ListNode),
    /// No schema: maps are granular, lists atomic, all the way down.
    Any,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct MapNode {
    pub(crate) fields: BTreeMap<String, Field>,
    /// Shape of the values under undeclared keys; `None` means that such keys do not exist.
    pub(crate) element: Option<NodeId>,
    pub(crate) atomic: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) node: NodeId,
    pub(crate) patch: Option<PatchStrategy>,
}

#[derive(Clone, Debug)]
pub(crate) struct ListNode {
    pub(crate) relation: Relation,
    pub(crate) element: NodeId,
}

#[derive(Clone, Debug)]
pub(crate) enum Relation {
    Atomic,
    Set,
    Map(Vec<MapKey>),
}

/// One key field of a `listType: map` list.
#[derive(Clone, Debug)]
pub(crate) struct MapKey {
    pub(crate) name: String,
    /// Stands for an element that leaves the key out.
    pub(crate) default: Option<Value>,
}

/// How a strategic merge patch treats a field (`x-kubernetes-patch-strategy`, `-merge-key`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PatchStrategy {
    pub(crate) merge: bool,
    pub(crate) retain_keys: bool,
    pub(crate) merge_key: Option<String>,
}

impl Topology {
    /// A kind without a schema below its metadata.
    pub fn schemaless() -> Self {
        let mut builder = TopologyBuilder::default();
        let any = builder.add(Node::Any);
        builder.build(any)
    }

    pub(crate) fn root(&self) -> NodeId {
        self.root
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        // Ids are only made by the builder that made this table.
        self.nodes.get(id.0 as usize).unwrap_or(&Node::Any)
    }

    /// The shape of `name` under a map; `None` when the map declares no such field.
    pub(crate) fn child<'t>(&'t self, map: &'t MapNode, name: &str) -> Option<&'t Node> {
        map.fields
            .get(name)
            .map(|field| field.node)
            .or(map.element)
            .map(|id| self.node(id))
    }

    /// Copies the type graph below `root` of `other` into `builder`.
    pub(crate) fn copy_into(&self, root: NodeId, builder: &mut TopologyBuilder) -> NodeId {
        let mut copied = HashMap::new();
        self.copy_node(root, builder, &mut copied)
    }

    fn copy_node(
        &self,
        id: NodeId,
        builder: &mut TopologyBuilder,
        copied: &mut HashMap<NodeId, NodeId>,
    ) -> NodeId {
        if let Some(done) = copied.get(&id) {
            return *done;
        }
        let target = builder.add(Node::Any);
        copied.insert(id, target);
        let node = match self.node(id) {
            Node::Scalar(scalar) => Node::Scalar(*scalar),
            Node::Any => Node::Any,
            Node::List(list) => Node::List(ListNode {
                relation: list.relation.clone(),
                element: self.copy_node(list.element, builder, copied),
            }),
            Node::Map(map) => Node::Map(MapNode {
                fields: map
                    .fields
                    .iter()
                    .map(|(name, field)| {
                        let node = self.copy_node(field.node, builder, copied);
                        (
                            name.clone(),
                            Field {
                                node,
                                patch: field.patch.clone(),
                            },
                        )
                    })
                    .collect(),
                element: map
                    .element
                    .map(|element| self.copy_node(element, builder, copied)),
                atomic: map.atomic,
            }),
        };
        builder.set(target, node);
        target
    }

    /// The node of a field of the root, for kinds built on top of a built-in one (metadata).
    pub(crate) fn root_field(&self, name: &str) -> Option<NodeId> {
        match self.node(self.root) {
            Node::Map(map) => map.fields.get(name).map(|field| field.node),
            _ => None,
        }
    }
}

/// Collects nodes; ids are valid in the topology it builds.
#[derive(Debug, Default)]
pub(crate) struct TopologyBuilder {
    nodes: Vec<Node>,
}

impl TopologyBuilder {
    pub(crate) fn add(&mut self, node: Node) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        self.nodes.push(node);
        id
    }

    pub(crate) fn set(&mut self, id: NodeId, node: Node) {
        if let Some(slot) = self.nodes.get_mut(id.0 as usize) {
            *slot = node;
        }
    }

    pub(crate) fn build(self, root: NodeId) -> Topology {
        Topology {
            nodes: self.nodes,
            root,
        }
    }
}

/// A field without a patch strategy.
pub(crate) fn plain(node: NodeId) -> Field {
    Field { node, patch: None }
}
