//! Requests in warm instances, for WASI 0.2 (one request at a time) and 0.3 (several).
//!
//! At most `size` instances are warm; a request that finds them busy is served by a fresh one, not queued.
//! A warm instance is retired after its number of requests, on a trap or timeout, when idle for long, and
//! when the host needs its memory for others.

use super::{
    body::{self, Ending, GuestBody},
    fault::Fault,
    http::{Call, HttpComponent, PoolLimits, acquire},
    prepare::WARM_IDLE,
};
use crate::{
    engine::{IdleSlot, Permit},
    http::HttpBody,
};
use host_api::{Ctx, LimitBreach};
use http_body_util::BodyExt as _;
use std::{
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use wasmtime::{Store, StoreContextMut, component::GuestTaskId};
use wasmtime_wasi_http::{
    WasiHttpView as _,
    handler::{
        ExpirationError, HandlerState, Instance, InstantiationError, Proxy, ProxyHandler,
        ShouldAccept, TrapOrPanicError, WorkerExpiration, WorkerState, WorkerStatus,
    },
};

type Signal = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

/// The warm instances of one component.
pub(super) struct Pool {
    handler: ProxyHandler<Workers>,
    stop: CancellationToken,
}

impl Pool {
    pub(super) fn new(
        component: Arc<HttpComponent>,
        limits: PoolLimits,
        timeout: Duration,
    ) -> Self {
        let stop = CancellationToken::new();
        let workers = Workers {
            component,
            limits,
            timeout,
            warm: Arc::new(Semaphore::new(limits.size as usize)),
            stop: stop.clone(),
        };
        Self {
            handler: ProxyHandler::new(workers),
            stop,
        }
    }

    /// Warm instances end when they have nothing to do.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    pub(super) async fn handle(
        &self,
        request: http::Request<HttpBody>,
        call: Call,
    ) -> Result<http::Response<HttpBody>, Fault> {
        let component = self.handler.state().component.clone();
        let runnable = &component.runnable;
        let cancel = CancellationToken::new();
        // A requester that goes away before the head of the response.
        let gone = cancel.clone().drop_guard();
        let served = Arc::new(OnceLock::new());
        let ticket = Ticket {
            deadline: call.deadline,
            cancel: cancel.clone(),
            served: served.clone(),
        };
        let handler = self.handler.clone();
        let request = request.map(body::into_guest);
        // Workers are started by whoever calls, and must run with the guests.
        let handled = runnable
            .engine
            .guests()
            .spawn(async move { handler.handle(ticket, request).await });
        let handled = AbortOnDropHandle::new(handled);
        let answer = match tokio::time::timeout_at(call.deadline, handled).await {
            Err(_) => {
                return Err(Fault::Timeout {
                    component: runnable.name().to_owned(),
                });
            }
            Ok(Err(error)) => {
                return Err(Fault::Host {
                    component: runnable.name().to_owned(),
                    message: error.to_string(),
                });
            }
            Ok(Ok(answer)) => answer,
        };
        let response = match answer {
            Ok(response) => response,
            Err(error) => return Err(self.fault(&error, served.get()).await),
        };
        gone.disarm();
        let ending = Box::new(Reader(cancel));
        Ok(response.map(|inner| {
            GuestBody::new(
                inner,
                ending,
                call.body_timeout,
                call.killed,
                call.admission,
            )
            .boxed_unsync()
        }))
    }

    async fn fault(&self, error: &wasmtime::Error, served: Option<&Served>) -> Fault {
        let runnable = &self.handler.state().component.runnable;
        let component = runnable.name().to_owned();
        if error.is::<ExpirationError>() {
            return Fault::Timeout { component };
        }
        if let Some(failed) = error.downcast_ref::<InstantiationError<Ticket>>() {
            return match failed.error.downcast_ref::<Fault>() {
                Some(fault) => fault.clone(),
                None => runnable.fault(&LimitBreach::default(), &failed.error),
            };
        }
        let Some(served) = served else {
            return runnable.fault(&LimitBreach::default(), error);
        };
        let told = error.is::<wasmtime::Trap>() || error.is::<Fault>();
        if !told && (error.is::<TrapOrPanicError>() || is_no_response(error)) {
            // The instance tells the cause when it ends, which a trap makes it do at once.
            let ended =
                tokio::time::timeout(Duration::from_secs(1), served.ended.cancelled()).await;
            if let (Ok(()), Some(fault)) = (ended, served.fault.get()) {
                return fault.clone();
            }
            return Fault::NoResponse { component };
        }
        runnable.fault(&served.breach, error)
    }
}

/// The guest returned and had not answered. Wasmtime has no type for this.
fn is_no_response(error: &wasmtime::Error) -> bool {
    error.chain().count() == 1 && error.to_string().contains("response-outparam")
}

/// Somebody reads the response.
struct Reader(CancellationToken);

impl Ending for Reader {
    fn ended(self: Box<Self>) {}

    fn abandoned(self: Box<Self>) {
        self.0.cancel();
    }
}

/// What goes with a request into the instance.
struct Ticket {
    deadline: tokio::time::Instant,
    cancel: CancellationToken,
    served: Arc<OnceLock<Served>>,
}

/// The instance that serves a request.
#[derive(Clone)]
struct Served {
    breach: LimitBreach,
    /// It was ended because of time, which Wasmtime has no type for.
    expired: Arc<AtomicBool>,
    fault: Arc<OnceLock<Fault>>,
    ended: CancellationToken,
}

/// Makes instances.
struct Workers {
    component: Arc<HttpComponent>,
    limits: PoolLimits,
    timeout: Duration,
    warm: Arc<Semaphore>,
    stop: CancellationToken,
}

impl HandlerState for Workers {
    type StoreData = Ctx;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(&self) -> wasmtime::Result<Instance<Ctx, Expiration, Worker>> {
        let runnable = &self.component.runnable;
        let permit = acquire(runnable).await?;
        let breach = LimitBreach::default();
        let mut store = runnable.store(&breach)?;
        let proxy = self
            .component
            .proxy
            .instantiate_async(&mut store)
            .await
            .map_err(|error| runnable.fault(&breach, &error))?;
        let warm = self.warm.clone().try_acquire_owned().ok();
        let max_concurrency = match (&warm, &proxy) {
            (Some(_), Proxy::P3(_)) => self.limits.max_concurrency.max(1) as usize,
            _ => 1,
        };
        let max_requests = match &warm {
            Some(_) => self
                .limits
                .max_invocations
                .map_or(usize::MAX, |max| max as usize),
            None => 1,
        };
        let abandoned = CancellationToken::new();
        let expired = Arc::<AtomicBool>::default();
        Ok(Instance {
            store,
            proxy,
            view: Ctx::http,
            expiration: Expiration {
                component: self.component.clone(),
                timeout: self.timeout,
                timer: Box::pin(tokio::time::sleep(self.timeout)),
                stop: Box::pin(self.stop.clone().cancelled_owned()),
                abandoned: Box::pin(abandoned.clone().cancelled_owned()),
                idle: None,
                warm: warm.is_some(),
                expired: expired.clone(),
            },
            state: Worker {
                component: self.component.clone(),
                max_concurrency,
                max_requests,
                served: Served {
                    breach,
                    expired,
                    fault: Arc::default(),
                    ended: CancellationToken::new(),
                },
                abandoned,
                stop: self.stop.clone(),
                _warm: warm,
                _permit: permit,
            },
        })
    }
}

/// Decides what an instance accepts.
struct Worker {
    component: Arc<HttpComponent>,
    max_concurrency: usize,
    max_requests: usize,
    served: Served,
    abandoned: CancellationToken,
    stop: CancellationToken,
    _warm: Option<OwnedSemaphorePermit>,
    _permit: Permit,
}

impl WorkerState for Worker {
    type StoreData = Ctx;
    type RequestData = Ticket;

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        if total >= self.max_requests || (total > 0 && self.stop.is_cancelled()) {
            ShouldAccept::Never
        } else if concurrent >= self.max_concurrency {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        mut store: StoreContextMut<'_, Ctx>,
        ticket: Ticket,
        _task: GuestTaskId,
    ) -> Signal {
        store.set_epoch_deadline(1);
        store.data_mut().memory.rearm();
        // The requester waits for nobody else's instance.
        let _ = ticket.served.set(self.served.clone());
        let Ticket {
            deadline, cancel, ..
        } = ticket;
        if self.max_concurrency == 1 {
            // Nobody else is in there: the instance can go at once, even while it computes.
            let (abandoned, cancel) = (self.abandoned.clone(), cancel.clone());
            self.component.runnable.engine.guests().spawn(async move {
                tokio::select! {
                    () = cancel.cancelled() => abandoned.cancel(),
                    () = abandoned.cancelled() => {}
                }
            });
        }
        Box::pin(async move {
            tokio::select! {
                () = tokio::time::sleep_until(deadline) => {}
                () = cancel.cancelled() => {}
            }
        })
    }

    fn drop(&self, store: Store<Ctx>, result: Result<(), wasmtime::Error>) {
        if let Err(error) = result {
            let runnable = &self.component.runnable;
            let fault = if self.served.expired.load(Ordering::Acquire) {
                Fault::Timeout {
                    component: runnable.name().to_owned(),
                }
            } else {
                runnable.fault(&self.served.breach, &error)
            };
            // Set once: an instance ends once.
            let _ = self.served.fault.set(fault);
        }
        self.served.ended.cancel();
        self.abandoned.cancel();
        drop(store);
    }
}

/// Decides when an instance ends, from outside of its store.
struct Expiration {
    component: Arc<HttpComponent>,
    timeout: Duration,
    timer: Pin<Box<tokio::time::Sleep>>,
    stop: Signal,
    abandoned: Signal,
    idle: Option<Idle>,
    warm: bool,
    expired: Arc<AtomicBool>,
}

/// An idle instance offers its memory to others.
struct Idle {
    since: Instant,
    evicted: Signal,
}

impl WorkerExpiration for Expiration {
    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        status: WorkerStatus,
        since: Instant,
    ) -> Poll<()> {
        let this = &mut *self;
        if this.abandoned.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let limit = match status {
            WorkerStatus::Requests | WorkerStatus::PostReturn => {
                this.idle = None;
                this.timeout
            }
            WorkerStatus::Idle => {
                if !this.warm || this.stop.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                if this.idle.as_ref().is_none_or(|idle| idle.since != since) {
                    let runnable = &this.component.runnable;
                    let slot: IdleSlot =
                        runnable.engine.permits().offer_idle(runnable.weight, since);
                    let evicted = Box::pin(async move { slot.evicted().await });
                    this.idle = Some(Idle { since, evicted });
                }
                if let Some(idle) = &mut this.idle
                    && idle.evicted.as_mut().poll(cx).is_ready()
                {
                    return Poll::Ready(());
                }
                WARM_IDLE
            }
        };
        let end = tokio::time::Instant::from_std(since + limit);
        if this.timer.deadline() != end {
            this.timer.as_mut().reset(end);
        }
        ready!(this.timer.as_mut().poll(cx));
        this.expired.store(true, Ordering::Release);
        Poll::Ready(())
    }
}
