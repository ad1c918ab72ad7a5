//! Fields that occur twice in a JSON document: the parser keeps the last and says nothing.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Paths of duplicate fields (`spec.replicas`); empty for a document that is not JSON.
pub fn find(body: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let visit = Visit {
        path: "",
        found: &mut found,
    };
    // The caller has parsed the document already and reported its errors.
    let _ = deserializer.deserialize_any(visit);
    found
}

struct Visit<'a> {
    path: &'a str,
    found: &'a mut Vec<String>,
}

impl<'de> serde::de::DeserializeSeed<'de> for Visit<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

macro_rules! scalars {
    ($($name:ident: $type:ty),*) => {
        $(fn $name<E>(self, _: $type) -> Result<(), E> { Ok(()) })*
    };
}

impl<'de> Visitor<'de> for Visit<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    scalars!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut index = 0usize;
        loop {
            let path = format!("{}[{index}]", self.path);
            if seq
                .next_element_seed(Visit {
                    path: &path,
                    found: self.found,
                })?
                .is_none()
            {
                return Ok(());
            }
            index += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            let path = if self.path.is_empty() {
                key.clone()
            } else {
                format!("{}.{key}", self.path)
            };
            if seen.contains(&key) {
                self.found.push(path);
                map.next_value::<IgnoredAny>()?;
            } else {
                map.next_value_seed(Visit {
                    path: &path,
                    found: self.found,
                })?;
                seen.insert(key);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_path() {
        let body = br#"{"a": 1, "b": {"c": 1, "c": 2}, "l": [{"x": 1, "x": null}], "a": true}"#;
        assert_eq!(find(body), ["b.c", "l[0].x", "a"]);
        assert!(find(br#"{"a": {"b": 1}, "b": 1}"#).is_empty());
    }
}
