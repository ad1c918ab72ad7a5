//! A request in a fresh instance: made for it, gone after it.

use super::{
    body::{self, Ending, GuestBody},
    fault::Fault,
    http::{Call, HttpComponent},
    runnable::Runnable,
};
use crate::{
    engine::Permit,
    http::{HttpBody, Scheme},
};
use futures::channel::oneshot;
use host_api::LimitBreach;
use http_body_util::BodyExt as _;
use std::{future::poll_fn, sync::Arc, time::Duration};
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;
use wasmtime::AsContextMut as _;
use wasmtime_wasi_http::{
    WasiBody, WasiHttpView as _,
    handler::{Prepared, Proxy, Request},
    p2,
};

type Reply = oneshot::Sender<Result<http::Response<WasiBody>, Fault>>;

/// Answers one request. Dropping the future, or the response's body before its end, drops the instance.
pub(super) async fn handle(
    component: &Arc<HttpComponent>,
    request: http::Request<HttpBody>,
    call: Call,
    permit: Permit,
) -> Result<http::Response<HttpBody>, Fault> {
    let runnable = &component.runnable;
    let guests = runnable.engine.guests().clone();
    let (reply, answer) = oneshot::channel();
    let request = request.map(body::into_guest);
    let scheme = call.scheme;
    let task = guests.spawn({
        let component = component.clone();
        async move {
            let _permit = permit;
            run(&component, request, scheme, reply).await;
        }
    });
    let task = AbortOnDropHandle::new(task);
    let name = || runnable.name().to_owned();
    let response = match tokio::time::timeout_at(call.deadline, answer).await {
        Ok(Ok(answer)) => answer?,
        Ok(Err(_)) => return Err(Fault::NoResponse { component: name() }),
        Err(_) => return Err(Fault::Timeout { component: name() }),
    };
    let ending = Box::new(Instance {
        task,
        guests,
        grace: call.body_timeout,
    });
    let body = |inner| {
        GuestBody::new(
            inner,
            ending,
            call.body_timeout,
            call.killed,
            call.admission,
        )
        .boxed_unsync()
    };
    Ok(response.map(body))
}

/// The instance behind a response.
struct Instance {
    task: AbortOnDropHandle<()>,
    guests: Handle,
    grace: Duration,
}

impl Ending for Instance {
    fn ended(self: Box<Self>) {
        if self.task.is_finished() {
            return;
        }
        let Self {
            task,
            guests,
            grace,
        } = *self;
        guests.spawn(async move {
            // Dropped, and so aborted, when the grace is over.
            let _ = tokio::time::timeout(grace, task).await;
        });
    }

    fn abandoned(self: Box<Self>) {
        drop(self.task);
    }
}

async fn run(component: &HttpComponent, request: Request, scheme: Scheme, reply: Reply) {
    let breach = LimitBreach::default();
    let runnable = &component.runnable;
    let mut store = match runnable.store(&breach) {
        Ok(store) => store,
        Err(fault) => {
            let _ = reply.send(Err(fault));
            return;
        }
    };
    match component.proxy.instantiate_async(&mut store).await {
        Err(error) => {
            // The requester may have gone.
            let _ = reply.send(Err(runnable.fault(&breach, &error)));
        }
        Ok(Proxy::P2(proxy)) => {
            run_p2(runnable, &breach, store, proxy, request, scheme, reply).await;
        }
        Ok(proxy @ Proxy::P3(_)) => run_p3(runnable, &breach, store, proxy, request, reply).await,
    }
}

async fn run_p2(
    runnable: &Runnable,
    breach: &LimitBreach,
    mut store: wasmtime::Store<host_api::Ctx>,
    proxy: p2::bindings::Proxy,
    request: Request,
    scheme: Scheme,
    reply: Reply,
) {
    let scheme = match scheme {
        Scheme::Http => p2::bindings::http::types::Scheme::Http,
        Scheme::Https => p2::bindings::http::types::Scheme::Https,
    };
    let shared = Arc::new(parking_lot::Mutex::new(Some(reply)));
    let outparam = shared.clone();
    let component = runnable.name().to_owned();
    let set =
        move |response: Result<http::Response<WasiBody>, p2::bindings::http::types::ErrorCode>| {
            if let Some(reply) = outparam.lock().take() {
                let answer = response.map_err(|code| {
                    let suspect = super::fault::Suspect {
                        component: &component,
                        memory_limit: 0,
                        breach: &LimitBreach::default(),
                    };
                    Fault::classify(suspect, &code.into())
                });
                let _ = reply.send(answer);
            }
        };
    let result = async {
        let mut http = store.data_mut().http();
        let request = http.new_incoming_request(scheme, request)?;
        let outparam = http.new_response_outparam_from_callback(set)?;
        proxy
            .wasi_http_incoming_handler()
            .call_handle(&mut store, request, outparam)
            .await
    }
    .await;
    let fault = match result {
        Err(error) => runnable.fault(breach, &error),
        Ok(()) => Fault::NoResponse {
            component: runnable.name().to_owned(),
        },
    };
    match shared.lock().take() {
        Some(reply) => {
            let _ = reply.send(Err(fault));
        }
        None if matches!(fault, Fault::NoResponse { .. }) => {}
        None => runnable
            .template
            .output
            .notice(&format!("after its response began, {fault}")),
    }
}

async fn run_p3(
    runnable: &Runnable,
    breach: &LimitBreach,
    mut store: wasmtime::Store<host_api::Ctx>,
    proxy: Proxy,
    request: Request,
    reply: Reply,
) {
    let (inner, mut answer) = oneshot::channel();
    let mut reply = Some(reply);
    let mut forward = |answer: Result<http::Response<WasiBody>, Fault>| match reply.take() {
        Some(reply) => {
            let _ = reply.send(answer);
            true
        }
        None => false,
    };
    let result = store
        .run_concurrent(async |accessor| {
            let prepared = accessor.with(|mut access| {
                Prepared::new(
                    access.as_context_mut(),
                    &proxy,
                    request,
                    host_api::Ctx::http,
                    inner,
                )
            })?;
            prepared.run(accessor, std::future::pending()).await?;
            if let Ok(Some(answer)) = answer.try_recv() {
                forward(answer.map_err(|error| runnable.fault(breach, &error)));
            }
            // The body, and whatever the guest does after its response.
            poll_fn(|cx| accessor.poll_no_interesting_tasks(cx)).await;
            wasmtime::error::Ok(())
        })
        .await
        .flatten();
    if let Err(error) = result {
        let fault = runnable.fault(breach, &error);
        if !forward(Err(fault.clone())) {
            runnable
                .template
                .output
                .notice(&format!("after its response began, {fault}"));
        }
    }
}
