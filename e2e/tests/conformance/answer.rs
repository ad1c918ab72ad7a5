//! What a server answered.

use http::HeaderMap;
use serde_json::Value;

/// Status code, headers and body of one answer.
#[derive(Debug)]
pub struct Answer {
    pub code: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    /// The body of an answer that must have this code.
    #[track_caller]
    pub fn expect(self, code: u16) -> Value {
        assert_eq!(self.code, code, "{:#}", self.body);
        self.body
    }

    /// A failure must be a complete `Status` with this code and reason. Returns it.
    #[track_caller]
    pub fn fails(self, code: u16, reason: &str) -> Value {
        let status = self.expect(code);
        assert_eq!(status["kind"], "Status", "{status:#}");
        assert_eq!(status["apiVersion"], "v1", "{status:#}");
        assert_eq!(status["status"], "Failure", "{status:#}");
        assert_eq!(status["code"], code, "{status:#}");
        assert_eq!(status["reason"], reason, "{status:#}");
        assert!(status["metadata"].is_object(), "{status:#}");
        assert!(
            status["message"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{status:#}"
        );
        status
    }

    /// Texts of the `Warning` headers.
    pub fn warnings(&self) -> Vec<String> {
        let values = self.headers.get_all("warning");
        let text = |value: &http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        values.iter().map(text).collect()
    }
}

/// The fields that the causes of a failure name, with their reasons, sorted and without repetition: both
/// servers find some mistakes of metadata twice.
pub fn causes(status: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let causes = status["details"]["causes"].as_array();
    let mut found: Vec<_> = causes
        .into_iter()
        .flatten()
        .map(|cause| (text(&cause["field"]), text(&cause["reason"])))
        .collect();
    found.sort();
    found.dedup();
    found
}

/// The `metadata.name`s of a list's items.
pub fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().expect("items of a list");
    items
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap_or_default())
        .collect()
}

/// A `metadata.resourceVersion`.
pub fn version(object: &Value) -> String {
    let version = object["metadata"]["resourceVersion"].as_str();
    version.expect("a resourceVersion").to_owned()
}
