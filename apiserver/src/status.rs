//! Errors as the `Status` object of the Kubernetes API (meta/v1 Status).

use http::StatusCode;
use serde_json::{Value, json};

use crate::schema::FieldError;

/// One broken rule of one field (`details.causes` of a Status).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// A CauseType: `FieldValueInvalid`, `FieldValueRequired`, …
    pub reason: &'static str,
    pub message: String,
    /// Path of the field, `spec.replicas`.
    pub field: String,
}

impl Cause {
    pub fn invalid(field: impl Into<String>, value: &Value, why: &str) -> Self {
        let message = format!("Invalid value: {value}: {why}");
        Self {
            reason: "FieldValueInvalid",
            message,
            field: field.into(),
        }
    }

    pub fn required(field: impl Into<String>, why: &str) -> Self {
        let message = if why.is_empty() {
            "Required value".into()
        } else {
            format!("Required value: {why}")
        };
        Self {
            reason: "FieldValueRequired",
            message,
            field: field.into(),
        }
    }

    pub fn forbidden(field: impl Into<String>, why: &str) -> Self {
        Self {
            reason: "FieldValueForbidden",
            message: format!("Forbidden: {why}"),
            field: field.into(),
        }
    }

    pub fn not_supported(field: impl Into<String>, value: &str, known: &[&str]) -> Self {
        let known: Vec<String> = known.iter().map(|value| format!("\"{value}\"")).collect();
        let message = format!(
            "Unsupported value: \"{value}\": supported values: {}",
            known.join(", ")
        );
        Self {
            reason: "FieldValueNotSupported",
            message,
            field: field.into(),
        }
    }
}

impl From<FieldError> for Cause {
    fn from(error: FieldError) -> Self {
        Self {
            reason: error.kind.reason(),
            message: error.message(),
            field: error.path,
        }
    }
}

/// What a `Status` says the error is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    pub group: String,
    /// Plural resource name, or the kind for `Invalid`: as the real server does.
    pub kind: String,
    pub name: String,
    pub uid: String,
}

impl About {
    pub fn new(group: &str, kind: &str, name: &str) -> Self {
        Self {
            group: group.into(),
            kind: kind.into(),
            name: name.into(),
            uid: String::new(),
        }
    }

    /// `workloads.runtime.wasmcloud.dev "x"`
    fn subject(&self) -> String {
        let dot = if self.group.is_empty() { "" } else { "." };
        format!("{}{dot}{} \"{}\"", self.kind, self.group, self.name)
    }
}

/// A request that failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    pub code: StatusCode,
    pub reason: &'static str,
    pub message: String,
    pub about: Option<Box<About>>,
    pub causes: Vec<Cause>,
    pub retry_after: Option<u32>,
    /// Answered in words instead of a `Status`: not the API's but the web server's.
    pub is_page: bool,
}

impl ApiError {
    pub fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            about: None,
            causes: Vec::new(),
            retry_after: None,
            is_page: false,
        }
    }

    fn about(mut self, about: About) -> Self {
        self.about = Some(Box::new(about));
        self
    }

    pub fn with_causes(mut self, causes: Vec<Cause>) -> Self {
        self.causes = causes;
        self
    }

    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// A path that leads to no API.
    pub fn unknown_page() -> Self {
        let mut error = Self::new(StatusCode::NOT_FOUND, "NotFound", "404 page not found");
        error.is_page = true;
        error
    }

    /// A path that leads to no resource.
    pub fn unknown_path() -> Self {
        let message = "the server could not find the requested resource";
        Self::new(StatusCode::NOT_FOUND, "NotFound", message).about(About::default())
    }

    pub fn not_found(about: About) -> Self {
        let message = format!("{} not found", about.subject());
        Self::new(StatusCode::NOT_FOUND, "NotFound", message).about(about)
    }

    pub fn already_exists(about: About) -> Self {
        let message = format!("{} already exists", about.subject());
        Self::new(StatusCode::CONFLICT, "AlreadyExists", message).about(about)
    }

    pub fn conflict(about: About, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {}: {why}",
            about.subject()
        );
        Self::new(StatusCode::CONFLICT, "Conflict", message).about(about)
    }

    /// Optimistic concurrency lost; clients match on this text.
    pub fn modified(about: About) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(about, why)
    }

    /// `about.kind` is the kind here.
    pub fn invalid(about: About, causes: Vec<Cause>) -> Self {
        let mut parts = causes
            .iter()
            .map(|cause| format!("{}: {}", cause.field, cause.message));
        let text = match causes.len() {
            1 => parts.next().unwrap_or_default(),
            _ => format!("[{}]", parts.collect::<Vec<_>>().join(", ")),
        };
        let message = format!("{} is invalid: {text}", about.subject());
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message)
            .about(about)
            .with_causes(causes)
    }

    pub fn forbidden(about: About, why: &str) -> Self {
        let message = format!(
            "{} is forbidden: {why}",
            about.subject().trim_end_matches(" \"\"")
        );
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message).about(about)
    }

    pub fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized")
    }

    pub fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
            .about(About::default())
    }

    pub fn not_acceptable(offered: &[&str]) -> Self {
        let message = format!(
            "only the following media types are accepted: {}",
            offered.join(", ")
        );
        Self::new(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message).about(About::default())
    }

    pub fn unsupported_media(found: &str, offered: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format ({found}) - accepted media types include: {}",
            offered.join(", ")
        );
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            message,
        )
        .about(About::default())
    }

    pub fn too_large(limit: usize) -> Self {
        let message = format!("Request entity too large: limit is {limit}");
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            message,
        )
    }

    /// 410: the client must list again.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, "Expired", message)
    }

    /// A revision that this server has not reached.
    pub fn future_revision(requested: u64, current: u64) -> Self {
        let message = format!("Too large resource version: {requested}, current: {current}");
        let cause = Cause {
            reason: "ResourceVersionTooLarge",
            message: "Too large resource version".into(),
            field: String::new(),
        };
        let mut error = Self::new(StatusCode::GATEWAY_TIMEOUT, "Timeout", message)
            .about(About::default())
            .with_causes(vec![cause]);
        error.retry_after = Some(1);
        error
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", message)
    }

    /// The `Status` object.
    pub fn to_status(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "code": self.code.as_u16(),
        });
        if !self.reason.is_empty() {
            status["reason"] = self.reason.into();
        }
        let mut details = serde_json::Map::new();
        if let Some(about) = &self.about {
            let fields = [
                ("name", &about.name),
                ("group", &about.group),
                ("kind", &about.kind),
                ("uid", &about.uid),
            ];
            for (key, value) in fields {
                if !value.is_empty() {
                    details.insert(key.into(), Value::String(value.clone()));
                }
            }
        }
        if !self.causes.is_empty() {
            let causes = self.causes.iter().map(|cause| {
                json!({"reason": cause.reason, "message": cause.message, "field": cause.field})
            });
            details.insert("causes".into(), causes.collect());
        }
        if let Some(seconds) = self.retry_after {
            details.insert("retryAfterSeconds".into(), seconds.into());
        }
        if self.about.is_some() || !details.is_empty() {
            status["details"] = Value::Object(details);
        }
        status
    }
}

/// The `Status` of something that succeeded and has no object to show.
pub fn success(about: &About) -> Value {
    let mut details = serde_json::Map::new();
    let fields = [
        ("name", &about.name),
        ("group", &about.group),
        ("kind", &about.kind),
        ("uid", &about.uid),
    ];
    for (key, value) in fields {
        if !value.is_empty() {
            details.insert(key.into(), Value::String(value.clone()));
        }
    }
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_cause_stands_alone_and_several_are_bracketed() {
        let about = About::new("", "ConfigMap", "x");
        let cause = Cause::required("metadata.name", "");
        let one = ApiError::invalid(about.clone(), vec![cause.clone()]);
        assert_eq!(
            one.message,
            "ConfigMap \"x\" is invalid: metadata.name: Required value"
        );
        let two = ApiError::invalid(about, vec![cause.clone(), cause]);
        assert!(
            two.message
                .ends_with("[metadata.name: Required value, metadata.name: Required value]")
        );
        assert_eq!(
            two.to_status()["details"]["causes"]
                .as_array()
                .map(Vec::len),
            Some(2)
        );
    }

    #[test]
    fn a_grouped_resource_is_named_with_its_group() {
        let error = ApiError::not_found(About::new("g.example", "things", "x"));
        assert_eq!(error.message, "things.g.example \"x\" not found");
        assert_eq!(error.to_status()["details"]["group"], "g.example");
    }
}
