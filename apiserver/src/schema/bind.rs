//! Values as rules see them: typed by their schema, with field names that the language can spell.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use kube_cel::KubeCelExt;
use kube_cel::cel::objects::{Key, Map};
use kube_cel::cel::parser::{Expression, Parser};
use kube_cel::cel::{Context, Value as Cel};
use serde_json::Value;

use super::format::Format;
use super::node::{Additional, Node, Type};
use super::types;

/// Words of the language that cannot be field names.
const RESERVED: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

thread_local! {
    static FUNCTIONS: Context<'static> = {
        let mut context = Context::default().with_all();
        types::register(&mut context);
        context
    };
    static CONVERSIONS: OnceCell<Option<(Expression, Expression)>> = const { OnceCell::new() };
}

/// Runs `with` with a context that has every function and no variable.
pub(crate) fn with_functions<T>(with: impl FnOnce(&Context<'static>) -> T) -> T {
    FUNCTIONS.with(with)
}

/// A field name as rules spell it.
pub(crate) fn escaped(name: &str) -> Cow<'_, str> {
    if RESERVED.contains(&name) {
        return Cow::Owned(format!("__{name}__"));
    }
    if !name.contains("__") && !name.contains(['.', '-', '/']) {
        return Cow::Borrowed(name);
    }
    let out = name
        .replace("__", "__underscores__")
        .replace('.', "__dot__")
        .replace('-', "__dash__")
        .replace('/', "__slash__");
    Cow::Owned(out)
}

pub(crate) fn bind(node: &Node, value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(flag) => Cel::Bool(*flag),
        Value::Number(number) => {
            let float = || Cel::Float(number.as_f64().unwrap_or(f64::NAN));
            match number.as_i64() {
                _ if node.types == Some(Type::Number) => float(),
                Some(integer) => Cel::Int(integer),
                None if node.types == Some(Type::Integer) => {
                    Cel::Int(number.as_f64().unwrap_or_default() as i64)
                }
                None => float(),
            }
        }
        Value::String(text) => bind_text(node, text),
        Value::Array(items) => {
            let untyped = Node::default();
            let element = node.items.as_deref().unwrap_or(&untyped);
            Cel::List(Arc::new(
                items.iter().map(|item| bind(element, item)).collect(),
            ))
        }
        Value::Object(fields) => {
            let untyped = Node::default();
            let is_map = !matches!(node.additional, Additional::None);
            let entries = fields.iter().map(|(name, value)| {
                let key = if is_map {
                    Cow::Borrowed(name.as_str())
                } else {
                    escaped(name)
                };
                (
                    Key::String(Arc::new(key.into_owned())),
                    bind(node.child(name).unwrap_or(&untyped), value),
                )
            });
            Cel::Map(Map {
                map: Arc::new(entries.collect::<HashMap<_, _>>()),
            })
        }
    }
}

fn bind_text(node: &Node, text: &str) -> Cel {
    let plain = || Cel::String(Arc::new(text.to_owned()));
    if node.int_or_string {
        return plain();
    }
    let typed = match node.checks.format {
        Some(Format::DateTime) => converted(text, |(time, _)| time),
        Some(Format::Date) => converted(&format!("{text}T00:00:00Z"), |(time, _)| time),
        Some(Format::Duration) => converted(text, |(_, duration)| duration),
        Some(Format::Byte) => base64::engine::general_purpose::STANDARD
            .decode(text)
            .ok()
            .map(|bytes| Cel::Bytes(Arc::new(bytes))),
        _ => None,
    };
    typed.unwrap_or_else(plain)
}

/// `text` through the language's own conversion, so that there is one reading of times and durations.
fn converted(text: &str, which: impl Fn(&(Expression, Expression)) -> &Expression) -> Option<Cel> {
    CONVERSIONS.with(|cell| {
        let conversions = cell.get_or_init(|| {
            let parse = |source: &str| Parser::default().parse(source).ok();
            Some((parse("timestamp(text)")?, parse("duration(text)")?))
        });
        let expression = which(conversions.as_ref()?);
        with_functions(|functions| {
            let mut scope = functions.new_inner_scope();
            scope.add_variable_from_value("text", Cel::String(Arc::new(text.to_owned())));
            Cel::resolve(expression, &scope).ok()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn only_what_the_language_cannot_spell_is_escaped() {
        for (name, spelled) in [
            ("replicas", "replicas"),
            ("my_field", "my_field"),
            ("my__field", "my__underscores__field"),
            ("a-b.c/d", "a__dash__b__dot__c__slash__d"),
            ("namespace", "__namespace__"),
        ] {
            assert_eq!(escaped(name), spelled);
        }
    }
}
