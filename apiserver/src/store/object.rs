//! One stored version of an object.

use bytes::Bytes;
use serde_json::Value;

use super::Key;

/// One version of an object: its JSON with `metadata.resourceVersion` set, and what lists filter on.
///
/// The JSON is kept as bytes because most reads only pass it on; labels are kept apart because
/// selectors look at nothing else.
#[derive(Debug)]
pub struct Object {
    pub key: Key,
    pub revision: u64,
    pub json: Bytes,
    labels: Box<[(Box<str>, Box<str>)]>,
}

impl Object {
    /// Sets the revision in `value` and encodes it; what is not stored (a dry run) has the revision 0 and
    /// shows none.
    pub fn encode(key: Key, revision: u64, mut value: Value) -> Result<Self, serde_json::Error> {
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            if revision == 0 {
                metadata.remove("resourceVersion");
            } else {
                metadata.insert(
                    "resourceVersion".into(),
                    Value::String(revision.to_string()),
                );
            }
        }
        let json = serde_json::to_vec(&value)?.into();
        let labels = labels_of(&value);
        Ok(Self {
            key,
            revision,
            json,
            labels,
        })
    }

    /// Reads an object back; the revision comes out of its metadata.
    pub fn decode(key: Key, json: Bytes) -> Result<Self, serde_json::Error> {
        let value: Value = serde_json::from_slice(&json)?;
        let revision = value["metadata"]["resourceVersion"]
            .as_str()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| serde::de::Error::custom("metadata.resourceVersion is not a number"))?;
        let labels = labels_of(&value);
        Ok(Self {
            key,
            revision,
            json,
            labels,
        })
    }

    /// The object as a value; what was encoded from a value always parses.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.json).unwrap_or(Value::Null)
    }

    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels
            .iter()
            .find(|(k, _)| &**k == key)
            .map(|(_, v)| &**v)
    }
}

fn labels_of(value: &Value) -> Box<[(Box<str>, Box<str>)]> {
    let Some(labels) = value["metadata"]["labels"].as_object() else {
        return Box::default();
    };
    labels
        .iter()
        .filter_map(|(key, value)| Some((key.as_str().into(), value.as_str()?.into())))
        .collect()
}
