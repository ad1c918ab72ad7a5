//! Bodies on their way through the front: a client's, bounded in size and silence, and a handler's, whose
//! end is the end of the request.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Empty};
use tokio::time::{Instant, Sleep};

use super::{
    access::Access,
    handler::{BodyError, HttpBody},
};

/// Why the front ended a client's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestBodyError {
    /// More bytes than allowed.
    #[error("the request body is larger than this host's limit of {0} bytes")]
    TooLarge(u64),
    /// No byte for too long.
    #[error("the client sent nothing for {0:?} within the request body")]
    Idle(Duration),
}

/// An empty body; needs no allocation.
pub(super) fn empty() -> HttpBody {
    Empty::new()
        .map_err(|never: std::convert::Infallible| match never {})
        .boxed_unsync()
}

/// A peer's body, bounded in silence and size. The timer runs only while the reader waits for bytes.
pub(crate) struct BoundedBody<B> {
    inner: B,
    idle_timeout: Duration,
    idle_error: fn(Duration) -> BodyError,
    timer: Option<Pin<Box<Sleep>>>,
    limit: Option<u64>,
    received: u64,
}

impl<B> BoundedBody<B> {
    /// A client's body.
    pub(super) fn of_request(inner: B, idle_timeout: Duration, limit: Option<u64>) -> Self {
        let idle_error = |silence| RequestBodyError::Idle(silence).into();
        Self {
            inner,
            idle_timeout,
            idle_error,
            timer: None,
            limit,
            received: 0,
        }
    }

    /// A server's body: any size, with an error of the caller's for silence.
    pub(crate) fn of_response(
        inner: B,
        idle_timeout: Duration,
        idle_error: fn(Duration) -> BodyError,
    ) -> Self {
        Self {
            inner,
            idle_timeout,
            idle_error,
            timer: None,
            limit: None,
            received: 0,
        }
    }
}

impl<B> Body for BoundedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) else {
            let timeout = this.idle_timeout;
            let timer = this
                .timer
                .get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
            ready!(timer.as_mut().poll(cx));
            return Poll::Ready(Some(Err((this.idle_error)(timeout))));
        };
        this.timer = None;
        let Some(frame) = frame else {
            return Poll::Ready(None);
        };
        let frame = frame.map_err(Into::into)?;
        if let Some(data) = frame.data_ref() {
            this.received += data.remaining() as u64;
            if let Some(limit) = this.limit
                && this.received > limit
            {
                return Poll::Ready(Some(Err(RequestBodyError::TooLarge(limit).into())));
            }
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A response's body; tells [`Access`] how much was sent and when it ended, also when the client left.
pub struct ResponseBody {
    inner: HttpBody,
    access: Option<Box<Access>>,
}

impl ResponseBody {
    pub(super) fn new(inner: HttpBody, access: Box<Access>) -> Self {
        let mut body = Self {
            inner,
            access: Some(access),
        };
        if body.inner.is_end_stream() {
            body.finish(Ok(()));
        }
        body
    }

    fn finish(&mut self, end: Result<(), &BodyError>) {
        if let Some(access) = self.access.take() {
            access.finish(end);
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        match &frame {
            None => self.finish(Ok(())),
            Some(Err(error)) => self.finish(Err(error)),
            Some(Ok(frame)) => {
                let sent = frame.data_ref().map_or(0, Buf::remaining);
                if let Some(access) = &mut self.access {
                    access.sent(sent as u64);
                }
                // Hyper does not poll again after a frame that ends the stream.
                if self.inner.is_end_stream() {
                    self.finish(Ok(()));
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Fails a write that the client has not let through for too long: a client that does not read holds a
/// handler's memory.
pub(super) struct WriteDeadline {
    timeout: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl WriteDeadline {
    pub(super) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            timer: None,
        }
    }

    /// Passes `result` on, or an error once it has been pending for the timeout.
    pub(super) fn check<T>(
        &mut self,
        cx: &mut Context<'_>,
        result: Poll<std::io::Result<T>>,
    ) -> Poll<std::io::Result<T>> {
        if result.is_ready() {
            self.timer = None;
            return result;
        }
        let until = Instant::now() + self.timeout;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            "the client does not read",
        )))
    }
}
