//! The pages and their answers.

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;

use super::guard::{Admission, bearer};
use super::{Content, State};
use crate::health::Probe;
use crate::metrics;

const TEXT: &str = "text/plain; charset=utf-8";

enum Page {
    Health(Probe),
    Metrics,
}

impl Page {
    fn at(path: &str, content: Content) -> Option<Self> {
        let page = match path {
            // The second name is the one that controller-runtime gave its liveness.
            "/livez" | "/healthz" => Self::Health(Probe::Live),
            "/readyz" => Self::Health(Probe::Ready),
            "/metrics" => Self::Metrics,
            _ => return None,
        };
        let served = match page {
            Self::Health(_) => content != Content::Metrics,
            Self::Metrics => content != Content::Health,
        };
        served.then_some(page)
    }
}

pub(super) async fn respond<B>(request: &Request<B>, state: &State) -> Response<Full<Bytes>> {
    let Some(page) = Page::at(request.uri().path(), state.content) else {
        let there = match state.content {
            Content::Health => "/livez and /readyz",
            Content::Metrics => "/metrics",
            Content::Both => "/livez, /readyz and /metrics",
        };
        return text(
            StatusCode::NOT_FOUND,
            format!("not found; there is {there}\n"),
        );
    };
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut refused = text(
            StatusCode::METHOD_NOT_ALLOWED,
            "only GET and HEAD\n".to_owned(),
        );
        refused
            .headers_mut()
            .insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match page {
        Page::Health(probe) => health(state, probe),
        Page::Metrics => match refusal(request, state).await {
            Some(refused) => refused,
            None => match state.metrics.encode() {
                Ok(body) => answer(StatusCode::OK, metrics::CONTENT_TYPE, body.into()),
                Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
            },
        },
    }
}

fn health(state: &State, probe: Probe) -> Response<Full<Bytes>> {
    let report = state.health.report(probe);
    let status = if report.ok {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    match serde_json::to_vec(&report) {
        Ok(body) => answer(status, "application/json", body),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

/// The answer to somebody who may not read metrics, with the statuses of controller-runtime.
async fn refusal<B>(request: &Request<B>, state: &State) -> Option<Response<Full<Bytes>>> {
    let guard = state.guard.as_ref()?;
    let admission = match bearer(request.headers()) {
        Some(token) => guard.admit(token).await,
        None => Admission::Unauthenticated,
    };
    match admission {
        Admission::Admitted => None,
        Admission::Unauthenticated => {
            let mut refused = text(StatusCode::UNAUTHORIZED, "Unauthorized\n".to_owned());
            refused.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                header::HeaderValue::from_static("Bearer"),
            );
            Some(refused)
        }
        Admission::Denied { user } => Some(text(
            StatusCode::FORBIDDEN,
            format!("Authorization denied for user {user}\n"),
        )),
        Admission::Unknown => Some(text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Authentication failed\n".to_owned(),
        )),
    }
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    answer(status, TEXT, body.into())
}

fn answer(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static(content_type),
    );
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store"),
    );
    response
}
