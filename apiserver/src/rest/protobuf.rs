//! Request bodies in Kubernetes' protobuf, which typed Go clients (and some of kubectl's commands)
//! send for built-in kinds. Answers are always JSON, which every such client accepts too.
//!
//! `builtin-wire.json` holds the field numbers of the messages in k8s.io/api's `generated.proto` files.
//! Numbers never change; a test names the fields of the built-in schemas that have none yet.

use std::collections::HashMap;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

pub const MEDIA: &str = "application/vnd.kubernetes.protobuf";

/// What every body begins with.
const MAGIC: &[u8] = b"k8s\0";

#[derive(Deserialize, Default)]
struct Wire {
    /// `<apiVersion>/<kind>` → message
    kinds: HashMap<String, String>,
    /// message → (number, field, type); `[]` before a type is repeated, `{}` a map from strings.
    messages: HashMap<String, Vec<(u64, String, String)>>,
}

static WIRE: LazyLock<Wire> =
    LazyLock::new(|| serde_json::from_str(include_str!("builtin-wire.json")).unwrap_or_default());

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProtobufError {
    #[error("the body does not begin as Kubernetes' protobuf does")]
    Magic,
    #[error("the body ends in the middle of a field")]
    Truncated,
    #[error("{0} is not known in protobuf here; send JSON")]
    Kind(String),
    #[error("{message}.{field} has a wrong wire type or content")]
    Field { message: String, field: String },
}

/// The object in a body.
pub fn decode(body: &[u8]) -> Result<Value, ProtobufError> {
    let envelope = body.strip_prefix(MAGIC).ok_or(ProtobufError::Magic)?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    let mut fields = Fields(envelope);
    while let Some((number, field)) = fields.next()? {
        match (number, field) {
            (1, Field::Bytes(meta)) => {
                let mut fields = Fields(meta);
                while let Some((number, field)) = fields.next()? {
                    match (number, field) {
                        (1, Field::Bytes(text)) => {
                            api_version = String::from_utf8_lossy(text).into_owned();
                        }
                        (2, Field::Bytes(text)) => {
                            kind = String::from_utf8_lossy(text).into_owned();
                        }
                        _ => {}
                    }
                }
            }
            (2, Field::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    // Options of a delete come under the group they are sent to.
    let name = if kind == "DeleteOptions" {
        "v1/DeleteOptions".into()
    } else {
        format!("{api_version}/{kind}")
    };
    let message = WIRE.kinds.get(&name).ok_or(ProtobufError::Kind(name))?;
    let mut object = self::message(message, raw)?;
    if let Some(map) = object.as_object_mut() {
        map.insert("apiVersion".into(), api_version.into());
        map.insert("kind".into(), kind.into());
    }
    Ok(object)
}

fn message(name: &str, bytes: &[u8]) -> Result<Value, ProtobufError> {
    match name {
        "apis.meta.v1.Time" | "apis.meta.v1.MicroTime" => return time(name, bytes),
        "util.intstr.IntOrString" => return int_or_string(bytes),
        _ => {}
    }
    let Some(declared) = WIRE.messages.get(name) else {
        return Err(ProtobufError::Kind(name.to_owned()));
    };
    let mut map = Map::new();
    let mut fields = Fields(bytes);
    while let Some((number, field)) = fields.next()? {
        // A field of a later version is dropped, as Go's decoder does.
        let Some((_, key, kind)) = declared.iter().find(|(n, _, _)| *n == number) else {
            continue;
        };
        let wrong = || ProtobufError::Field {
            message: name.to_owned(),
            field: key.clone(),
        };
        if let Some(kind) = kind.strip_prefix("[]") {
            if let Some(value) = value(kind, &field, wrong)?
                && let Value::Array(list) = map
                    .entry(key.clone())
                    .or_insert_with(|| Value::Array(Vec::new()))
            {
                list.push(value);
            }
        } else if let Some(kind) = kind.strip_prefix("{}") {
            let Field::Bytes(entry) = field else {
                return Err(wrong());
            };
            let (entry_key, entry_value) = map_entry(kind, entry, &wrong)?;
            if let Value::Object(entries) = map
                .entry(key.clone())
                .or_insert_with(|| Value::Object(Map::new()))
            {
                entries.insert(entry_key, entry_value);
            }
        } else if let Some(value) = value(kind, &field, wrong)?
            // Go writes unset strings too.
            && value != ""
        {
            map.insert(key.clone(), value);
        }
    }
    Ok(unwrap(name, map))
}

/// Messages that stand for a plain value in JSON.
fn unwrap(name: &str, mut map: Map<String, Value>) -> Value {
    let only = match name {
        "apis.meta.v1.Verbs" | "authentication.v1.ExtraValue" | "authorization.v1.ExtraValue" => {
            "items"
        }
        "api.resource.Quantity" => "string",
        "apis.meta.v1.FieldsV1" => {
            let raw = map.remove("Raw").unwrap_or_default();
            let raw = raw
                .as_str()
                .and_then(|text| STANDARD.decode(text).ok())
                .unwrap_or_default();
            return serde_json::from_slice(&raw).unwrap_or_default();
        }
        _ => return Value::Object(map),
    };
    map.remove(only).unwrap_or_default()
}

fn map_entry(
    kind: &str,
    entry: &[u8],
    wrong: &impl Fn() -> ProtobufError,
) -> Result<(String, Value), ProtobufError> {
    let (mut key, mut found) = (String::new(), None);
    let mut fields = Fields(entry);
    while let Some((number, field)) = fields.next()? {
        match (number, &field) {
            (1, Field::Bytes(text)) => {
                std::str::from_utf8(text)
                    .map_err(|_| wrong())?
                    .clone_into(&mut key);
            }
            (2, field) => found = value(kind, field, wrong)?,
            _ => {}
        }
    }
    let empty = || {
        if matches!(kind, "string" | "bytes") {
            Value::from("")
        } else {
            Value::Null
        }
    };
    Ok((key, found.unwrap_or_else(empty)))
}

/// One value of a type; `None`: an unset time.
fn value(
    kind: &str,
    field: &Field<'_>,
    wrong: impl Fn() -> ProtobufError,
) -> Result<Option<Value>, ProtobufError> {
    Ok(Some(match (kind, field) {
        ("string", Field::Bytes(text)) => std::str::from_utf8(text).map_err(|_| wrong())?.into(),
        ("bytes", Field::Bytes(bytes)) => STANDARD.encode(bytes).into(),
        ("bool", Field::Varint(number)) => (*number != 0).into(),
        // A negative 32-bit number is sign-extended on the wire.
        ("int32" | "int64", Field::Varint(number)) => (*number as i64).into(),
        ("double", Field::Fixed64(bits)) => f64::from_bits(*bits).into(),
        (name, Field::Bytes(bytes)) if name.contains('.') => match message(name, bytes)? {
            Value::Null => return Ok(None),
            value => value,
        },
        _ => return Err(wrong()),
    }))
}

fn time(name: &str, bytes: &[u8]) -> Result<Value, ProtobufError> {
    let (mut seconds, mut nanos) = (None, 0);
    let mut fields = Fields(bytes);
    while let Some((number, field)) = fields.next()? {
        match (number, field) {
            (1, Field::Varint(number)) => seconds = Some(number as i64),
            (2, Field::Varint(number)) => nanos = number as i32,
            _ => {}
        }
    }
    // Go's zero time lies in the year 1.
    let Some(seconds) = seconds.filter(|seconds| *seconds > 0) else {
        return Ok(Value::Null);
    };
    let field = || ProtobufError::Field {
        message: name.to_owned(),
        field: "seconds".to_owned(),
    };
    let at = Timestamp::new(seconds, nanos).map_err(|_| field())?;
    Ok(match name {
        "apis.meta.v1.MicroTime" => at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string().into(),
        _ => crate::object_meta::time(at).into(),
    })
}

fn int_or_string(bytes: &[u8]) -> Result<Value, ProtobufError> {
    let (mut is_string, mut number, mut text) = (false, 0, String::new());
    let mut fields = Fields(bytes);
    while let Some((field_number, field)) = fields.next()? {
        match (field_number, field) {
            (1, Field::Varint(kind)) => is_string = kind == 1,
            (2, Field::Varint(found)) => number = found as i64,
            (3, Field::Bytes(found)) => text = String::from_utf8_lossy(found).into_owned(),
            _ => {}
        }
    }
    Ok(if is_string {
        text.into()
    } else {
        number.into()
    })
}

enum Field<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32,
    Bytes(&'a [u8]),
}

/// The fields of a message, one after the other.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn next(&mut self) -> Result<Option<(u64, Field<'a>)>, ProtobufError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let field = match tag & 7 {
            0 => Field::Varint(self.varint()?),
            1 => {
                let bytes = self
                    .take(8)?
                    .try_into()
                    .map_err(|_| ProtobufError::Truncated)?;
                Field::Fixed64(u64::from_le_bytes(bytes))
            }
            2 => {
                let length =
                    usize::try_from(self.varint()?).map_err(|_| ProtobufError::Truncated)?;
                Field::Bytes(self.take(length)?)
            }
            5 => {
                self.take(4)?;
                Field::Fixed32
            }
            _ => return Err(ProtobufError::Truncated),
        };
        Ok(Some((tag >> 3, field)))
    }

    fn varint(&mut self) -> Result<u64, ProtobufError> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.take(1)? else {
                return Err(ProtobufError::Truncated);
            };
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(ProtobufError::Truncated)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], ProtobufError> {
        let (head, tail) = self
            .0
            .split_at_checked(length)
            .ok_or(ProtobufError::Truncated)?;
        self.0 = tail;
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn bytes(number: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2, u8::try_from(content.len()).unwrap()];
        out.extend_from_slice(content);
        out
    }

    fn envelope(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
        let meta = [bytes(1, api_version.as_bytes()), bytes(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), bytes(1, &meta), bytes(2, raw)].concat()
    }

    #[test]
    fn a_config_map_is_read() {
        let metadata = [bytes(1, b"name"), bytes(2, b""), bytes(8, b"")].concat();
        let entry = [bytes(1, b"k"), bytes(2, b"v")].concat();
        let binary = [bytes(1, b"b"), bytes(2, &[0, 1])].concat();
        let raw = [bytes(1, &metadata), bytes(2, &entry), bytes(3, &binary)].concat();
        let expected = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "name"},
            "data": {"k": "v"}, "binaryData": {"b": "AAE="},
        });
        assert_eq!(
            decode(&envelope("v1", "ConfigMap", &raw)).unwrap(),
            expected
        );
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        assert_eq!(decode(b"{}"), Err(ProtobufError::Magic));
        assert!(matches!(
            decode(&envelope("apps/v1", "Deployment", b"")),
            Err(ProtobufError::Kind(_))
        ));
        let cut = envelope("v1", "ConfigMap", &[0x0a, 0x50]);
        assert_eq!(decode(&cut), Err(ProtobufError::Truncated));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(raw in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = decode(&envelope("v1", "Pod", &raw));
            let _ = decode(&raw);
        }
    }
}
