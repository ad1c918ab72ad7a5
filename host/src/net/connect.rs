//! Connections to the outside: resolve, check every address, dial exactly what was checked, then TLS.
//! The name is resolved once; nothing between the check and the dial asks for it again.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context, Poll},
    time::Duration,
};

use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use http::Uri;
use hyper::rt::ReadBufCursor;
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_rustls::TlsConnector;

use super::{
    address::{AddressPolicy, Range},
    client::Pools,
    egress::EgressError,
    host_pattern::HostName,
    policy::Listed,
    proxy::{Proxies, Proxy},
    resolve::Resolver,
    tunnel,
};

/// Head start of an address before the next one is tried beside it (RFC 8305 recommends 250 ms).
const HEAD_START: Duration = Duration::from_millis(250);
/// How long a request waits for a connection to come free before idle ones are closed for it.
const EVICT_AFTER: Duration = Duration::from_millis(10);
/// For connections the pool finishes in the background after the request that asked for them is gone.
const BACKGROUND_TIMEOUT: Duration = Duration::from_secs(30);

tokio::task_local! {
    /// `connect_timeout` of the request a connection is made for.
    pub(super) static CONNECT_TIMEOUT: Duration;
}

/// What every workload's connections have in common.
pub(super) struct Dialer {
    pub(super) resolver: Arc<dyn Resolver>,
    pub(super) addresses: AddressPolicy,
    pub(super) proxies: Proxies,
    /// How long a request waits for one of the workload's connections.
    pub(super) connection_wait: Duration,
}

/// Makes connections for the components of one workload whose lists name the same addresses.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) dialer: Arc<Dialer>,
    pub(super) listed: Listed,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) permits: Arc<Semaphore>,
    pub(super) limit: usize,
    pub(super) pools: Weak<Pools>,
}

impl tower::Service<Uri> for Connector {
    type Response = Stream;
    type Error = EgressError;
    type Future = BoxFuture<'static, Result<Stream, EgressError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), EgressError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let connector = self.clone();
        let timeout = CONNECT_TIMEOUT
            .try_with(|timeout| *timeout)
            .unwrap_or(BACKGROUND_TIMEOUT);
        Box::pin(async move {
            let permit = connector.permit().await?;
            match tokio::time::timeout(timeout, connector.connect(&target, permit)).await {
                Ok(connected) => connected,
                Err(_) => Err(EgressError::ConnectTimeout {
                    target: authority(&target),
                }),
            }
        })
    }
}

impl Connector {
    async fn permit(&self) -> Result<OwnedSemaphorePermit, EgressError> {
        let permits = Arc::clone(&self.permits);
        let acquire = permits.acquire_owned();
        tokio::pin!(acquire);
        if let Ok(permit) = tokio::time::timeout(EVICT_AFTER, acquire.as_mut()).await {
            return permit.map_err(|_| EgressError::ConnectionLimit { limit: self.limit });
        }
        if let Some(pools) = self.pools.upgrade() {
            pools.close_idle();
        }
        match tokio::time::timeout(self.dialer.connection_wait, acquire).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(EgressError::ConnectionLimit { limit: self.limit }),
        }
    }

    async fn connect(
        &self,
        target: &Uri,
        permit: OwnedSemaphorePermit,
    ) -> Result<Stream, EgressError> {
        let tls = target.scheme_str() == Some("https");
        let host = target.host().unwrap_or_default();
        let name = HostName::parse(host).map_err(EgressError::InvalidRequest)?;
        let port = target.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let proxy = self.dialer.proxies.find(tls, &name);
        let stream = match proxy {
            Some(proxy) => self.through(proxy, tls, &name, host, port).await?,
            None => dial(&self.checked(host, &name, port).await?, target).await?,
        };
        stream
            .set_nodelay(true)
            .map_err(|error| refused(target, &error))?;
        if !tls {
            let route = if proxy.is_some() {
                Route::Proxy
            } else {
                Route::Direct
            };
            return Ok(Stream {
                io: TokioIo::new(Box::new(stream)),
                route,
                _permit: permit,
            });
        }
        let server = match &name {
            HostName::Name(name) => ServerName::try_from(name.clone()).map_err(|error| {
                EgressError::InvalidRequest(format!("{name} cannot be asked for by TLS ({error})"))
            })?,
            HostName::Address(address) => ServerName::from(*address),
        };
        let stream = TlsConnector::from(Arc::clone(&self.tls))
            .connect(server, stream)
            .await
            .map_err(|error| EgressError::Tls {
                target: authority(target),
                problem: error.to_string(),
            })?;
        let route = match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => Route::Http2,
            _ => Route::Direct,
        };
        Ok(Stream {
            io: TokioIo::new(Box::new(stream)),
            route,
            _permit: permit,
        })
    }

    /// The addresses of a target that may be dialled, each checked.
    async fn checked(
        &self,
        host: &str,
        name: &HostName,
        port: u16,
    ) -> Result<Vec<SocketAddr>, EgressError> {
        let addresses = match name {
            HostName::Address(address) => vec![*address],
            HostName::Name(name) => resolve(&*self.dialer.resolver, name).await?,
        };
        let mut denied = None;
        let allowed: Vec<_> = addresses
            .into_iter()
            .filter(|address| match self.check(*address, port) {
                Ok(()) => true,
                Err(range) => {
                    denied.get_or_insert((*address, range));
                    false
                }
            })
            .map(|address| SocketAddr::new(address, port))
            .collect();
        match denied {
            Some((address, range)) if allowed.is_empty() => Err(EgressError::AddressDenied {
                host: host.to_owned(),
                address,
                range: range.as_str(),
            }),
            _ => Ok(allowed),
        }
    }

    fn check(&self, address: IpAddr, port: u16) -> Result<(), Range> {
        self.dialer
            .addresses
            .check(address, self.listed.contains(address, port))
    }

    /// A connection to the operator's proxy. It resolves names by its own rules; literal addresses are
    /// still ours to check.
    async fn through(
        &self,
        proxy: &Proxy,
        tls: bool,
        name: &HostName,
        host: &str,
        port: u16,
    ) -> Result<TcpStream, EgressError> {
        match name {
            HostName::Address(address) => {
                self.check(*address, port)
                    .map_err(|range| EgressError::AddressDenied {
                        host: host.to_owned(),
                        address: *address,
                        range: range.as_str(),
                    })?;
            }
            HostName::Name(name) if name == "localhost" || name.ends_with(".localhost") => {
                return Err(EgressError::AddressDenied {
                    host: host.to_owned(),
                    address: IpAddr::from([127, 0, 0, 1]),
                    range: Range::Loopback.as_str(),
                });
            }
            HostName::Name(_) => {}
        }
        let uri = Uri::from(proxy.authority.clone());
        let proxy_name =
            HostName::parse(proxy.authority.host()).map_err(EgressError::InvalidRequest)?;
        let proxy_port = proxy.authority.port_u16().unwrap_or(80);
        let addresses = match &proxy_name {
            HostName::Address(address) => vec![*address],
            HostName::Name(name) => resolve(&*self.dialer.resolver, name).await?,
        };
        let addresses: Vec<_> = addresses
            .into_iter()
            .map(|address| SocketAddr::new(address, proxy_port))
            .collect();
        let stream = dial(&addresses, &uri).await?;
        if tls {
            tunnel::open(stream, proxy, host, port).await
        } else {
            Ok(stream)
        }
    }
}

async fn resolve(resolver: &dyn Resolver, name: &str) -> Result<Vec<IpAddr>, EgressError> {
    let problem = |problem: String| EgressError::Dns {
        host: name.to_owned(),
        problem,
    };
    let addresses = resolver
        .resolve(name)
        .await
        .map_err(|error| problem(error.to_string()))?;
    if addresses.is_empty() {
        Err(problem("the name has no address".to_owned()))
    } else {
        Ok(addresses)
    }
}

/// The first of `addresses` to answer; each gets a head start over the next.
async fn dial(addresses: &[SocketAddr], target: &Uri) -> Result<TcpStream, EgressError> {
    let mut waiting = addresses.iter().copied();
    let mut attempts = FuturesUnordered::new();
    let mut last = io::Error::other("no address to connect to");
    attempts.extend(waiting.next().map(TcpStream::connect));
    loop {
        tokio::select! {
            attempt = attempts.next() => match attempt {
                Some(Ok(stream)) => return Ok(stream),
                Some(Err(error)) => {
                    last = error;
                    attempts.extend(waiting.next().map(TcpStream::connect));
                }
                None => return Err(refused(target, &last)),
            },
            () = tokio::time::sleep(HEAD_START), if waiting.len() > 0 => {
                attempts.extend(waiting.next().map(TcpStream::connect));
            }
        }
    }
}

fn refused(target: &Uri, error: &io::Error) -> EgressError {
    EgressError::ConnectionRefused {
        target: authority(target),
        problem: error.to_string(),
    }
}

pub(super) fn authority(target: &Uri) -> String {
    target
        .authority()
        .map(ToString::to_string)
        .unwrap_or_default()
}

trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// What the client must know to speak on a connection.
enum Route {
    Direct,
    Http2,
    /// Requests carry their whole target.
    Proxy,
}

/// A connection, counted as one of its workload's as long as it lives.
pub(super) struct Stream {
    io: TokioIo<Box<dyn Io>>,
    route: Route,
    _permit: OwnedSemaphorePermit,
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        match self.route {
            Route::Direct => Connected::new(),
            Route::Http2 => Connected::new().negotiated_h2(),
            Route::Proxy => Connected::new().proxy(true),
        }
    }
}

impl hyper::rt::Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl hyper::rt::Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
