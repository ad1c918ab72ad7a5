//! Bodies between the front and a guest.

use super::http::Admission;
use crate::http::{BodyError, HttpBody};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use wasmtime_wasi_http::{Error, WasiBody};

/// A request's body, as the guest reads it.
pub(super) fn into_guest(body: HttpBody) -> WasiBody {
    body.map_err(|error| Error::InternalError(Some(error.to_string())))
        .boxed_unsync()
}

/// The guest fell silent in the middle of its response.
#[derive(Debug, thiserror::Error)]
#[error("the component sent nothing for {0:?} in the middle of its response")]
pub struct Silent(Duration);

/// The workload was stopped in the middle of the response.
#[derive(Debug, thiserror::Error)]
#[error("the workload was stopped before its response was complete")]
pub struct Stopped;

/// What becomes of the instance when its response's body ends or is dropped.
pub(super) trait Ending: Send + 'static {
    /// The body has ended; the guest may finish what it does after that.
    fn ended(self: Box<Self>);
    /// Nobody reads the rest.
    fn abandoned(self: Box<Self>);
}

/// A response's body, read by the front.
pub(super) struct GuestBody {
    inner: WasiBody,
    ending: Option<Box<dyn Ending>>,
    timeout: Duration,
    silence: Pin<Box<Sleep>>,
    killed: Pin<Box<WaitForCancellationFutureOwned>>,
    _admission: Admission,
}

impl GuestBody {
    pub(super) fn new(
        inner: WasiBody,
        ending: Box<dyn Ending>,
        timeout: Duration,
        killed: CancellationToken,
        admission: Admission,
    ) -> Self {
        Self {
            inner,
            ending: Some(ending),
            timeout,
            silence: Box::pin(tokio::time::sleep(timeout)),
            killed: Box::pin(killed.cancelled_owned()),
            _admission: admission,
        }
    }

    fn abandon(&mut self) {
        if let Some(ending) = self.ending.take() {
            ending.abandoned();
        }
    }
}

impl Body for GuestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if this.ending.is_some() && this.killed.as_mut().poll(cx).is_ready() {
            this.abandon();
            return Poll::Ready(Some(Err(Box::new(Stopped))));
        }
        match Pin::new(&mut this.inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.silence.as_mut().reset(Instant::now() + this.timeout);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                this.abandon();
                Poll::Ready(Some(Err(Box::new(error))))
            }
            Poll::Ready(None) => {
                if let Some(ending) = this.ending.take() {
                    ending.ended();
                }
                Poll::Ready(None)
            }
            Poll::Pending => {
                std::task::ready!(this.silence.as_mut().poll(cx));
                this.abandon();
                Poll::Ready(Some(Err(Box::new(Silent(this.timeout)))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for GuestBody {
    fn drop(&mut self) {
        if let Some(ending) = self.ending.take() {
            // A server does not ask a body for more when it knows that there is none.
            if self.inner.is_end_stream() {
                ending.ended();
            } else {
                ending.abandoned();
            }
        }
    }
}
