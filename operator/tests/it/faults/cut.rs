//! The end of an operator at a chosen moment. From then on nothing it does reaches the API server or a host, as after
//! `kill -9`: what ran on in the process is seen by nobody.

use anyhow::Result;
use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use parking_lot::Mutex;
use protocol::bus::{Bus, BusError, BusStatus, Headers, Message, SharedBus, Subscription};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// When the operator ends.
#[derive(Debug)]
pub struct Cut {
    /// Each with its method and path.
    writes: Mutex<Vec<String>>,
    at: usize,
    reaches: bool,
    ended: watch::Sender<bool>,
}

impl Cut {
    /// Not of its own accord.
    pub fn never() -> Arc<Self> {
        Self::at(usize::MAX, false)
    }

    /// With its `at`th write to the API server, which gets there (but its answer does not come back) or does not.
    pub fn at(at: usize, reaches: bool) -> Arc<Self> {
        Arc::new(Self {
            writes: Mutex::default(),
            at,
            reaches,
            ended: watch::Sender::new(false),
        })
    }

    /// Ends it now.
    pub fn now(&self) {
        self.ended.send_replace(true);
    }

    /// Writes so far. Events are not among them: they are nobody's state.
    pub fn writes(&self) -> Vec<String> {
        self.writes.lock().clone()
    }

    /// Returns when the operator has ended.
    pub async fn ended(&self) {
        let mut ended = self.ended.subscribe();
        // The sender lives in `self`.
        let _ = ended.wait_for(|ended| *ended).await;
    }

    /// The result, unless the operator ends first.
    async fn while_alive<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            () = self.ended() => pending().await,
            result = work => result,
        }
    }

    /// The operator's way to the API server.
    pub fn client(self: &Arc<Self>, inner: &Client) -> Client {
        let namespace = inner.default_namespace().to_owned();
        let (cut, inner) = (self.clone(), inner.clone());
        let service = tower::service_fn(move |request: Request<Body>| {
            let (cut, inner) = (cut.clone(), inner.clone());
            async move { cut.pass(&inner, request).await }
        });
        Client::new(service, namespace)
    }

    async fn pass(&self, inner: &Client, request: Request<Body>) -> kube::Result<Response<Body>> {
        let write = *request.method() != Method::GET && !request.uri().path().ends_with("/events");
        let number = if write {
            let mut writes = self.writes.lock();
            writes.push(format!("{} {}", request.method(), request.uri().path()));
            writes.len()
        } else {
            0
        };
        if number >= self.at {
            if number == self.at {
                if self.reaches {
                    // It may be refused; nobody will know.
                    let _ = inner.send(request).await;
                }
                self.now();
            }
            return pending().await;
        }
        self.while_alive(inner.send(request)).await
    }

    /// The operator's way to the hosts.
    pub fn bus(self: &Arc<Self>, inner: SharedBus) -> SharedBus {
        Arc::new(CutBus {
            cut: self.clone(),
            inner,
        })
    }
}

#[derive(Debug)]
struct CutBus {
    cut: Arc<Cut>,
    inner: SharedBus,
}

#[async_trait]
impl Bus for CutBus {
    async fn publish(&self, to: &str, headers: Headers, payload: Bytes) -> Result<(), BusError> {
        let sent = self.inner.publish(to, headers, payload);
        self.cut.while_alive(sent).await
    }

    async fn request(
        &self,
        to: &str,
        headers: Headers,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Message, BusError> {
        let reply = self.inner.request(to, headers, payload, timeout);
        self.cut.while_alive(reply).await
    }

    async fn subscribe(&self, subject: &str) -> Result<Subscription, BusError> {
        self.inner.subscribe(subject).await
    }

    async fn flush(&self) -> Result<(), BusError> {
        self.cut.while_alive(self.inner.flush()).await
    }

    fn status(&self) -> watch::Receiver<BusStatus> {
        self.inner.status()
    }

    fn max_payload(&self) -> usize {
        self.inner.max_payload()
    }
}
