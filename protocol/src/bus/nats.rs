//! The bus over NATS: core publish, subscribe and request, nothing more.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_nats::client::{PublishErrorKind, RequestErrorKind};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, HeaderMap, Request};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use tokio::sync::watch;
use tokio::time::Instant;

use super::pattern::{check_pattern, check_subject};
use super::{Bus, BusError, BusStatus, Headers, Message, Subscription};

/// The longest pause between two attempts to make the first connection.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long the server may take to read what was sent.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(10);

/// How to reach the servers and who to be there. No secret is shown by `Debug`.
#[derive(Clone, Default)]
pub struct NatsOptions {
    /// Addresses, such as `nats://127.0.0.1:4222` or `tls://nats.example:4222`; several are tried in turn.
    pub servers: Vec<String>,
    /// Name of the connection, as the server's monitoring shows it.
    pub name: String,
    /// File with a user JWT and its seed.
    pub credentials: Option<PathBuf>,
    /// File with an nkey seed.
    pub nkey: Option<PathBuf>,
    /// Token.
    pub token: Option<String>,
    /// User and password.
    pub user: Option<(String, String)>,
    /// PEM file of authorities to trust in place of the public ones.
    pub tls_ca: Option<PathBuf>,
    /// PEM file of the client's certificate; goes with `tls_key`.
    pub tls_cert: Option<PathBuf>,
    /// PEM file of the client's key; goes with `tls_cert`.
    pub tls_key: Option<PathBuf>,
    /// Start TLS before the server says anything.
    pub tls_first: bool,
}

impl NatsOptions {
    /// One server, no credentials.
    pub fn server(url: impl Into<String>) -> Self {
        Self {
            servers: vec![url.into()],
            ..Self::default()
        }
    }

    async fn client(&self, status: watch::Sender<BusStatus>) -> Result<Client, Attempt> {
        let options = self.connect_options(status).await.map_err(Attempt::Final)?;
        options
            .connect(&self.servers[..])
            .await
            .map_err(|error| match error.kind() {
                ConnectErrorKind::ServerParse => Attempt::Final(BusError::Options {
                    field: "servers",
                    problem: "not a NATS address; expected for example nats://127.0.0.1:4222"
                        .to_owned(),
                }),
                // The seed cannot sign: no server will ever hear a signature.
                ConnectErrorKind::Authentication => Attempt::Final(BusError::Options {
                    field: "nkey, credentials",
                    problem: error.to_string(),
                }),
                _ => Attempt::Again(error.to_string()),
            })
    }

    async fn connect_options(
        &self,
        status: watch::Sender<BusStatus>,
    ) -> Result<ConnectOptions, BusError> {
        let mut options = ConnectOptions::new()
            .name(&self.name)
            .event_callback(move |event| {
                follow(&status, &event);
                std::future::ready(())
            });
        if let Some(file) = &self.credentials {
            options = options
                .credentials_file(file)
                .await
                .map_err(|error| unreadable("credentials", file, &error))?;
        }
        if let Some(file) = &self.nkey {
            let seed = tokio::fs::read_to_string(file)
                .await
                .map_err(|error| unreadable("nkey", file, &error))?;
            options = options.nkey(seed.trim().to_owned());
        }
        if let Some(token) = &self.token {
            options = options.token(token.clone());
        }
        if let Some((user, password)) = &self.user {
            options = options.user_and_password(user.clone(), password.clone());
        }
        for (field, file) in [
            ("tls-ca", &self.tls_ca),
            ("tls-cert", &self.tls_cert),
            ("tls-key", &self.tls_key),
        ] {
            if let Some(file) = file {
                pem(field, file).await?;
            }
        }
        if let Some(file) = &self.tls_ca {
            options = options
                .add_root_certificates(file.clone())
                .require_tls(true);
        }
        match (&self.tls_cert, &self.tls_key) {
            (Some(cert), Some(key)) => {
                options = options
                    .add_client_certificate(cert.clone(), key.clone())
                    .require_tls(true);
            }
            (None, None) => {}
            _ => {
                return Err(BusError::Options {
                    field: "tls-cert, tls-key",
                    problem: "a client certificate needs both".to_owned(),
                });
            }
        }
        if self.tls_first {
            options = options.tls_first();
        }
        Ok(options)
    }
}

/// The client reads these files at each attempt and takes a fault for a server that does not answer: look first.
async fn pem(field: &'static str, file: &std::path::Path) -> Result<(), BusError> {
    let text = tokio::fs::read_to_string(file)
        .await
        .map_err(|error| unreadable(field, file, &error))?;
    if text.contains("-----BEGIN ") {
        return Ok(());
    }
    Err(BusError::Options {
        field,
        problem: format!("{} holds nothing in PEM", file.display()),
    })
}

fn unreadable(field: &'static str, file: &std::path::Path, error: &std::io::Error) -> BusError {
    BusError::Options {
        field,
        problem: format!("cannot read {}: {error}", file.display()),
    }
}

impl fmt::Debug for NatsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An address may hold a password.
        f.debug_struct("NatsOptions")
            .field("servers", &self.servers.len())
            .field("name", &self.name)
            .field("tls_ca", &self.tls_ca)
            .field("tls_first", &self.tls_first)
            .finish_non_exhaustive()
    }
}

enum Attempt {
    Again(String),
    Final(BusError),
}

/// Connects, and keeps trying as long as no server answers: whoever starts first must not fail because the broker is
/// not there yet. Wrong options and unreadable files fail at once. Drop the future to give up.
pub async fn connect(options: &NatsOptions) -> Result<Arc<NatsBus>, BusError> {
    if options.servers.is_empty() {
        return Err(BusError::Options {
            field: "servers",
            problem: "no address was given".to_owned(),
        });
    }
    let status = watch::Sender::new(BusStatus::Disconnected {
        since: Instant::now(),
    });
    let mut pause = Duration::from_millis(100);
    loop {
        match options.client(status.clone()).await {
            Ok(client) => {
                status.send_if_modified(|held| connected(held, Instant::now()));
                return Ok(Arc::new(NatsBus { client, status }));
            }
            Err(Attempt::Final(error)) => return Err(error),
            Err(Attempt::Again(problem)) => {
                tracing::warn!(problem, retry_in = ?pause, "the NATS server cannot be reached");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

fn connected(held: &mut BusStatus, since: Instant) -> bool {
    if held.is_connected() {
        return false;
    }
    *held = BusStatus::Connected { since };
    true
}

fn follow(status: &watch::Sender<BusStatus>, event: &Event) {
    let since = Instant::now();
    match event {
        Event::Connected => {
            tracing::info!("connected to NATS");
            status.send_if_modified(|held| connected(held, since));
        }
        Event::Disconnected => {
            tracing::warn!("the connection to NATS is lost; trying again");
            status.send_if_modified(|held| {
                let was = held.is_connected();
                if was {
                    *held = BusStatus::Disconnected { since };
                }
                was
            });
        }
        Event::Closed => {
            status.send_replace(BusStatus::Closed);
        }
        Event::SlowConsumer(_) => {
            tracing::warn!("a NATS subscription does not keep up: messages were dropped");
        }
        Event::LameDuckMode | Event::Draining => tracing::info!(%event, "NATS"),
        Event::ServerError(error) => tracing::warn!(%error, "the NATS server reports an error"),
        Event::ClientError(error) => tracing::warn!(%error, "the NATS client reports an error"),
    }
}

/// A connection to NATS that reconnects for ever.
pub struct NatsBus {
    client: Client,
    status: watch::Sender<BusStatus>,
}

impl NatsBus {
    /// Sends what is waiting, ends every subscription and closes the connection.
    pub async fn close(&self) -> Result<(), BusError> {
        self.client
            .drain()
            .await
            .map_err(|error| BusError::Connection(error.to_string()))
    }

    fn check(&self, subject: &str, headers: &Headers, size: usize) -> Result<(), BusError> {
        check_subject(subject)?;
        if let Some(name) = headers.unsendable() {
            return Err(BusError::InvalidHeader {
                name: name.to_owned(),
            });
        }
        let max = self.max_payload();
        if size > max {
            return Err(BusError::TooLarge {
                subject: subject.to_owned(),
                size,
                max,
            });
        }
        if *self.status.borrow() == BusStatus::Closed {
            return Err(BusError::Closed);
        }
        Ok(())
    }

    fn too_large(&self, subject: &str, size: usize) -> BusError {
        BusError::TooLarge {
            subject: subject.to_owned(),
            size,
            max: self.max_payload(),
        }
    }
}

#[async_trait]
impl Bus for NatsBus {
    async fn publish(
        &self,
        subject: &str,
        headers: Headers,
        payload: Bytes,
    ) -> Result<(), BusError> {
        let size = payload.len() + headers.wire_size();
        self.check(subject, &headers, size)?;
        let sent = if headers.is_empty() {
            self.client.publish(subject.to_owned(), payload).await
        } else {
            self.client
                .publish_with_headers(subject.to_owned(), outgoing(&headers), payload)
                .await
        };
        sent.map_err(|error| match error.kind() {
            PublishErrorKind::MaxPayloadExceeded => self.too_large(subject, size),
            _ => BusError::Connection(error.to_string()),
        })
    }

    async fn request(
        &self,
        subject: &str,
        headers: Headers,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Message, BusError> {
        let size = payload.len() + headers.wire_size();
        self.check(subject, &headers, size)?;
        let mut request = Request::new().payload(payload).timeout(Some(timeout));
        if !headers.is_empty() {
            request = request.headers(outgoing(&headers));
        }
        match self.client.send_request(subject.to_owned(), request).await {
            Ok(reply) => Ok(incoming(reply)),
            Err(error) => Err(match error.kind() {
                RequestErrorKind::NoResponders => BusError::NoResponders {
                    subject: subject.to_owned(),
                },
                RequestErrorKind::TimedOut => BusError::Timeout {
                    subject: subject.to_owned(),
                    timeout,
                },
                RequestErrorKind::MaxPayloadExceeded => self.too_large(subject, size),
                RequestErrorKind::InvalidSubject | RequestErrorKind::Other => {
                    BusError::Connection(error.to_string())
                }
            }),
        }
    }

    async fn subscribe(&self, subject: &str) -> Result<Subscription, BusError> {
        check_pattern(subject)?;
        let messages = self
            .client
            .subscribe(subject.to_owned())
            .await
            .map_err(|error| BusError::Connection(error.to_string()))?;
        Ok(Subscription::new(messages.map(incoming)))
    }

    /// The client's own flush ends when the bytes are written. A message to oneself comes back only after the server has
    /// read everything before it.
    async fn flush(&self) -> Result<(), BusError> {
        let inbox = self.client.new_inbox();
        let mut echo = self.subscribe(&inbox).await?;
        self.publish(&inbox, Headers::new(), Bytes::new()).await?;
        match tokio::time::timeout(FLUSH_TIMEOUT, echo.next()).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(BusError::Closed),
            Err(_) => Err(BusError::Timeout {
                subject: inbox,
                timeout: FLUSH_TIMEOUT,
            }),
        }
    }

    fn status(&self) -> watch::Receiver<BusStatus> {
        self.status.subscribe()
    }

    fn max_payload(&self) -> usize {
        self.client.server_info().max_payload
    }
}

impl fmt::Debug for NatsBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsBus")
            .field("status", &*self.status.borrow())
            .finish_non_exhaustive()
    }
}

fn outgoing(headers: &Headers) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers.iter() {
        map.insert(name, value);
    }
    map
}

fn incoming(message: async_nats::Message) -> Message {
    let headers = message
        .headers
        .iter()
        .flat_map(HeaderMap::iter)
        .filter_map(|(name, values)| {
            values
                .first()
                .map(|value| (name.to_string(), value.to_string()))
        })
        .collect();
    Message {
        subject: message.subject.into_string(),
        reply: message.reply.map(async_nats::Subject::into_string),
        headers,
        payload: message.payload,
    }
}
