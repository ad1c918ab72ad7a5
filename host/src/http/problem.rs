//! What a client is told when a workload did not answer: a status, a reason of the platform's list, one
//! sentence and the request's id. Never what a guest or the host wrote into an error.

use std::{borrow::Cow, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
};
use http_body_util::{BodyExt, Full};
use protocol::reason::Reason;
use serde::Serialize;

use super::{
    handler::{HandleError, HttpBody},
    host_name::HostError,
};

/// A response of the front's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) reason: Reason,
    message: Cow<'static, str>,
    retry_after: Option<Duration>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    reason: &'a str,
    message: &'a str,
    request_id: &'a str,
}

impl Problem {
    fn new(status: StatusCode, reason: Reason, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            reason,
            message: message.into(),
            retry_after: None,
        }
    }

    pub(super) fn unknown_host(host: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            Reason::UnknownHost,
            format!("no workload on this host answers for {host:?}"),
        )
    }

    pub(super) fn ambiguous_host(host: &str, longer: &[&str]) -> Self {
        let remedy = if longer.is_empty() {
            "use a name with its namespace".to_owned()
        } else {
            format!("use one of {}", longer.join(", "))
        };
        Self::new(
            StatusCode::MISDIRECTED_REQUEST,
            Reason::AliasAmbiguous,
            format!("workloads of several namespaces answer for {host:?}; {remedy}"),
        )
    }

    pub(super) fn body_too_large(limit: u64) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            Reason::RequestTooLarge,
            format!("the request body is larger than the limit of {limit} bytes"),
        )
    }

    pub(super) fn no_instance() -> Self {
        let mut problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            Reason::Draining,
            "the workload has no instance on this host",
        );
        problem.retry_after = Some(Duration::from_secs(1));
        problem
    }

    /// The response, as JSON for those who accept it.
    pub(super) fn respond(&self, request: Accepts, request_id: &Arc<str>) -> Response<HttpBody> {
        let (content_type, body) = if request.json {
            let document = Document {
                reason: self.reason.as_str(),
                message: &self.message,
                request_id,
            };
            let body = serde_json::to_vec(&document).unwrap_or_default();
            ("application/json", body)
        } else {
            let text = format!("{}: {} (request {request_id})\n", self.reason, self.message);
            ("text/plain; charset=utf-8", text.into_bytes())
        };
        let body = Full::new(Bytes::from(body))
            .map_err(|never| match never {})
            .boxed_unsync();
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(after) = self.retry_after {
            // Whole seconds, rounded up: zero would mean "at once".
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}

impl From<HostError> for Problem {
    fn from(error: HostError) -> Self {
        let mut message = error.to_string();
        message.insert_str(0, "cannot route: ");
        Self::new(StatusCode::BAD_REQUEST, Reason::InvalidHost, message)
    }
}

impl From<&HandleError> for Problem {
    fn from(error: &HandleError) -> Self {
        let (reason, message): (_, Cow<'static, str>) = match error {
            HandleError::Overloaded { .. } => (Reason::TooManyRequests, error.to_string().into()),
            HandleError::HostOverloaded { .. } => {
                (Reason::HostOverloaded, error.to_string().into())
            }
            HandleError::Draining => (Reason::Draining, error.to_string().into()),
            HandleError::Timeout => (Reason::RequestTimeout, error.to_string().into()),
            HandleError::OutOfMemory => (Reason::OutOfMemory, error.to_string().into()),
            HandleError::Trap(_) => (Reason::Trap, "the component trapped".into()),
            HandleError::NoResponse => (Reason::NoResponse, error.to_string().into()),
            HandleError::Guest(_) => (
                Reason::NoResponse,
                "the component answered with an error".into(),
            ),
            HandleError::BodyTooLarge { .. } => (Reason::RequestTooLarge, error.to_string().into()),
            HandleError::Host(_) => (
                Reason::Internal,
                "the host could not run the component".into(),
            ),
        };
        let mut problem = Self::new(error.status(), reason, message);
        problem.retry_after = match error {
            HandleError::Overloaded { retry_after }
            | HandleError::HostOverloaded { retry_after } => Some(*retry_after),
            HandleError::Draining => Some(Duration::from_secs(1)),
            _ => None,
        };
        problem
    }
}

/// What of a request decides the form of a problem.
#[derive(Debug, Clone, Copy)]
pub(super) struct Accepts {
    json: bool,
}

impl Accepts {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let json = headers.get(ACCEPT).is_some_and(|accept| {
            accept.to_str().is_ok_and(|accept| {
                accept.split(',').any(|kind| {
                    let kind = kind.split(';').next().unwrap_or_default().trim();
                    kind.eq_ignore_ascii_case("application/json") || kind.ends_with("+json")
                })
            })
        });
        Self { json }
    }
}
