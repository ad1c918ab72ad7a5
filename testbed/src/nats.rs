//! nats-server on a free port.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::folder::{Folder, quoted};
use crate::process::Process;
use crate::tls::Authority;
use crate::{port, tools};

const READY: Duration = Duration::from_secs(10);

/// How a [`NatsServer`] differs from a plain one.
#[derive(Debug, Default)]
pub struct Options {
    jetstream: bool,
    token: Option<String>,
    user: Option<(String, String)>,
    tls: bool,
    client_certificates: bool,
    more: String,
}

impl Options {
    /// With JetStream, stored in the server's own folder.
    pub fn jetstream(mut self) -> Self {
        self.jetstream = true;
        self
    }

    /// Clients must present this token.
    pub fn token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// Clients must log in as this user.
    pub fn user(mut self, user: &str, password: &str) -> Self {
        self.user = Some((user.to_owned(), password.to_owned()));
        self
    }

    /// Clients must use TLS; [`NatsServer::authority`] signed the certificate.
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Clients must use TLS and present a certificate of [`NatsServer::authority`].
    pub fn client_certificates(mut self) -> Self {
        self.tls = true;
        self.client_certificates = true;
        self
    }

    /// Further lines of nats-server's configuration (accounts, limits, an authorization block).
    pub fn config(mut self, lines: &str) -> Self {
        self.more.push_str(lines);
        self.more.push('\n');
        self
    }

    /// Starts it.
    pub async fn start(self) -> Result<NatsServer> {
        NatsServer::start_with(self).await
    }
}

/// A running nats-server; gone when dropped.
#[derive(Debug)]
pub struct NatsServer {
    // Declared before the folder: fields drop in order, and the log is read at the process's drop.
    process: Process,
    port: u16,
    tls: bool,
    authority: Authority,
    folder: Folder,
}

impl NatsServer {
    /// A plain server: no authentication, no JetStream.
    pub async fn start() -> Result<Self> {
        Self::start_with(Options::default()).await
    }

    /// Begins the description of a server that is not plain.
    pub fn options() -> Options {
        Options::default()
    }

    async fn start_with(options: Options) -> Result<Self> {
        let program = tools::path("nats-server")?;
        let folder = Folder::new("nats")?;
        let authority = Authority::new("testbed NATS authority")?;
        let port = port::free()?;
        let config = folder.write("nats.conf", &config(&options, port, &folder, &authority)?)?;
        let process = Process::new("nats-server", program, folder.join("log"))
            .arg("--config")
            .arg(config);
        let mut server = Self {
            process,
            port,
            tls: options.tls,
            authority,
            folder,
        };
        server.start_again().await?;
        Ok(server)
    }

    /// Where clients connect: `nats://127.0.0.1:<port>`, or `tls://localhost:<port>` with TLS.
    pub fn url(&self) -> String {
        if self.tls {
            format!("tls://localhost:{}", self.port)
        } else {
            format!("nats://127.0.0.1:{}", self.port)
        }
    }

    /// The port it listens on, the same across [`NatsServer::stop`] and [`NatsServer::start_again`].
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What signed its certificate, and signs its clients'.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// A file with the authority's certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Ends it abruptly; its connections break.
    pub fn stop(&mut self) {
        self.process.kill();
    }

    /// Holds it still, its connections open and silent, as a network that swallows everything does.
    pub fn pause(&self) -> Result<()> {
        self.process.signal("STOP")
    }

    /// Lets a paused server go on.
    pub fn resume(&self) -> Result<()> {
        self.process.signal("CONT")
    }

    /// Starts a stopped server on the same port, and waits until it greets.
    pub async fn start_again(&mut self) -> Result<()> {
        let port = self.port;
        self.process.start()?;
        self.process.ready(READY, || greeting(port)).await
    }

    /// The last lines of its log.
    pub fn log_tail(&self) -> String {
        self.process.log_tail()
    }
}

/// nats-server speaks first, in clear text also where TLS follows.
async fn greeting(port: u16) -> Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let mut start = [0; 5];
    stream.read_exact(&mut start).await.context("no greeting")?;
    anyhow::ensure!(&start == b"INFO ", "the greeting starts with {start:?}");
    Ok(())
}

fn config(options: &Options, port: u16, folder: &Folder, authority: &Authority) -> Result<String> {
    let mut text = format!("listen: \"127.0.0.1:{port}\"\n");
    folder.write("ca.pem", authority.certificate())?;
    if options.jetstream {
        writeln!(
            text,
            "jetstream: {{ store_dir: {} }}",
            quoted(&folder.join("jetstream"))
        )?;
    }
    if let Some(token) = &options.token {
        writeln!(text, "authorization: {{ token: {token:?} }}")?;
    }
    if let Some((user, password)) = &options.user {
        writeln!(
            text,
            "authorization: {{ user: {user:?}, password: {password:?} }}"
        )?;
    }
    if options.tls {
        let server = authority.server(&["localhost", "127.0.0.1"])?;
        let certificate = quoted(&folder.write("server.pem", &server.certificate)?);
        let key = quoted(&folder.write("server.key", &server.key)?);
        writeln!(
            text,
            "tls: {{ cert_file: {certificate}, key_file: {key}, ca_file: {}, verify: {} }}",
            quoted(&folder.join("ca.pem")),
            options.client_certificates
        )?;
    }
    text.push_str(&options.more);
    Ok(text)
}
