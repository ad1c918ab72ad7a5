//! The control connection between operator and hosts: bytes and headers from subject to subject.
//!
//! Two implementations behave alike, and one suite of tests runs on both: [`nats`], and [`memory`] for one process.

mod error;
mod headers;
pub mod memory;
mod message;
pub mod nats;
mod pattern;
mod status;
mod trace;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;

pub use error::BusError;
pub use headers::{DEADLINE, EPOCH, Headers, TRACEPARENT};
pub use message::{Message, Subscription};
pub use status::BusStatus;
pub use trace::{InvalidTrace, TraceContext, TraceId};

/// A bus as every part holds it.
pub type SharedBus = Arc<dyn Bus>;

/// Sends and receives messages.
///
/// Delivery is at most once. Messages from one sender on one subject keep their order; a subscriber that does not keep
/// up loses messages, never the sender's time.
#[async_trait]
pub trait Bus: Send + Sync + std::fmt::Debug {
    /// Sends a message to whoever listens. Returns when it is accepted for sending, not when it arrived.
    async fn publish(
        &self,
        subject: &str,
        headers: Headers,
        payload: Bytes,
    ) -> Result<(), BusError>;

    /// Sends a message and waits for one reply, at most `timeout`. Nobody listening is [`BusError::NoResponders`], at
    /// once.
    async fn request(
        &self,
        subject: &str,
        headers: Headers,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Message, BusError>;

    /// Receives what is sent to a subject from now on. `*` stands for one token, a final `>` for one or more. Dropping
    /// the subscription ends it.
    async fn subscribe(&self, subject: &str) -> Result<Subscription, BusError>;

    /// Waits until everything published and every subscription made so far has reached the bus.
    async fn flush(&self) -> Result<(), BusError>;

    /// The state of the connection, now and from now on.
    fn status(&self) -> watch::Receiver<BusStatus>;

    /// The largest payload in bytes, headers included. A larger one is refused before it is sent.
    fn max_payload(&self) -> usize;
}

/// Answers a request. A message that asked for no reply gets none.
pub async fn respond(bus: &dyn Bus, request: &Message, payload: Bytes) -> Result<(), BusError> {
    match &request.reply {
        Some(reply) => bus.publish(reply, Headers::default(), payload).await,
        None => Ok(()),
    }
}
