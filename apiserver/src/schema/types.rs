//! `type(x)`, the names it is compared with, and `dyn(x)`: parts of the language that the evaluator leaves
//! to its host.

use std::sync::Arc;

use kube_cel::cel::extractors::This;
use kube_cel::cel::objects::{Opaque, ValueType};
use kube_cel::cel::{Context, ResolveResult, Value as Cel};

/// What `type(x)` gives.
#[derive(Debug, PartialEq, Eq)]
struct TypeName(&'static str);

impl Opaque for TypeName {
    fn runtime_type_name(&self) -> &'static str {
        "type"
    }
}

/// Names that stand for types in expressions.
pub(crate) const TYPE_NAMES: [&str; 10] = [
    "int",
    "uint",
    "double",
    "bool",
    "string",
    "bytes",
    "list",
    "map",
    "null_type",
    "type",
];

pub(crate) fn register(context: &mut Context<'_>) {
    context.add_function("type", |This(value): This<Cel>| {
        ResolveResult::Ok(type_of(&value))
    });
    context.add_function("dyn", |This(value): This<Cel>| ResolveResult::Ok(value));
    for name in TYPE_NAMES {
        context.add_variable_from_value(name, Cel::Opaque(Arc::new(TypeName(name))));
    }
}

fn type_of(value: &Cel) -> Cel {
    let name = match value.type_of() {
        ValueType::Int => "int",
        ValueType::UInt => "uint",
        ValueType::Float => "double",
        ValueType::Bool => "bool",
        ValueType::String => "string",
        ValueType::Bytes => "bytes",
        ValueType::List => "list",
        ValueType::Map => "map",
        ValueType::Null => "null_type",
        ValueType::Timestamp => "google.protobuf.Timestamp",
        ValueType::Duration => "google.protobuf.Duration",
        ValueType::Function | ValueType::Opaque => "type",
    };
    Cel::Opaque(Arc::new(TypeName(name)))
}
