//! A schema's lists, maps and fields as apply sees them.

use super::node::{Additional, ListType, Node, Type};
use crate::apply::builtin::object_metadata;
use crate::apply::topology::{
    ListNode, MapKey, MapNode, Node as Shape, NodeId, Relation, Scalar, Topology, TopologyBuilder,
    plain,
};

pub(crate) fn topology(root: &Node) -> Topology {
    let mut builder = TopologyBuilder::default();
    let id = add(root, true, &mut builder);
    builder.build(id)
}

fn add(node: &Node, is_resource: bool, builder: &mut TopologyBuilder) -> NodeId {
    let shape = shape(node, is_resource, builder);
    builder.add(shape)
}

fn shape(node: &Node, is_resource: bool, builder: &mut TopologyBuilder) -> Shape {
    if node.int_or_string {
        return Shape::Scalar(Scalar::Untyped);
    }
    match node.types {
        Some(Type::String) => Shape::Scalar(Scalar::String),
        Some(Type::Integer | Type::Number) => Shape::Scalar(Scalar::Number),
        Some(Type::Boolean) => Shape::Scalar(Scalar::Boolean),
        Some(Type::Array) => list(node, builder),
        Some(Type::Object) => map(node, is_resource, builder),
        None => Shape::Any,
    }
}

fn list(node: &Node, builder: &mut TopologyBuilder) -> Shape {
    let element = match &node.items {
        Some(items) => add(items, items.embedded, builder),
        None => builder.add(Shape::Any),
    };
    let relation = match &node.list {
        ListType::Atomic => Relation::Atomic,
        ListType::Set => Relation::Set,
        ListType::Map(keys) => {
            let default = |key: &str| {
                node.items
                    .as_ref()
                    .and_then(|items| items.properties.get(key)?.default.clone())
            };
            Relation::Map(
                keys.iter()
                    .map(|key| MapKey {
                        name: key.clone(),
                        default: default(key),
                    })
                    .collect(),
            )
        }
    };
    Shape::List(ListNode { relation, element })
}

fn map(node: &Node, is_resource: bool, builder: &mut TopologyBuilder) -> Shape {
    let mut out = MapNode {
        atomic: node.atomic_map,
        ..MapNode::default()
    };
    for (name, child) in &node.properties {
        let id = add(child, child.embedded, builder);
        out.fields.insert(name.clone(), plain(id));
    }
    if is_resource {
        for name in ["apiVersion", "kind"] {
            let id = builder.add(Shape::Scalar(Scalar::String));
            out.fields.insert(name.to_owned(), plain(id));
        }
        let metadata = object_metadata();
        if let Some(id) = metadata.root_field("metadata") {
            out.fields.insert(
                "metadata".to_owned(),
                plain(metadata.copy_into(id, builder)),
            );
        }
    }
    out.element = match &node.additional {
        Additional::Schema(child) => Some(add(child, child.embedded, builder)),
        Additional::Any => Some(builder.add(Shape::Any)),
        Additional::None if node.preserve_unknown => Some(builder.add(Shape::Any)),
        Additional::None => None,
    };
    Shape::Map(out)
}
