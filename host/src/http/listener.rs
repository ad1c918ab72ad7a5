//! A listening socket and its connections.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use hyper_util::{rt::TokioExecutor, server::conn::auto};
use service::tls::ReloadingTls;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Semaphore,
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    connection, dispatch::Dispatch, handler::Scheme, metrics::HttpMetrics, options::HttpLimits,
};

/// Connections waiting to be accepted; a burst larger than this is refused by the kernel.
const BACKLOG: u32 = 1024;
/// Pause after a failed accept (out of file descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long the connections of a port nobody holds any more may take to end.
const RETIRE_TIME: Duration = Duration::from_secs(10);

/// What all listeners of a front share.
pub(super) struct Shared {
    pub(super) limits: Arc<HttpLimits>,
    pub(super) metrics: HttpMetrics,
    pub(super) tls: Option<Arc<ReloadingTls>>,
    builder: auto::Builder<TokioExecutor>,
    permits: Arc<Semaphore>,
    /// The front's runtime: listeners are also opened from others.
    pub(super) runtime: tokio::runtime::Handle,
}

impl Shared {
    /// To be called on the runtime that serves.
    pub(super) fn new(
        limits: HttpLimits,
        metrics: HttpMetrics,
        tls: Option<Arc<ReloadingTls>>,
    ) -> Self {
        Self {
            builder: connection::builder(&limits),
            permits: Arc::new(Semaphore::new(
                limits.max_connections.min(Semaphore::MAX_PERMITS),
            )),
            limits: Arc::new(limits),
            metrics,
            tls,
            runtime: tokio::runtime::Handle::current(),
        }
    }
}

/// A bound listener being served. Dropping it closes the socket and its connections.
pub(super) struct Listener {
    address: SocketAddr,
    /// No new connections, and the open ones end with their requests.
    leave: CancellationToken,
    /// The open ones end now.
    abort: CancellationToken,
    tasks: TaskTracker,
}

impl Listener {
    /// Binds and serves on the front's runtime.
    pub(super) fn start(
        shared: &Arc<Shared>,
        address: SocketAddr,
        dispatch: Arc<Dispatch>,
    ) -> io::Result<Self> {
        let socket = {
            let _runtime = shared.runtime.enter();
            bind(address)?
        };
        let listener = Self {
            address: socket.local_addr()?,
            leave: CancellationToken::new(),
            abort: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let accepting = Accepting {
            shared: Arc::clone(shared),
            dispatch,
            leave: listener.leave.clone(),
            abort: listener.abort.clone(),
            tasks: listener.tasks.clone(),
        };
        listener
            .tasks
            .spawn_on(accepting.run(socket), &shared.runtime);
        Ok(listener)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes the socket, lets open requests end until `deadline`, then cuts off. Whether all ended.
    pub(super) async fn close(&self, deadline: Instant) -> bool {
        self.leave.cancel();
        self.tasks.close();
        let in_time = tokio::time::timeout_at(deadline, self.tasks.wait())
            .await
            .is_ok();
        self.abort.cancel();
        self.tasks.wait().await;
        in_time
    }

    /// As [`Self::close`], in the background: what is still being written gets its time.
    pub(super) fn retire(self, shared: &Shared) {
        shared.runtime.spawn(async move {
            self.close(Instant::now() + RETIRE_TIME).await;
        });
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.leave.cancel();
        self.abort.cancel();
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // A host that restarts takes its port again at once.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

struct Accepting {
    shared: Arc<Shared>,
    dispatch: Arc<Dispatch>,
    leave: CancellationToken,
    abort: CancellationToken,
    tasks: TaskTracker,
}

impl Accepting {
    async fn run(self, socket: TcpListener) {
        loop {
            let next = async {
                let permit = Arc::clone(&self.shared.permits).acquire_owned().await;
                (permit, socket.accept().await)
            };
            let (permit, accepted) = tokio::select! {
                () = self.leave.cancelled() => return,
                next = next => next,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // One client's reset is nobody's problem; running out of descriptors is everybody's.
                    if !matches!(
                        error.kind(),
                        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
                    ) {
                        tracing::warn!(%error, "no connection could be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                    continue;
                }
            };
            let open = self.shared.metrics.connection();
            let serving = serve(
                stream,
                peer,
                Arc::clone(&self.shared),
                Arc::clone(&self.dispatch),
                self.leave.clone(),
            );
            let abort = self.abort.clone();
            self.tasks.spawn(async move {
                abort.run_until_cancelled(serving).await;
                drop((open, permit));
            });
        }
    }
}

async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    shared: Arc<Shared>,
    dispatch: Arc<Dispatch>,
    leave: CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "a connection was gone at once");
        return;
    }
    let Some(tls) = &shared.tls else {
        connection::serve(
            stream,
            peer,
            Scheme::Http,
            &shared.builder,
            dispatch,
            &leave,
        )
        .await;
        return;
    };
    match tokio::time::timeout(shared.limits.tls_handshake_timeout, tls.accept(stream)).await {
        Ok(Ok(stream)) => {
            connection::serve(
                stream,
                peer,
                Scheme::Https,
                &shared.builder,
                dispatch,
                &leave,
            )
            .await;
        }
        Ok(Err(error)) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
        Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
    }
}
