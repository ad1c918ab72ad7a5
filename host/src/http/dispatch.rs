//! From a request to its response: id, route, handler, and the record of it.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicUsize},
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode, Version,
    header::{CONNECTION, UPGRADE},
};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::Instant;

use super::{
    access::{Access, Line, TARGET},
    body::{self, BoundedBody, ResponseBody},
    connection::Activity,
    entry::{Entry, InFlight},
    handler::{BodyError, HandleError, HttpBody, RequestContext, Scheme},
    host_name,
    metrics::HttpMetrics,
    options::HttpLimits,
    problem::{Accepts, Problem},
    request_id,
    table::{Route, Table, pick},
};

/// Where a listener finds the workload for a request.
pub(super) enum Target {
    /// By Host header.
    Names(Arc<ArcSwap<Table>>),
    /// Always the same workload's replicas: a port of its own.
    Own(ArcSwap<Vec<Arc<Entry>>>),
}

/// Answers the requests of one listener.
pub(super) struct Dispatch {
    pub(super) target: Target,
    pub(super) limits: Arc<HttpLimits>,
    pub(super) metrics: HttpMetrics,
    turn: AtomicUsize,
}

/// What a connection contributes to each of its requests.
pub(super) struct Connection {
    pub(super) peer: SocketAddr,
    pub(super) scheme: Scheme,
    pub(super) activity: Arc<Activity>,
}

impl Dispatch {
    pub(super) fn new(target: Target, limits: Arc<HttpLimits>, metrics: HttpMetrics) -> Self {
        Self {
            target,
            limits,
            metrics,
            turn: AtomicUsize::new(0),
        }
    }

    pub(super) async fn answer<B>(
        &self,
        connection: &Connection,
        request: Request<B>,
    ) -> Result<Response<ResponseBody>, Infallible>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BodyError>,
    {
        let version = request.version();
        let accepts = Accepts::of(request.headers());
        let mut access = Box::new(Access {
            request_id: request_id::of(request.headers()),
            peer: connection.peer,
            version,
            started: Instant::now(),
            status: StatusCode::INTERNAL_SERVER_ERROR,
            reason: None,
            in_flight: None,
            line: tracing::enabled!(target: TARGET, tracing::Level::INFO)
                .then(|| Line::of(&request)),
            bytes: 0,
            done: false,
            _open: connection.activity.request(),
        });
        let answered = match self.route(&request) {
            Ok(in_flight) => {
                access.in_flight = Some(in_flight);
                self.hand_over(connection, request, &access).await
            }
            Err(problem) => {
                self.metrics.unrouted();
                Err(problem)
            }
        };
        let mut response = answered.unwrap_or_else(|problem| {
            access.reason = Some(problem.reason);
            problem.respond(accepts, &access.request_id)
        });
        access.status = response.status();
        if !response.headers().contains_key(request_id::HEADER)
            && let Ok(value) = HeaderValue::from_str(&access.request_id)
        {
            response.headers_mut().insert(request_id::HEADER, value);
        }
        if access
            .in_flight
            .as_ref()
            .is_some_and(|in_flight| in_flight.entry().is_draining())
        {
            if version == Version::HTTP_2 {
                connection.activity.ask_to_leave();
            } else if response.status() != StatusCode::SWITCHING_PROTOCOLS {
                response
                    .headers_mut()
                    .insert(CONNECTION, HeaderValue::from_static("close"));
            }
        }
        Ok(response.map(|body| ResponseBody::new(body, access)))
    }

    fn route<B>(&self, request: &Request<B>) -> Result<InFlight, Problem> {
        match &self.target {
            Target::Names(table) => {
                let host = host_name::of_request(request)?;
                let table = table.load();
                match table.find(&host) {
                    Route::Found(candidates) => self.begin(candidates),
                    Route::Ambiguous(longer) => Err(Problem::ambiguous_host(&host, &longer)),
                    Route::Unknown => Err(Problem::unknown_host(&host)),
                }
            }
            Target::Own(candidates) => {
                // RFC 9112 3.2: a request of HTTP/1.1 without a valid Host is an error on any port.
                if request.version() != Version::HTTP_10 {
                    host_name::of_request(request)?;
                }
                self.begin(&candidates.load())
            }
        }
    }

    fn begin(&self, candidates: &[Arc<Entry>]) -> Result<InFlight, Problem> {
        pick(candidates, &self.turn)
            .map(Entry::begin)
            .ok_or_else(Problem::no_instance)
    }

    async fn hand_over<B>(
        &self,
        connection: &Connection,
        request: Request<B>,
        access: &Access,
    ) -> Result<Response<HttpBody>, Problem>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<BodyError>,
    {
        let Some(in_flight) = &access.in_flight else {
            return Err(Problem::no_instance());
        };
        let limit = self.limits.max_body_bytes;
        if let Some(limit) = limit
            && request.body().size_hint().lower() > limit
        {
            return Err(Problem::body_too_large(limit));
        }
        let idle = self.limits.body_idle_timeout;
        let mut request = request.map(|body| {
            if body.is_end_stream() {
                body::empty()
            } else {
                BoundedBody::of_request(body, idle, limit).boxed_unsync()
            }
        });
        if request.headers().contains_key(UPGRADE) || request.method() == Method::CONNECT {
            request.extensions_mut().insert(in_flight.clone());
        }
        let deadline = self
            .limits
            .request_timeout
            .map(|timeout| access.started + timeout);
        let context = RequestContext {
            request_id: Arc::clone(&access.request_id),
            scheme: connection.scheme,
            peer: connection.peer,
            deadline,
        };
        let handling = Arc::clone(in_flight.entry().handler()).handle(request, context);
        let outcome = match deadline {
            Some(deadline) => tokio::time::timeout_at(deadline, handling)
                .await
                .unwrap_or(Err(HandleError::Timeout)),
            None => handling.await,
        };
        outcome.map_err(|error| {
            let workload = in_flight.entry().handler().workload();
            tracing::warn!(
                request_id = %access.request_id,
                namespace = %workload.namespace,
                workload = %workload.name,
                %error,
                "a request got no response from its workload"
            );
            Problem::from(&error)
        })
    }
}
