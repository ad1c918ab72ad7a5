//! HTTP requests to a workload: admission, the way to an instance, and the response's body until its end.
//!
//! Deadlines and a client that goes away are enforced from outside the store, by dropping it: a guest that
//! computes or waits cannot be cancelled from within.

use super::{
    fault::{self, Fault},
    fresh, pool,
    runnable::Runnable,
    spec::RequestLimits,
};
use crate::{
    engine::Permit,
    http::{HandleError, HttpBody, HttpHandler, RequestContext, WorkloadIdentity},
};
use futures::future::BoxFuture;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use wasmtime::component::{Component, InstancePre, types::ComponentItem};
use wasmtime_wasi_http::{handler::ProxyPre, p2, p3};

/// How long a request waits when its workload is at its limit, before it is refused.
const IN_FLIGHT_WAIT: Duration = Duration::from_secs(1);

/// The HTTP side of a workload.
pub struct WorkloadHttp {
    identity: WorkloadIdentity,
    component: Arc<HttpComponent>,
    pool: Option<pool::Pool>,
    limits: RequestLimits,
    slots: Arc<Semaphore>,
    in_flight: Arc<AtomicUsize>,
    stopping: AtomicBool,
    killed: CancellationToken,
}

/// A component that answers HTTP.
pub(super) struct HttpComponent {
    pub runnable: Arc<Runnable>,
    pub proxy: ProxyPre<host_api::Ctx>,
}

impl HttpComponent {
    /// `None` if the component does not export an HTTP handler this engine knows.
    pub(super) fn new(runnable: Arc<Runnable>) -> wasmtime::Result<Option<Self>> {
        let Some(version) = handler_version(runnable.pre.component()) else {
            return Ok(None);
        };
        let pre: InstancePre<_> = runnable.pre.clone();
        let proxy = match version {
            HandlerVersion::P2 => ProxyPre::P2(p2::bindings::ProxyPre::new(pre)?),
            HandlerVersion::P3 => ProxyPre::P3(p3::bindings::ServicePre::new(pre)?),
        };
        Ok(Some(Self { runnable, proxy }))
    }
}

enum HandlerVersion {
    P2,
    P3,
}

/// By what it *exports*: a 0.2 handler may well import 0.3.
fn handler_version(component: &Component) -> Option<HandlerVersion> {
    let ty = component.component_type();
    ty.exports(component.engine()).find_map(|(name, item)| {
        if !matches!(item.ty, ComponentItem::ComponentInstance(_)) {
            None
        } else if name.starts_with("wasi:http/incoming-handler@0.2.") {
            Some(HandlerVersion::P2)
        } else if name.starts_with("wasi:http/handler@0.3.") {
            Some(HandlerVersion::P3)
        } else {
            None
        }
    })
}

/// Warm instances of the HTTP component.
#[derive(Clone, Copy, Debug)]
pub(super) struct PoolLimits {
    /// Instances kept warm.
    pub size: u32,
    /// Requests after which one is replaced.
    pub max_invocations: Option<u32>,
    /// Requests at once in one instance (WASI 0.3).
    pub max_concurrency: u32,
}

impl WorkloadHttp {
    pub(super) fn new(
        identity: WorkloadIdentity,
        component: HttpComponent,
        pool: PoolLimits,
        limits: RequestLimits,
    ) -> Arc<Self> {
        let component = Arc::new(component);
        let pool = (pool.size > 0)
            .then(|| pool::Pool::new(component.clone(), pool, limits.request_timeout));
        Arc::new(Self {
            identity,
            component,
            pool,
            limits,
            slots: Arc::new(Semaphore::new(limits.max_in_flight.max(1) as usize)),
            in_flight: Arc::default(),
            stopping: AtomicBool::new(false),
            killed: CancellationToken::new(),
        })
    }

    /// Refuses new requests and lets warm instances go. Those in flight go on.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        if let Some(pool) = &self.pool {
            pool.stop();
        }
    }

    /// Cuts off what is still in flight.
    pub(super) fn kill(&self) {
        self.stop();
        self.killed.cancel();
    }

    async fn admit(&self) -> Result<Admission, HandleError> {
        if self.stopping.load(Ordering::Acquire) {
            return Err(HandleError::Draining);
        }
        let slot = if let Ok(slot) = self.slots.clone().try_acquire_owned() {
            slot
        } else {
            tokio::time::timeout(IN_FLIGHT_WAIT, self.slots.clone().acquire_owned())
                .await
                .ok()
                .and_then(Result::ok)
                .ok_or(HandleError::Overloaded {
                    retry_after: fault::retry_after(IN_FLIGHT_WAIT),
                })?
        };
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Ok(Admission {
            in_flight: self.in_flight.clone(),
            _slot: slot,
        })
    }

    async fn answer(
        &self,
        request: http::Request<HttpBody>,
        context: RequestContext,
    ) -> Result<http::Response<HttpBody>, HandleError> {
        let admission = self.admit().await?;
        let own = Instant::now() + self.limits.request_timeout;
        let call = Call {
            deadline: context.deadline.map_or(own, |deadline| deadline.min(own)),
            body_timeout: self.limits.request_timeout,
            scheme: context.scheme,
            killed: self.killed.clone(),
            admission,
        };
        let killed = self.killed.clone();
        let answer = async {
            if let Some(pool) = &self.pool {
                pool.handle(request, call).await
            } else {
                let permit = acquire(&self.component.runnable).await?;
                fresh::handle(&self.component, request, call, permit).await
            }
        };
        tokio::select! {
            biased;
            answer = answer => answer.map_err(HandleError::from),
            () = killed.cancelled() => Err(HandleError::Draining),
        }
    }
}

/// A permit for one instance of the component and all it calls.
pub(super) async fn acquire(runnable: &Runnable) -> Result<Permit, Fault> {
    runnable
        .engine
        .permits()
        .acquire(runnable.weight)
        .await
        .map_err(|error| Fault::Exhausted {
            waited: error.waited,
        })
}

/// One request on its way.
pub(super) struct Call {
    /// When the response's head must be there.
    pub deadline: Instant,
    /// Longest silence within the response's body.
    pub body_timeout: Duration,
    pub scheme: crate::http::Scheme,
    /// The workload is cut off.
    pub killed: CancellationToken,
    /// Held until the response's body has ended.
    pub admission: Admission,
}

/// A request is counted until this is dropped.
pub(super) struct Admission {
    in_flight: Arc<AtomicUsize>,
    _slot: OwnedSemaphorePermit,
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl HttpHandler for WorkloadHttp {
    fn workload(&self) -> &WorkloadIdentity {
        &self.identity
    }

    fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    fn handle(
        self: Arc<Self>,
        request: http::Request<HttpBody>,
        context: RequestContext,
    ) -> BoxFuture<'static, Result<http::Response<HttpBody>, HandleError>> {
        Box::pin(async move { self.answer(request, context).await })
    }
}
