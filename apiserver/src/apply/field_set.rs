//! Sets of field paths, in the shape `managedFields[].fieldsV1` has on the wire.
//!
//! A path element is kept in its wire form: `f:<field>`, `k:<key fields as JSON>`, `v:<value as JSON>`,
//! `i:<index>`. The form is canonical (compact JSON, sorted keys), so comparing text compares elements.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};

/// A set of paths below one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    entries: BTreeMap<String, Entry>,
}

/// One path element: whether the path that ends here is in the set, and what is in it below.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) member: bool,
    pub(crate) children: FieldSet,
}

impl Entry {
    pub(crate) fn leaf() -> Self {
        Self {
            member: true,
            children: FieldSet::default(),
        }
    }

    fn is_empty(&self) -> bool {
        !self.member && self.children.is_empty()
    }
}

/// `f:<name>`.
pub(crate) fn field_element(name: &str) -> String {
    format!("f:{name}")
}

impl FieldSet {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn get(&self, element: &str) -> Option<&Entry> {
        self.entries.get(element)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Entry)> {
        self.entries.iter()
    }

    /// Adds `entry` under `element`; an empty one leaves no trace.
    pub(crate) fn insert(&mut self, element: String, entry: Entry) {
        if entry.is_empty() {
            return;
        }
        match self.entries.get_mut(&element) {
            Some(present) => {
                present.member |= entry.member;
                present.children.extend(entry.children);
            }
            None => {
                self.entries.insert(element, entry);
            }
        }
    }

    pub(crate) fn remove(&mut self, element: &str) {
        self.entries.remove(element);
    }

    fn extend(&mut self, other: Self) {
        for (element, entry) in other.entries {
            self.insert(element, entry);
        }
    }

    pub(crate) fn union(mut self, other: &Self) -> Self {
        self.extend(other.clone());
        self
    }

    pub(crate) fn difference(&self, other: &Self) -> Self {
        let mut out = Self::default();
        for (element, entry) in &self.entries {
            let kept = match other.entries.get(element) {
                None => entry.clone(),
                Some(taken) => Entry {
                    member: entry.member && !taken.member,
                    children: entry.children.difference(&taken.children),
                },
            };
            out.insert(element.clone(), kept);
        }
        out
    }

    pub(crate) fn intersection(&self, other: &Self) -> Self {
        let mut out = Self::default();
        for (element, entry) in &self.entries {
            if let Some(also) = other.entries.get(element) {
                let kept = Entry {
                    member: entry.member && also.member,
                    children: entry.children.intersection(&also.children),
                };
                out.insert(element.clone(), kept);
            }
        }
        out
    }

    /// Every member path as the API server prints it (`.spec.ports[port=80,protocol="TCP"].name`).
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut out = Vec::new();
        self.collect_paths(&mut String::new(), &mut out);
        out
    }

    fn collect_paths(&self, prefix: &mut String, out: &mut Vec<String>) {
        let members = self.entries.iter().filter(|(_, entry)| entry.member);
        let parents = self
            .entries
            .iter()
            .filter(|(_, entry)| !entry.children.is_empty());
        for (element, _) in members {
            out.push(format!("{prefix}{}", printed(element)));
        }
        for (element, entry) in parents {
            let length = prefix.len();
            prefix.push_str(&printed(element));
            entry.children.collect_paths(prefix, out);
            prefix.truncate(length);
        }
    }

    /// The `fieldsV1` value.
    pub(crate) fn to_json(&self) -> Value {
        let mut map = Map::new();
        for (element, entry) in &self.entries {
            let mut below = match entry.children.to_json() {
                Value::Object(below) => below,
                _ => Map::new(),
            };
            if entry.member && !below.is_empty() {
                below.insert(".".to_owned(), Value::Object(Map::new()));
            }
            map.insert(element.clone(), Value::Object(below));
        }
        Value::Object(map)
    }

    /// Reads a `fieldsV1` value; `None` when it is not one.
    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        let mut out = Self::default();
        for (element, below) in value.as_object()? {
            if element == "." {
                continue;
            }
            if !matches!(element.as_bytes(), [b'f' | b'k' | b'v' | b'i', b':', ..]) {
                return None;
            }
            let map = below.as_object()?;
            let entry = Entry {
                member: map.is_empty() || map.contains_key("."),
                children: Self::from_json(below)?,
            };
            out.insert(canonical(element), entry);
        }
        Some(out)
    }
}

/// A client may have sent key fields in another order or spacing.
fn canonical(element: &str) -> String {
    match element.split_at_checked(2) {
        Some((kind @ ("k:" | "v:"), json)) => match serde_json::from_str::<Value>(json) {
            Ok(value) => format!("{kind}{value}"),
            Err(_) => element.to_owned(),
        },
        _ => element.to_owned(),
    }
}

fn printed(element: &str) -> String {
    let Some((kind, rest)) = element.split_at_checked(2) else {
        return element.to_owned();
    };
    match kind {
        "f:" => format!(".{rest}"),
        "v:" => format!("[={rest}]"),
        "k:" => match serde_json::from_str::<Map<String, Value>>(rest) {
            Ok(keys) => {
                let mut out = String::from("[");
                for (index, (name, value)) in keys.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    // Writing to a String cannot fail.
                    let _ = write!(out, "{comma}{name}={value}");
                }
                out.push(']');
                out
            }
            Err(_) => format!("[{rest}]"),
        },
        _ => format!("[{rest}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(value: &Value) -> FieldSet {
        FieldSet::from_json(value).unwrap()
    }

    #[test]
    fn reads_what_it_writes() {
        let wire = json!({"f:spec": {".": {}, "f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}, "f:x": {"v:\"a\"": {}}}});
        assert_eq!(set(&wire).to_json(), wire);
    }

    #[test]
    fn key_order_of_a_client_does_not_matter() {
        let a = set(&json!({"k:{\"protocol\":\"TCP\", \"port\":80}": {}}));
        let b = set(&json!({"k:{\"port\":80,\"protocol\":\"TCP\"}": {}}));
        assert_eq!(a, b);
    }

    #[test]
    fn prints_paths_as_the_api_server_does() {
        let paths = set(&json!({"f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {"f:name": {}}}, "f:finalizers": {"v:\"a\"": {}}}})).paths();
        assert_eq!(
            paths,
            [
                ".spec.finalizers[=\"a\"]",
                ".spec.ports[port=80,protocol=\"TCP\"].name"
            ]
        );
    }

    #[test]
    fn difference_and_intersection_split_a_set() {
        let a = set(&json!({"f:a": {".": {}, "f:b": {}}, "f:c": {}}));
        let b = set(&json!({"f:a": {"f:b": {}}}));
        assert_eq!(a.difference(&b).to_json(), json!({"f:a": {}, "f:c": {}}));
        assert_eq!(a.intersection(&b), b);
        assert_eq!(a.difference(&b).union(&b), a);
    }

    #[test]
    fn refuses_what_is_no_field_set() {
        assert!(FieldSet::from_json(&json!({"spec": {}})).is_none());
        assert!(FieldSet::from_json(&json!({"f:spec": 1})).is_none());
    }
}
