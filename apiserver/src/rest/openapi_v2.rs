//! OpenAPI v2, which clients since Kubernetes 1.27 ask for only where v3 says nothing: kubectl does so for a `List`. The
//! document is valid and describes no kind, so that kubectl leaves validation to the server.

use http::StatusCode;
use http::header::ACCEPT;
use serde_json::json;

use super::answer::{self, JSON, Response};
use super::media::{Accepted, accepted};
use super::{Call, GIT_VERSION};
use crate::status::ApiError;

/// Media type by which clients ask for the document in protobuf.
const ACCEPTED_PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
/// Media type of the answer: `@` is not a character of a media type.
const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
const TITLE: &str = "Kubernetes";

pub fn answer(call: &Call) -> Result<Response, ApiError> {
    for asked in accepted(call.header(ACCEPT)) {
        if asked.media == ACCEPTED_PROTOBUF || asked.media == PROTOBUF {
            return Ok(answer::raw(StatusCode::OK, PROTOBUF, protobuf()));
        }
        if Accepted::is_json(&asked) {
            let info = json!({"title": TITLE, "version": GIT_VERSION});
            let document = json!({"swagger": "2.0", "info": info, "paths": {}, "definitions": {}});
            return Ok(answer::json(StatusCode::OK, &document));
        }
    }
    Err(ApiError::not_acceptable(&[JSON, PROTOBUF]))
}

/// `openapi.v2.Document` of gnostic: field 1 is `swagger`, field 2 `info` with `title` and `version`.
fn protobuf() -> Vec<u8> {
    let info = [text(1, TITLE.as_bytes()), text(2, GIT_VERSION.as_bytes())].concat();
    [text(1, b"2.0"), text(2, &info)].concat()
}

/// A length-delimited field shorter than 128 bytes.
fn text(field: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![field << 3 | 2, bytes.len().to_le_bytes()[0]];
    out.extend_from_slice(bytes);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_fit_one_byte() {
        let document = protobuf();
        assert!(document.len() < 128);
        assert_eq!(&document[..5], b"\x0a\x032.0");
        assert_eq!(document[5], 0x12);
        assert_eq!(usize::from(document[6]), document.len() - 7);
    }
}
