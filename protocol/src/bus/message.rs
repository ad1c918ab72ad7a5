use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;

use super::Headers;

/// A message as it arrives.
#[derive(Clone)]
pub struct Message {
    /// Where it was sent.
    pub subject: String,
    /// Where an answer is expected, if one is.
    pub reply: Option<String>,
    /// Its headers.
    pub headers: Headers,
    /// Its bytes.
    pub payload: Bytes,
}

/// Payloads may hold secrets: only their size is shown.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("subject", &self.subject)
            .field("reply", &self.reply)
            .field("bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}

/// The messages of one subscription. It ends when the bus is closed; dropping it unsubscribes.
pub struct Subscription(Pin<Box<dyn Stream<Item = Message> + Send>>);

impl Subscription {
    pub(super) fn new(messages: impl Stream<Item = Message> + Send + 'static) -> Self {
        Self(Box::pin(messages))
    }
}

impl Stream for Subscription {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}
