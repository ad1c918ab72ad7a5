//! The admin listener: `/livez`, `/readyz` and `/metrics` on a port of their own, so that the health of a process can
//! be asked for when its real ports are saturated, and is reachable by nobody the real ports are for.

mod guard;
mod pages;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::health::Health;
use crate::metrics::Metrics;
use crate::tls::ReloadingTls;

pub use guard::{Admission, Guard};

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
    state: State,
}

/// Which pages a listener has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// `/livez` (also `/healthz`) and `/readyz`.
    Health,
    /// `/metrics`.
    Metrics,
    /// All of them.
    Both,
}

#[derive(Debug)]
struct State {
    health: Health,
    metrics: Metrics,
    content: Content,
    tls: Option<Arc<ReloadingTls>>,
    guard: Option<Arc<dyn Guard>>,
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
            state: State {
                health,
                metrics,
                content: Content::Both,
                tls: None,
                guard: None,
            },
        })
    }

    /// Leaves out what is not this.
    #[must_use]
    pub fn only(mut self, content: Content) -> Self {
        self.state.content = content;
        self
    }

    /// Serves over TLS.
    #[must_use]
    pub fn over_tls(mut self, tls: Arc<ReloadingTls>) -> Self {
        self.state.tls = Some(tls);
        self
    }

    /// Serves metrics to those only whom the guard admits.
    #[must_use]
    pub fn guarded(mut self, guard: Arc<dyn Guard>) -> Self {
        self.state.guard = Some(guard);
        self
    }

    /// The address that is really listened on.
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until the token is cancelled; requests in progress are finished.
    pub async fn run(self, token: CancellationToken) {
        let state = Arc::new(self.state);
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
                    let serving = serve(stream, Arc::clone(&state), token.clone());
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
    let Some(tls) = &state.tls else {
        return converse(stream, state, token).await;
    };
    match tokio::time::timeout(HEAD_TIMEOUT, tls.accept(stream)).await {
        Ok(Ok(stream)) => converse(stream, Arc::clone(&state), token).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake for metrics failed"),
        Err(_) => tracing::debug!("a TLS handshake for metrics was not finished in time"),
    }
}

async fn converse<S>(stream: S, state: Arc<State>, token: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(pages::respond(&request, &state).await) }
    });
    // Which protocol it is was agreed by ALPN, or is told by the first bytes.
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT);
    builder.http2().timer(TokioTimer::new());
    let connection = builder.serve_connection(TokioIo::new(stream), service);
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
