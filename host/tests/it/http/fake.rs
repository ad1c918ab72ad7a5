//! A front on a free port, and handlers that answer as a test says.

use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use host::http::{
    HandleError, HttpBinding, HttpBody, HttpHandler, HttpLimits, HttpMetrics, Ingress,
    IngressOptions, RequestContext, RouteError, RouteGuard, Routes, WorkloadIdentity,
};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use prometheus_client::registry::Registry;
use protocol::WorkloadPorts;

pub type Answer = Result<Response<HttpBody>, HandleError>;

/// Runs a test with a deadline.
pub async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_mins(1), work)
        .await
        .expect("the test ends within a minute")
}

pub struct Front {
    pub ingress: Ingress,
    pub routes: Arc<dyn Routes>,
    pub address: SocketAddr,
    pub registry: Registry,
}

pub fn options() -> IngressOptions {
    IngressOptions {
        address: Some("127.0.0.1:0".parse().unwrap()),
        tls: None,
        limits: HttpLimits::default(),
        workload_ports: WorkloadPorts::default(),
    }
}

pub fn front() -> Front {
    front_with(|_| {})
}

pub fn front_with(change: impl FnOnce(&mut IngressOptions)) -> Front {
    let mut options = options();
    change(&mut options);
    let mut registry = Registry::default();
    let ingress = Ingress::start(options, HttpMetrics::register(&mut registry)).unwrap();
    let address = ingress.address().unwrap();
    Front {
        routes: ingress.routes(),
        ingress,
        address,
        registry,
    }
}

impl Front {
    pub fn serve(&self, handler: Handler, hostnames: &[&str]) -> Result<RouteGuard, RouteError> {
        let hostnames = hostnames.iter().map(ToString::to_string).collect();
        self.routes.register(
            handler.0,
            HttpBinding {
                hostnames,
                address: None,
            },
        )
    }

    pub fn metrics(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        text
    }
}

pub fn identity(namespace: &str, name: &str) -> WorkloadIdentity {
    let owner = name.rsplit_once('-').map_or(name, |(owner, _)| owner);
    WorkloadIdentity {
        id: name.into(),
        namespace: namespace.into(),
        name: name.into(),
        owner: owner.into(),
    }
}

type Respond =
    dyn Fn(Request<HttpBody>, RequestContext) -> BoxFuture<'static, Answer> + Send + Sync;

struct Fake {
    workload: WorkloadIdentity,
    in_flight: Arc<AtomicUsize>,
    respond: Box<Respond>,
}

impl HttpHandler for Fake {
    fn workload(&self) -> &WorkloadIdentity {
        &self.workload
    }

    fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
    }

    fn handle(
        self: Arc<Self>,
        request: Request<HttpBody>,
        context: RequestContext,
    ) -> BoxFuture<'static, Answer> {
        (self.respond)(request, context)
    }
}

/// A handler; `namespace/name` says whose.
pub struct Handler(Arc<Fake>);

impl Handler {
    pub fn new<F>(
        workload: &str,
        respond: impl Fn(Request<HttpBody>, RequestContext) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let (namespace, name) = workload.split_once('/').unwrap();
        Self(Arc::new(Fake {
            workload: identity(namespace, name),
            in_flight: Arc::default(),
            respond: Box::new(move |request, context| respond(request, context).boxed()),
        }))
    }

    /// Answers 200 with its own name.
    pub fn named(workload: &str) -> Self {
        let name = workload.to_owned();
        Self::new(workload, move |_, _| {
            let answer = text(&name);
            async move { answer }
        })
    }

    /// Answers with the request's body.
    pub fn echo(workload: &str) -> Self {
        Self::new(workload, |request, _| async move {
            match request.into_body().collect().await {
                Ok(body) => Ok(Response::new(full(body.to_bytes()))),
                Err(error) => Err(HandleError::Guest(error.to_string())),
            }
        })
    }

    /// Never answers; the counter falls back to zero when the call is dropped.
    pub fn never(workload: &str, open: &Arc<AtomicUsize>) -> Self {
        let open = Arc::clone(open);
        Self::new(workload, move |_, _| {
            let held = Counted::new(&open);
            async move {
                let _held = held;
                std::future::pending().await
            }
        })
    }

    pub fn load(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.0.in_flight)
    }

    pub fn share(&self) -> Arc<dyn HttpHandler> {
        self.0.clone()
    }
}

pub struct Counted(Arc<AtomicUsize>);

impl Counted {
    pub fn new(counter: &Arc<AtomicUsize>) -> Self {
        counter.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(counter))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

pub fn full(bytes: impl Into<Bytes>) -> HttpBody {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

#[expect(clippy::unnecessary_wraps, reason = "it is what a handler returns")]
pub fn text(body: &str) -> Answer {
    Ok(Response::new(full(body.to_owned())))
}

/// A body that a test feeds, and whose reader leaving the test can see.
pub fn channel() -> (tokio::sync::mpsc::Sender<Bytes>, HttpBody) {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let frames = futures::stream::unfold(
        receiver,
        |mut receiver: tokio::sync::mpsc::Receiver<Bytes>| async move {
            receiver
                .recv()
                .await
                .map(|bytes| (Ok(http_body::Frame::data(bytes)), receiver))
        },
    );
    (
        sender,
        http_body_util::StreamBody::new(frames).boxed_unsync(),
    )
}

/// Waits for `condition`.
pub async fn eventually(what: &str, condition: impl Fn() -> bool) {
    testbed::wait::until(Duration::from_secs(30), what, || {
        let held = condition();
        async move { if held { Ok(()) } else { Err("not yet") } }
    })
    .await
    .unwrap();
}
