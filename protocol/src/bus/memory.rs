//! The bus inside one process. It behaves as a NATS server does, limits included: what works here works there.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use parking_lot::RwLock;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};

use super::pattern::{check_pattern, check_subject, matches};
use super::{Bus, BusError, BusStatus, Headers, Message, Subscription};

/// Largest payload in bytes, headers included: the default of a NATS server.
pub const MAX_PAYLOAD: usize = 1024 * 1024;
/// Messages a subscription holds for a reader that does not keep up. Each further one is dropped and counted.
pub const QUEUE: usize = 8192;

/// A bus whose peers live in this process.
pub struct MemoryBus {
    shared: Arc<Shared>,
    status: watch::Sender<BusStatus>,
    next: AtomicU64,
}

struct Shared {
    subscribers: RwLock<Vec<Subscriber>>,
    dropped: AtomicU64,
}

struct Subscriber {
    id: u64,
    pattern: String,
    queue: mpsc::Sender<Message>,
}

impl MemoryBus {
    /// A bus that nobody listens to yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            shared: Arc::new(Shared {
                subscribers: RwLock::new(Vec::new()),
                dropped: AtomicU64::new(0),
            }),
            status: watch::Sender::new(BusStatus::Connected {
                since: Instant::now(),
            }),
            next: AtomicU64::new(0),
        })
    }

    /// Messages dropped because a subscriber did not keep up.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// Ends every subscription and refuses whatever follows.
    pub fn close(&self) {
        self.status.send_replace(BusStatus::Closed);
        self.shared.subscribers.write().clear();
    }

    /// Simulates the loss of the connection: until [`Self::restore`], nothing sent arrives and every request times out.
    pub fn interrupt(&self) {
        self.status.send_replace(BusStatus::Disconnected {
            since: Instant::now(),
        });
    }

    /// Ends an interruption.
    pub fn restore(&self) {
        self.status.send_replace(BusStatus::Connected {
            since: Instant::now(),
        });
    }

    fn listen(&self, pattern: &str) -> Result<Listening, BusError> {
        if *self.status.borrow() == BusStatus::Closed {
            return Err(BusError::Closed);
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (queue, messages) = mpsc::channel(QUEUE);
        self.shared.subscribers.write().push(Subscriber {
            id,
            pattern: pattern.to_owned(),
            queue,
        });
        Ok(Listening {
            id,
            messages,
            shared: Arc::clone(&self.shared),
        })
    }

    /// Hands a message to every subscriber it is for, and says how many those are.
    fn deliver(&self, message: &Message) -> usize {
        let mut reached = 0;
        for subscriber in self.shared.subscribers.read().iter() {
            if matches(&subscriber.pattern, &message.subject) {
                reached += 1;
                if subscriber.queue.try_send(message.clone()).is_err() {
                    self.shared.dropped.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(
                        subscription = subscriber.pattern,
                        "a subscriber does not keep up: a message was dropped"
                    );
                }
            }
        }
        reached
    }

    fn check(&self, subject: &str, headers: &Headers, payload: &Bytes) -> Result<(), BusError> {
        check_subject(subject)?;
        if let Some(name) = headers.unsendable() {
            return Err(BusError::InvalidHeader {
                name: name.to_owned(),
            });
        }
        let size = payload.len() + headers.wire_size();
        if size > MAX_PAYLOAD {
            return Err(BusError::TooLarge {
                subject: subject.to_owned(),
                size,
                max: MAX_PAYLOAD,
            });
        }
        match *self.status.borrow() {
            BusStatus::Closed => Err(BusError::Closed),
            BusStatus::Connected { .. } | BusStatus::Disconnected { .. } => Ok(()),
        }
    }
}

#[async_trait]
impl Bus for MemoryBus {
    async fn publish(
        &self,
        subject: &str,
        headers: Headers,
        payload: Bytes,
    ) -> Result<(), BusError> {
        self.check(subject, &headers, &payload)?;
        if self.status.borrow().is_connected() {
            self.deliver(&Message {
                subject: subject.to_owned(),
                reply: None,
                headers,
                payload,
            });
        }
        Ok(())
    }

    async fn request(
        &self,
        subject: &str,
        headers: Headers,
        payload: Bytes,
        wait: Duration,
    ) -> Result<Message, BusError> {
        self.check(subject, &headers, &payload)?;
        let inbox = format!(
            "_INBOX.memory.{}",
            self.next.fetch_add(1, Ordering::Relaxed)
        );
        let mut replies = self.listen(&inbox)?;
        if self.status.borrow().is_connected() {
            let reached = self.deliver(&Message {
                subject: subject.to_owned(),
                reply: Some(inbox),
                headers,
                payload,
            });
            if reached == 0 {
                return Err(BusError::NoResponders {
                    subject: subject.to_owned(),
                });
            }
        }
        match timeout(wait, replies.next()).await {
            Ok(Some(reply)) => Ok(reply),
            Ok(None) => Err(BusError::Closed),
            Err(_) => Err(BusError::Timeout {
                subject: subject.to_owned(),
                timeout: wait,
            }),
        }
    }

    async fn subscribe(&self, subject: &str) -> Result<Subscription, BusError> {
        check_pattern(subject)?;
        Ok(Subscription::new(self.listen(subject)?))
    }

    async fn flush(&self) -> Result<(), BusError> {
        match *self.status.borrow() {
            BusStatus::Closed => Err(BusError::Closed),
            BusStatus::Connected { .. } | BusStatus::Disconnected { .. } => Ok(()),
        }
    }

    fn status(&self) -> watch::Receiver<BusStatus> {
        self.status.subscribe()
    }

    fn max_payload(&self) -> usize {
        MAX_PAYLOAD
    }
}

impl fmt::Debug for MemoryBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBus")
            .field("status", &*self.status.borrow())
            .field("dropped", &self.dropped())
            .finish_non_exhaustive()
    }
}

/// The receiving end of a subscription; leaves the list when it is dropped.
struct Listening {
    id: u64,
    messages: mpsc::Receiver<Message>,
    shared: Arc<Shared>,
}

impl Stream for Listening {
    type Item = Message;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.messages.poll_recv(cx)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.shared
            .subscribers
            .write()
            .retain(|subscriber| subscriber.id != self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slow_subscriber_loses_messages_and_stalls_nobody() {
        let bus = MemoryBus::new();
        let mut slow = bus.subscribe("a").await.unwrap();
        for _ in 0..QUEUE + 3 {
            bus.publish("a", Headers::new(), Bytes::new())
                .await
                .unwrap();
        }
        assert_eq!(bus.dropped(), 3);
        assert!(slow.next().await.is_some());
    }

    #[tokio::test]
    async fn an_interruption_times_out_and_ends() {
        let bus = MemoryBus::new();
        let mut asked = bus.subscribe("a").await.unwrap();
        bus.interrupt();
        let wait = Duration::from_millis(5);
        let answer = bus.request("a", Headers::new(), Bytes::new(), wait).await;
        assert!(matches!(answer, Err(BusError::Timeout { .. })));
        bus.restore();
        bus.publish("a", Headers::new(), Bytes::from_static(b"x"))
            .await
            .unwrap();
        assert_eq!(&asked.next().await.unwrap().payload[..], b"x");
    }

    #[tokio::test]
    async fn subscriptions_leave_nothing_behind() {
        let bus = MemoryBus::new();
        drop(bus.subscribe("a").await.unwrap());
        let wait = Duration::from_secs(1);
        let answer = bus.request("a", Headers::new(), Bytes::new(), wait).await;
        assert!(matches!(answer, Err(BusError::NoResponders { .. })));
        assert!(bus.shared.subscribers.read().is_empty());
    }
}
