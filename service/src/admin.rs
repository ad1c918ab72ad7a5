//! The admin listener: `/livez`, `/readyz` and `/metrics` on a port of their own, so that the health of a process can
//! be asked for when its real ports are saturated, and is reachable by nobody the real ports are for.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::health::{Health, Probe};
use crate::metrics::{self, Metrics};

/// Probes and scrapers are few; more connections than this wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 64;
/// A client that does not finish its request head in this time is cut off.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause after a failed accept (file descriptors exhausted), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the admin listener did not start.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The address could not be bound.
    #[error("cannot listen for health and metrics on {addr}: {source}")]
    Bind {
        /// The address asked for.
        addr: SocketAddr,
        /// The cause.
        source: io::Error,
    },
}

/// A bound admin listener, not yet serving.
#[derive(Debug)]
pub struct AdminServer {
    listener: TcpListener,
    addr: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    health: Health,
    metrics: Metrics,
}

impl AdminServer {
    /// Binds `addr`; port 0 takes a free one, which [`AdminServer::local_addr`] tells.
    pub async fn bind(
        addr: SocketAddr,
        health: Health,
        metrics: Metrics,
    ) -> Result<Self, AdminError> {
        let bound = async {
            let listener = TcpListener::bind(addr).await?;
            let addr = listener.local_addr()?;
            Ok((listener, addr))
        };
        let (listener, addr) = bound
            .await
            .map_err(|source| AdminError::Bind { addr, source })?;
        Ok(Self {
            listener,
            addr,
            state: Arc::new(State { health, metrics }),
        })
    }

    /// The address that is really listened on.
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until the token is cancelled; requests in progress are finished.
    pub async fn run(self, token: CancellationToken) {
        let connections = TaskTracker::new();
        let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let accept = async {
                let permit = Arc::clone(&permits).acquire_owned().await;
                (permit, self.listener.accept().await)
            };
            let (permit, accepted) = tokio::select! {
                () = token.cancelled() => break,
                accepted = accept => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    let serving = serve(stream, Arc::clone(&self.state), token.clone());
                    connections.spawn(async move {
                        serving.await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the admin listener could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        connections.close();
        connections.wait().await;
    }
}

async fn serve(stream: TcpStream, state: Arc<State>, token: CancellationToken) {
    let service = service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(respond(&request, &state)) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = token.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "an admin connection ended early");
    }
}

fn respond(request: &Request<Incoming>, state: &State) -> Response<Full<Bytes>> {
    let known = match request.uri().path() {
        "/livez" => Some(Page::Health(Probe::Live)),
        "/readyz" => Some(Page::Health(Probe::Ready)),
        "/metrics" => Some(Page::Metrics),
        _ => None,
    };
    let Some(page) = known else {
        return answer(
            StatusCode::NOT_FOUND,
            TEXT,
            "not found; there are /livez, /readyz and /metrics\n".into(),
        );
    };
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut refused = answer(
            StatusCode::METHOD_NOT_ALLOWED,
            TEXT,
            "only GET and HEAD\n".into(),
        );
        refused
            .headers_mut()
            .insert(header::ALLOW, header::HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match page {
        Page::Health(probe) => {
            let report = state.health.report(probe);
            let status = if report.ok {
                StatusCode::OK
            } else {
                StatusCode::SERVICE_UNAVAILABLE
            };
            match serde_json::to_vec(&report) {
                Ok(body) => answer(status, "application/json", body),
                Err(error) => answer(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    TEXT,
                    format!("{error}\n").into(),
                ),
            }
        }
        Page::Metrics => match state.metrics.encode() {
            Ok(body) => answer(StatusCode::OK, metrics::CONTENT_TYPE, body.into()),
            Err(error) => answer(
                StatusCode::INTERNAL_SERVER_ERROR,
                TEXT,
                format!("{error}\n").into(),
            ),
        },
    }
}

const TEXT: &str = "text/plain; charset=utf-8";

enum Page {
    Health(Probe),
    Metrics,
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
