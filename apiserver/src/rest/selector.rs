//! Label and field selectors.

use serde_json::Value;

use crate::registry::{JsonPath, Model, Resource, events};
use crate::status::ApiError;
use crate::store::Object;

/// A parsed pair of selectors; empty selects everything.
#[derive(Debug, Default)]
pub struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<Field>,
}

#[derive(Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    rule: Rule,
}

#[derive(Debug, PartialEq, Eq)]
enum Rule {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
    Greater(i64),
    Less(i64),
}

#[derive(Debug)]
struct Field {
    at: At,
    equal: bool,
    value: String,
}

#[derive(Debug)]
enum At {
    Name,
    Namespace,
    Path(JsonPath),
}

impl Selector {
    pub fn parse(labels: &str, fields: &str, resource: &Resource) -> Result<Self, ApiError> {
        let labels = parse_labels(labels).map_err(|why| {
            ApiError::bad_request(format!(
                "unable to parse requirement of labelSelector \"{labels}\": {why}"
            ))
        })?;
        Ok(Self {
            labels,
            fields: parse_fields(fields, resource)?,
        })
    }

    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    pub fn matches(&self, object: &Object) -> bool {
        self.labels
            .iter()
            .all(|requirement| requirement.matches(object.label(&requirement.key)))
            && self.fields_match(object)
    }

    fn fields_match(&self, object: &Object) -> bool {
        let mut parsed: Option<Value> = None;
        self.fields.iter().all(|field| {
            let found = match &field.at {
                At::Name => object.key.name.name.to_string(),
                At::Namespace => object.key.name.namespace.to_string(),
                At::Path(path) => {
                    let value = parsed.get_or_insert_with(|| object.value());
                    path.first(value).map(plain).unwrap_or_default()
                }
            };
            (found == field.value) == field.equal
        })
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Requirement {
    fn matches(&self, found: Option<&str>) -> bool {
        match (&self.rule, found) {
            (Rule::In(values), Some(found)) => values.iter().any(|value| value == found),
            (Rule::NotIn(values), Some(found)) => values.iter().all(|value| value != found),
            (Rule::Exists, found) => found.is_some(),
            (Rule::Absent, found) => found.is_none(),
            (Rule::NotIn(_), None) => true,
            (Rule::Greater(bound), Some(found)) => found.parse::<i64>().is_ok_and(|n| n > *bound),
            (Rule::Less(bound), Some(found)) => found.parse::<i64>().is_ok_and(|n| n < *bound),
            (Rule::In(_) | Rule::Greater(_) | Rule::Less(_), None) => false,
        }
    }
}

/// Splits at commas outside parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0usize, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn parse_labels(text: &str) -> Result<Vec<Requirement>, String> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    split(text)
        .into_iter()
        .map(|part| requirement(part.trim()))
        .collect()
}

fn requirement(text: &str) -> Result<Requirement, String> {
    let make = |key: &str, rule: Rule| {
        let key = key.trim();
        label_key(key)?;
        if let Rule::In(values) | Rule::NotIn(values) = &rule {
            values.iter().try_for_each(|value| label_value(value))?;
        }
        Ok(Requirement {
            key: key.to_owned(),
            rule,
        })
    };
    if let Some(key) = text.strip_prefix('!') {
        return make(key, Rule::Absent);
    }
    if let Some((left, set)) = text.split_once('(') {
        let set = set.strip_suffix(')').ok_or("a set must end with )")?;
        let values = set
            .split(',')
            .map(|value| value.trim().to_owned())
            .collect();
        let (key, operator) = left
            .trim()
            .rsplit_once(char::is_whitespace)
            .ok_or("a set needs in or notin")?;
        return match operator {
            "in" => make(key, Rule::In(values)),
            "notin" => make(key, Rule::NotIn(values)),
            other => Err(format!("\"{other}\" is not in or notin")),
        };
    }
    let one = |value: &str| vec![value.trim().to_owned()];
    if let Some((key, value)) = text.split_once("!=") {
        return make(key, Rule::NotIn(one(value)));
    }
    if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return make(key, Rule::In(one(value)));
    }
    let number = |value: &str| {
        value
            .trim()
            .parse()
            .map_err(|_| format!("\"{value}\" is not a whole number"))
    };
    if let Some((key, value)) = text.split_once('>') {
        return make(key, Rule::Greater(number(value)?));
    }
    if let Some((key, value)) = text.split_once('<') {
        return make(key, Rule::Less(number(value)?));
    }
    make(text, Rule::Exists)
}

/// A qualified name: an optional DNS prefix and a name of at most 63 characters.
pub fn label_key(key: &str) -> Result<(), String> {
    let (prefix, name) = key
        .rsplit_once('/')
        .map_or((None, key), |(prefix, name)| (Some(prefix), name));
    if let Some(prefix) = prefix
        && !super::names::is_subdomain(prefix)
    {
        return Err(format!(
            "the prefix of the key \"{key}\" is not a DNS subdomain"
        ));
    }
    if name.is_empty() || !is_label_text(name) {
        return Err(format!(
            "name part of the key \"{key}\" must be 1 to 63 alphanumeric characters, '-', '_' or '.', \
             and start and end with an alphanumeric character"
        ));
    }
    Ok(())
}

pub fn label_value(value: &str) -> Result<(), String> {
    if is_label_text(value) {
        return Ok(());
    }
    Err(format!(
        "the value \"{value}\" must be at most 63 alphanumeric characters, '-', '_' or '.', \
         and start and end with an alphanumeric character"
    ))
}

fn is_label_text(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_alphanumeric);
    bytes.len() <= 63
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

fn parse_fields(text: &str, resource: &Resource) -> Result<Vec<Field>, ApiError> {
    let terms = text.split(',').filter(|term| !term.trim().is_empty());
    terms.map(|term| field(term.trim(), resource)).collect()
}

fn field(term: &str, resource: &Resource) -> Result<Field, ApiError> {
    let (name, equal, value) = if let Some((name, value)) = term.split_once("!=") {
        (name, false, value)
    } else if let Some((name, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        (name, true, value)
    } else {
        return Err(ApiError::bad_request(format!(
            "invalid selector: '{term}'; can't understand '{term}'"
        )));
    };
    let at = match name {
        "metadata.name" => At::Name,
        "metadata.namespace" if resource.namespaced => At::Namespace,
        name if resource.selectable.iter().any(|known| known == name) => path(name, resource)?,
        _ => {
            return Err(ApiError::bad_request(format!(
                "field label not supported: {name} is not a known field selector of {}",
                resource.plural
            )));
        }
    };
    Ok(Field {
        at,
        equal,
        value: value.replace("\\,", ",").replace("\\=", "="),
    })
}

fn path(name: &str, resource: &Resource) -> Result<At, ApiError> {
    let stored = match resource.model {
        Model::Event => events::core_field(name),
        // The core API's `source` selects by the component.
        Model::CoreEvent if name == "source" => "source.component".to_owned(),
        _ => name.to_owned(),
    };
    JsonPath::parse(&stored)
        .map(At::Path)
        .map_err(ApiError::bad_request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selects(selector: &str, labels: &[(&str, &str)]) -> bool {
        parse_labels(selector).unwrap().iter().all(|requirement| {
            let found = labels.iter().find(|(key, _)| *key == requirement.key);
            requirement.matches(found.map(|(_, value)| *value))
        })
    }

    #[test]
    fn label_selectors_match_as_documented() {
        let labels = [("app", "web"), ("tier", "front"), ("n", "5")];
        for selector in [
            "",
            "app=web",
            "app==web",
            "app!=db",
            "app in (web, db)",
            "tier notin (back)",
            "app,!missing",
            "missing notin (x)",
            "n>4",
            "n<6",
            "app=web,tier in (front,back),missing!=x",
        ] {
            assert!(selects(selector, &labels), "{selector}");
        }
        for selector in [
            "app=db",
            "app in (db)",
            "!app",
            "missing",
            "missing in (x)",
            "n>5",
            "app=",
        ] {
            assert!(!selects(selector, &labels), "{selector}");
        }
    }

    #[test]
    fn a_malformed_selector_is_refused() {
        for selector in ["a in b", "a in (b", "=x", "a=b c", "-a", "a//b"] {
            assert!(parse_labels(selector).is_err(), "{selector}");
        }
    }
}
