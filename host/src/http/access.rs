//! One line and one count for each request, written when its response has ended. Target of the lines:
//! `access`. Queries, headers and bodies are not logged: they carry secrets.

use std::{net::SocketAddr, sync::Arc};

use http::{Method, Request, StatusCode, Version};
use protocol::reason::Reason;
use tokio::time::Instant;

use super::{connection::OpenRequest, entry::InFlight, handler::BodyError, host_name};

/// Target of the access log, for filters.
pub const TARGET: &str = "access";

/// A request's record; also what keeps it counted as in flight.
pub(super) struct Access {
    pub(super) request_id: Arc<str>,
    pub(super) peer: SocketAddr,
    pub(super) version: Version,
    pub(super) started: Instant,
    pub(super) status: StatusCode,
    pub(super) reason: Option<Reason>,
    pub(super) in_flight: Option<InFlight>,
    /// Only kept when the line will be written.
    pub(super) line: Option<Line>,
    pub(super) bytes: u64,
    pub(super) done: bool,
    /// Keeps the connection from counting as idle.
    pub(super) _open: OpenRequest,
}

/// What the line says beside numbers.
pub(super) struct Line {
    pub(super) method: Method,
    pub(super) host: Box<str>,
    pub(super) path: Box<str>,
}

impl Line {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        Self {
            method: request.method().clone(),
            host: host_name::of_request(request)
                .as_deref()
                .unwrap_or_default()
                .into(),
            path: request.uri().path().into(),
        }
    }
}

impl Access {
    pub(super) fn sent(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// The response ended: whole, or by an error of the handler's body.
    pub(super) fn finish(mut self, end: Result<(), &BodyError>) {
        self.done = true;
        match end {
            Ok(()) => self.record("complete", None),
            Err(error) => self.record("broken", Some(error)),
        }
    }

    fn record(&self, end: &'static str, error: Option<&BodyError>) {
        let took = self.started.elapsed();
        if let Some(in_flight) = &self.in_flight {
            in_flight.entry().metrics().answered(self.status, took);
        }
        let Some(line) = &self.line else { return };
        let workload = self
            .in_flight
            .as_ref()
            .map(|in_flight| in_flight.entry().handler().workload());
        tracing::info!(
            target: TARGET,
            request_id = %self.request_id,
            peer = %self.peer,
            version = ?self.version,
            method = %line.method,
            host = %line.host,
            path = %line.path,
            status = self.status.as_u16(),
            reason = self.reason.map(Reason::as_str),
            bytes = self.bytes,
            duration_ms = took.as_secs_f64() * 1e3,
            namespace = workload.map(|w| &*w.namespace),
            workload = workload.map(|w| &*w.name),
            end,
            error = error.map(tracing::field::display),
        );
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        if !self.done {
            self.record("client left", None);
        }
    }
}
