//! One connection: HTTP/1.1 or HTTP/2 found out by its first bytes, served until either side leaves.

use std::{
    io,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::Notify,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    body::{ResponseBody, WriteDeadline},
    dispatch::{Connection, Dispatch},
    options::HttpLimits,
};

/// Builder of connections with every bound of `limits` set.
pub(super) fn builder(limits: &HttpLimits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read_timeout)
        .max_buf_size(limits.max_header_bytes.max(8192))
        .max_headers(limits.max_headers);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(limits.h2_max_streams)
        .max_pending_accept_reset_streams(limits.h2_max_pending_resets)
        .max_local_error_reset_streams(limits.h2_max_pending_resets * 8)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

/// What a connection is doing, shared with its requests.
pub(super) struct Activity {
    born: Instant,
    begun: AtomicBool,
    open: AtomicUsize,
    /// Milliseconds after `born` at which the last request ended.
    idle_since: AtomicU64,
    leave: Notify,
}

impl Activity {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            born: Instant::now(),
            begun: AtomicBool::new(false),
            open: AtomicUsize::new(0),
            idle_since: AtomicU64::new(0),
            leave: Notify::new(),
        })
    }

    /// Counts a request until the guard is dropped.
    pub(super) fn request(self: &Arc<Self>) -> OpenRequest {
        self.begun.store(true, Ordering::Release);
        self.open.fetch_add(1, Ordering::AcqRel);
        OpenRequest(Arc::clone(self))
    }

    /// Asks the client to open another connection for its next request.
    pub(super) fn ask_to_leave(&self) {
        self.leave.notify_one();
    }

    /// When an idle connection may be closed; `None` while a request is open.
    fn idle_until(&self, idle_timeout: Duration) -> Option<Instant> {
        (self.open.load(Ordering::Acquire) == 0).then(|| {
            self.born
                + Duration::from_millis(self.idle_since.load(Ordering::Acquire))
                + idle_timeout
        })
    }
}

pub(super) struct OpenRequest(Arc<Activity>);

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0
            .idle_since
            .store(self.0.born.elapsed().as_millis() as u64, Ordering::Release);
        self.0.open.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A request as hyper hands it over.
#[derive(Clone)]
struct Requests {
    dispatch: Arc<Dispatch>,
    connection: Arc<Connection>,
}

impl hyper::service::Service<Request<Incoming>> for Requests {
    type Response = Response<ResponseBody>;
    type Error = std::convert::Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let Self {
            dispatch,
            connection,
        } = self.clone();
        Box::pin(async move { dispatch.answer(&connection, request).await })
    }
}

/// Serves until the client leaves, a bound is passed, or `leave` is cancelled and the open requests are done.
pub(super) async fn serve<S>(
    stream: S,
    peer: std::net::SocketAddr,
    scheme: super::handler::Scheme,
    builder: &auto::Builder<TokioExecutor>,
    dispatch: Arc<Dispatch>,
    leave: &CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = Arc::clone(&dispatch.limits);
    let activity = Activity::new();
    let connection = Arc::new(Connection {
        peer,
        scheme,
        activity: Arc::clone(&activity),
    });
    let stream = TokioIo::new(BoundedWrites {
        stream,
        deadline: WriteDeadline::new(limits.body_idle_timeout),
    });
    let mut serving = pin!(builder.serve_connection_with_upgrades(
        stream,
        Requests {
            dispatch,
            connection
        }
    ));
    let mut check = pin!(tokio::time::sleep(limits.header_read_timeout));
    let mut leaving = false;
    loop {
        tokio::select! {
            ended = serving.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%peer, %error, "a connection ended early");
                }
                return;
            }
            () = leave.cancelled(), if !leaving => leaving = true,
            () = activity.leave.notified(), if !leaving => leaving = true,
            () = check.as_mut() => {
                // Neither HTTP/1 nor HTTP/2 yet, or no whole request: hyper's own timer does not run then.
                if !activity.begun.load(Ordering::Acquire) {
                    tracing::debug!(%peer, "a connection sent no request in time");
                    return;
                }
                let now = Instant::now();
                let next = match activity.idle_until(limits.idle_timeout) {
                    Some(until) if until <= now => {
                        leaving = true;
                        now + limits.idle_timeout
                    }
                    Some(until) => until,
                    None => now + limits.idle_timeout,
                };
                check.as_mut().reset(next);
            }
        }
        if leaving {
            serving.as_mut().graceful_shutdown();
        }
    }
}

/// A stream whose writes fail when the client does not read for too long.
struct BoundedWrites<S> {
    stream: S,
    deadline: WriteDeadline,
}

impl<S: AsyncRead + Unpin> AsyncRead for BoundedWrites<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for BoundedWrites<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let written = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.deadline.check(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        this.deadline.check(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let closed = Pin::new(&mut this.stream).poll_shutdown(cx);
        this.deadline.check(cx, closed)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.deadline.check(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
