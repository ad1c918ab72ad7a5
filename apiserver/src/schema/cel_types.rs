//! Types of expressions, as far as they can be told without running one.

use std::fmt;

use super::format::Format;
use super::node::{Additional, Node, Type};

/// The type of an expression. [`Ty::Dyn`] is what nobody can tell: it fits everywhere.
#[derive(Clone, Debug)]
pub(super) enum Ty<'e> {
    Dyn,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    Timestamp,
    Duration,
    List(Box<Ty<'e>>),
    Map(Box<Ty<'e>>, Box<Ty<'e>>),
    Object(&'e Node),
}

impl<'e> Ty<'e> {
    /// What values of a schema are to a rule.
    pub fn of(node: &'e Node) -> Self {
        if node.int_or_string {
            return Self::Dyn;
        }
        match node.types {
            None => Self::Dyn,
            Some(Type::Boolean) => Self::Bool,
            Some(Type::Integer) => Self::Int,
            Some(Type::Number) => Self::Double,
            Some(Type::String) => match node.checks.format {
                Some(Format::DateTime | Format::Date) => Self::Timestamp,
                Some(Format::Duration) => Self::Duration,
                Some(Format::Byte) => Self::Bytes,
                _ => Self::Text,
            },
            Some(Type::Array) => Self::list(node.items.as_deref().map_or(Self::Dyn, Self::of)),
            Some(Type::Object) => match &node.additional {
                Additional::None => Self::Object(node),
                Additional::Any => Self::map(Self::Text, Self::Dyn),
                Additional::Schema(values) => Self::map(Self::Text, Self::of(values)),
            },
        }
    }

    pub fn list(of: Self) -> Self {
        Self::List(Box::new(of))
    }

    pub fn map(keys: Self, values: Self) -> Self {
        Self::Map(Box::new(keys), Box::new(values))
    }

    pub fn is_dyn(&self) -> bool {
        matches!(self, Self::Dyn)
    }

    /// Whether a value of it may stand where a truth value must.
    pub fn may_be_bool(&self) -> bool {
        matches!(self, Self::Bool | Self::Dyn)
    }

    pub fn is_number(&self) -> bool {
        matches!(self, Self::Int | Self::Uint | Self::Double)
    }

    /// Whether one value can be of both types.
    pub fn fits(&self, other: &Self) -> bool {
        match (self, other) {
            // A literal map stands for an object whose fields nobody compares here.
            (Self::Dyn | Self::Null, _)
            | (_, Self::Dyn | Self::Null)
            | (Self::Object(_), Self::Map(..))
            | (Self::Map(..), Self::Object(_)) => true,
            (Self::List(a), Self::List(b)) => a.fits(b),
            (Self::Map(a, b), Self::Map(c, d)) => a.fits(c) && b.fits(d),
            (Self::Object(a), Self::Object(b)) => std::ptr::eq(*a, *b),
            (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
        }
    }

    /// The type of what is one or the other.
    pub fn or(self, other: Self) -> Self {
        match (&self, &other) {
            (Self::Null, _) => other,
            (_, Self::Null) => self,
            (Self::List(a), Self::List(b)) if a.is_dyn() && !b.is_dyn() => other,
            (a, b) if a.fits(b) && !a.is_dyn() && !b.is_dyn() => self,
            _ => Self::Dyn,
        }
    }
}

impl fmt::Display for Ty<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dyn => f.write_str("dyn"),
            Self::Null => f.write_str("null"),
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Uint => f.write_str("uint"),
            Self::Double => f.write_str("double"),
            Self::Text => f.write_str("string"),
            Self::Bytes => f.write_str("bytes"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Duration => f.write_str("duration"),
            Self::List(of) => write!(f, "list({of})"),
            Self::Map(keys, values) => write!(f, "map({keys}, {values})"),
            Self::Object(_) => f.write_str("object"),
        }
    }
}
