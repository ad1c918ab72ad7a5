//! Reading what values are held against.

use regex::Regex;
use serde_json::{Map, Number, Value};

use super::compile::{Place, Reader, below};
use super::error::FieldError;
use super::format::Format;
use super::node::{Bound, Node, Pattern};

pub(super) fn read(reader: &mut Reader, node: &mut Node, map: &Map<String, Value>, path: &str) {
    node.checks.format = map
        .get("format")
        .and_then(Value::as_str)
        .and_then(Format::named);
    node.checks.minimum = bound(reader, map, path, "minimum", "exclusiveMinimum");
    node.checks.maximum = bound(reader, map, path, "maximum", "exclusiveMaximum");
    node.checks.multiple_of = number(reader, map, path, "multipleOf");
    node.checks.min_length = count(reader, map, path, "minLength");
    node.checks.max_length = count(reader, map, path, "maxLength");
    node.checks.min_items = count(reader, map, path, "minItems");
    node.checks.max_items = count(reader, map, path, "maxItems");
    node.checks.min_properties = count(reader, map, path, "minProperties");
    node.checks.max_properties = count(reader, map, path, "maxProperties");
    node.checks.pattern = pattern(reader, map, path);
    node.checks.required = names(reader, map, path, "required");
    node.checks.options = list(reader, map, path, "enum").to_vec();

    let place = Place::Junctor {
        int_or_string: node.int_or_string,
    };
    let branches = |reader: &mut Reader, name: &str| -> Vec<Node> {
        let branches = list(reader, map, path, name).iter().enumerate();
        branches
            .map(|(index, schema)| {
                reader.read(
                    schema,
                    &below(path, &format!("{name}[{index}]")),
                    place,
                    false,
                )
            })
            .collect()
    };
    node.checks.all_of = branches(reader, "allOf");
    node.checks.any_of = branches(reader, "anyOf");
    node.checks.one_of = branches(reader, "oneOf");
    node.checks.not = map
        .get("not")
        .map(|schema| Box::new(reader.read(schema, &below(path, "not"), place, false)));
}

fn list<'v>(
    reader: &mut Reader,
    map: &'v Map<String, Value>,
    path: &str,
    name: &str,
) -> &'v [Value] {
    match map.get(name) {
        None | Some(Value::Null) => &[],
        Some(Value::Array(items)) => items,
        Some(other) => {
            reader.errors.push(FieldError::invalid(
                below(path, name),
                other.clone(),
                "must be an array",
            ));
            &[]
        }
    }
}

fn names(reader: &mut Reader, map: &Map<String, Value>, path: &str, name: &str) -> Vec<String> {
    let items = list(reader, map, path, name);
    items
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn number(reader: &mut Reader, map: &Map<String, Value>, path: &str, name: &str) -> Option<Number> {
    match map.get(name)? {
        Value::Number(number) => Some(number.clone()),
        Value::Null => None,
        other => {
            reader.errors.push(FieldError::invalid(
                below(path, name),
                other.clone(),
                "must be a number",
            ));
            None
        }
    }
}

fn count(reader: &mut Reader, map: &Map<String, Value>, path: &str, name: &str) -> Option<u64> {
    let value = map.get(name).filter(|value| !value.is_null())?;
    let found = value.as_u64();
    if found.is_none() {
        reader.errors.push(FieldError::invalid(
            below(path, name),
            value.clone(),
            "must be a whole number that is not negative",
        ));
    }
    found
}

fn bound(
    reader: &mut Reader,
    map: &Map<String, Value>,
    path: &str,
    name: &str,
    exclusive: &str,
) -> Option<Bound> {
    let limit = number(reader, map, path, name)?;
    Some(Bound {
        limit,
        exclusive: map.get(exclusive) == Some(&Value::Bool(true)),
    })
}

fn pattern(reader: &mut Reader, map: &Map<String, Value>, path: &str) -> Option<Pattern> {
    let source = map
        .get("pattern")?
        .as_str()
        .filter(|source| !source.is_empty())?;
    match Regex::new(source) {
        Ok(regex) => Some(Pattern {
            source: source.to_owned(),
            regex,
        }),
        Err(error) => {
            let detail = format!("must be a valid regular expression, but isn't: {error}");
            reader.errors.push(FieldError::invalid(
                below(path, "pattern"),
                source.into(),
                detail,
            ));
            None
        }
    }
}
