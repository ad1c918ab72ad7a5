//! Content negotiation: which media types a request sends and accepts.

use http::header::{ACCEPT, CONTENT_TYPE};
use serde_json::Value;

use super::Call;
use super::answer::JSON;
use super::protobuf::{self, ProtobufError};
use super::view::View;
use crate::status::ApiError;

/// One media type of an Accept header.
#[derive(Debug, PartialEq, Eq)]
pub struct Accepted {
    pub media: String,
    pub params: Vec<(String, String)>,
}

impl Accepted {
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn is_json(&self) -> bool {
        matches!(self.media.as_str(), JSON | "application/*" | "*/*")
    }
}

/// The media types of an Accept header in the client's order; none means any.
pub fn accepted(header: &str) -> Vec<Accepted> {
    let header = if header.trim().is_empty() {
        "*/*"
    } else {
        header
    };
    header
        .split(',')
        .map(|entry| {
            let mut parts = entry.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default().to_ascii_lowercase();
            let params = parts
                .filter_map(|part| part.split_once('='))
                .map(|(key, value)| {
                    (
                        key.trim().to_owned(),
                        value.trim().trim_matches('"').to_owned(),
                    )
                })
                .collect();
            Accepted { media, params }
        })
        .collect()
}

/// How the client wants to see objects: the first form it accepts that this server can give.
pub fn view(call: &Call) -> Result<View, ApiError> {
    let include = call.query.get("includeObject");
    for accepted in accepted(call.header(ACCEPT)) {
        if !accepted.is_json() {
            continue;
        }
        let meta = accepted.param("g") == Some("meta.k8s.io")
            && matches!(accepted.param("v"), Some("v1" | "v1beta1"));
        match accepted.param("as") {
            None => return Ok(View::Object),
            Some("Table") if meta => {
                return View::table(include, accepted.param("v").unwrap_or("v1"));
            }
            Some("PartialObjectMetadata" | "PartialObjectMetadataList") if meta => {
                return Ok(View::Metadata);
            }
            Some(_) => {}
        }
    }
    Err(ApiError::not_acceptable(&[JSON]))
}

/// Refuses clients that accept no JSON.
pub fn require_json(call: &Call) -> Result<(), ApiError> {
    if accepted(call.header(ACCEPT)).iter().any(Accepted::is_json) {
        return Ok(());
    }
    Err(ApiError::not_acceptable(&[JSON]))
}

/// The media type of the body, without parameters.
pub fn content_type(call: &Call) -> String {
    let header = call.header(CONTENT_TYPE);
    header
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

/// The body as an object, JSON or YAML, with the fields that occur twice in it.
pub fn object(call: &Call) -> Result<(Value, Vec<String>), ApiError> {
    let media = content_type(call);
    let value = match media.as_str() {
        "" | JSON => json(&call.body)?,
        "application/yaml" | "application/x-yaml" | "text/yaml" => (yaml(&call.body)?, Vec::new()),
        protobuf::MEDIA => {
            let object = protobuf::decode(&call.body).map_err(|error| match error {
                ProtobufError::Kind(_) => ApiError::unsupported_media(&error.to_string(), &[JSON]),
                error => ApiError::bad_request(format!("the body of the request: {error}")),
            })?;
            (object, Vec::new())
        }
        other => {
            return Err(ApiError::unsupported_media(
                other,
                &[JSON, "application/yaml"],
            ));
        }
    };
    // As Go reads it: nothing is said about any field.
    if value.0.is_null() {
        return Ok((Value::Object(serde_json::Map::new()), Vec::new()));
    }
    if !value.0.is_object() {
        return Err(ApiError::bad_request(
            "the body of the request is not an object",
        ));
    }
    Ok(value)
}

/// JSON, and the paths of its duplicate fields.
pub fn json(body: &[u8]) -> Result<(Value, Vec<String>), ApiError> {
    let value = serde_json::from_slice(body).map_err(|error| {
        ApiError::bad_request(format!("the body of the request is not JSON: {error}"))
    })?;
    Ok((value, super::duplicates::find(body)))
}

pub fn yaml(body: &[u8]) -> Result<Value, ApiError> {
    let text = std::str::from_utf8(body).map_err(|error| {
        ApiError::bad_request(format!("the body of the request is not UTF-8: {error}"))
    })?;
    serde_saphyr::from_str(text).map_err(|error| {
        ApiError::bad_request(format!("the body of the request is not YAML: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_headers_keep_their_order_and_parameters() {
        let parsed = accepted("application/json;as=Table;v=v1;g=meta.k8s.io, application/json");
        assert_eq!(parsed[0].param("as"), Some("Table"));
        assert_eq!(parsed[1].params, []);
        assert!(accepted("")[0].is_json());
        assert!(!accepted("application/vnd.kubernetes.protobuf")[0].is_json());
    }
}
