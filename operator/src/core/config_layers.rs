//! Configuration in layers: literal values, then ConfigMaps in order, then Secrets in order; a later one wins.

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use std::collections::BTreeMap;
use thiserror::Error;

/// Why a layer cannot be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LayerError {
    /// A reference that is not optional names nothing.
    #[error("{kind} {name} does not exist; create it or mark the reference optional")]
    NotFound { kind: &'static str, name: String },
    /// Environment and configuration are text, and this object says itself that some of it is not.
    #[error(
        "ConfigMap {name} has binaryData ({keys}), but environment and configuration are text; move it into data, or into a volume"
    )]
    Binary { name: String, keys: String },
    /// Environment and configuration are text.
    #[error("{kind} {name}: the value of {key} is not UTF-8 text")]
    NotText {
        kind: &'static str,
        name: String,
        key: String,
    },
}

/// Data of one ConfigMap or Secret that a layer refers to; `None` when it does not exist.
#[derive(Clone, Debug)]
pub struct Source {
    /// Name of the object.
    pub name: String,
    /// Whether a missing object is fine.
    pub optional: bool,
    /// Its text values.
    pub data: Option<BTreeMap<String, String>>,
}

/// Merges a literal map with what its references hold. Every missing reference is an error, the first is named.
pub fn merge(
    literal: &BTreeMap<String, String>,
    config_maps: Vec<Source>,
    secrets: Vec<Source>,
) -> Result<BTreeMap<String, String>, LayerError> {
    let mut merged = literal.clone();
    for (kind, sources) in [("ConfigMap", config_maps), ("Secret", secrets)] {
        for source in sources {
            match source.data {
                Some(data) => merged.extend(data),
                None if source.optional => {}
                None => {
                    return Err(LayerError::NotFound {
                        kind,
                        name: source.name,
                    });
                }
            }
        }
    }
    Ok(merged)
}

/// Text values of a ConfigMap.
pub fn map_text(name: &str, map: ConfigMap) -> Result<BTreeMap<String, String>, LayerError> {
    let binary: Vec<String> = map.binary_data.unwrap_or_default().into_keys().collect();
    if binary.is_empty() {
        return Ok(map.data.unwrap_or_default());
    }
    Err(LayerError::Binary {
        name: name.to_owned(),
        keys: binary.join(", "),
    })
}

/// Text values of a Secret's data.
pub fn secret_text(
    name: &str,
    data: &BTreeMap<String, ByteString>,
) -> Result<BTreeMap<String, String>, LayerError> {
    data.iter()
        .map(|(key, value)| match std::str::from_utf8(&value.0) {
            Ok(text) => Ok((key.clone(), text.to_owned())),
            Err(_) => Err(LayerError::NotText {
                kind: "Secret",
                name: name.to_owned(),
                key: key.clone(),
            }),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    fn source(name: &str, data: Option<&[(&str, &str)]>) -> Source {
        Source {
            name: name.into(),
            optional: false,
            data: data.map(map),
        }
    }

    #[test]
    fn secrets_win_over_config_maps_over_literals_and_later_over_earlier() {
        let merged = merge(
            &map(&[
                ("a", "literal"),
                ("b", "literal"),
                ("c", "literal"),
                ("d", "literal"),
            ]),
            vec![
                source("m1", Some(&[("b", "m1"), ("c", "m1"), ("d", "m1")])),
                source("m2", Some(&[("c", "m2")])),
            ],
            vec![source("s1", Some(&[("d", "s1")]))],
        );
        assert_eq!(
            merged.unwrap(),
            map(&[("a", "literal"), ("b", "m1"), ("c", "m2"), ("d", "s1")])
        );
    }

    #[test]
    fn a_missing_reference_is_named_unless_it_is_optional() {
        let missing = source("settings", None);
        let error = merge(&map(&[]), vec![missing.clone()], vec![]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "ConfigMap settings does not exist; create it or mark the reference optional"
        );
        assert!(
            merge(
                &map(&[]),
                vec![Source {
                    optional: true,
                    ..missing
                }],
                vec![]
            )
            .is_ok()
        );
    }

    #[test]
    fn a_map_with_binary_data_is_refused_by_key() {
        let mut held = ConfigMap {
            data: Some(map(&[("a", "1")])),
            ..ConfigMap::default()
        };
        assert_eq!(map_text("m", held.clone()), Ok(map(&[("a", "1")])));
        held.binary_data = Some(BTreeMap::from([("logo".to_owned(), ByteString(vec![0]))]));
        let error = map_text("m", held).unwrap_err().to_string();
        assert!(
            error.starts_with("ConfigMap m has binaryData (logo)"),
            "{error}"
        );
    }

    #[test]
    fn bytes_that_are_not_text_are_named_without_being_shown() {
        let data = BTreeMap::from([("key".to_owned(), ByteString(vec![0xff, 0xfe]))]);
        let error = secret_text("s", &data).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Secret s: the value of key is not UTF-8 text"
        );
    }
}
