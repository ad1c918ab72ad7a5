//! An OCI registry (the distribution project's) on a free port, storing in its own folder.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use tokio::net::TcpStream;

use crate::folder::{Folder, quoted};
use crate::process::Process;
use crate::tls::Authority;
use crate::{port, tools};

const READY: Duration = Duration::from_secs(15);

/// The user that [`Options::authenticated`] knows.
pub const USER: &str = "tester";
/// The password of [`USER`].
pub const PASSWORD: &str = "correct-horse";
// bcrypt (cost 4) of PASSWORD: the registry accepts no other kind of entry.
const HTPASSWD: &str = "tester:$2a$04$ZYZCbntlZ1r.EtKv9jNnGek8haFugNUf2dsIxH4yF5CULB.Mna6Bi\n";

/// How a [`Registry`] differs from a plain one.
#[derive(Debug, Default)]
pub struct Options {
    authenticated: bool,
    tls: bool,
}

impl Options {
    /// Every request needs [`USER`] and [`PASSWORD`] (HTTP Basic).
    pub fn authenticated(mut self) -> Self {
        self.authenticated = true;
        self
    }

    /// Served over HTTPS; [`Registry::authority`] signed the certificate.
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Starts it.
    pub async fn start(self) -> Result<Registry> {
        Registry::start_with(self).await
    }
}

/// A running registry; gone when dropped.
#[derive(Debug)]
pub struct Registry {
    // Declared before the folder: fields drop in order, and the log is read at the process's drop.
    process: Process,
    port: u16,
    tls: bool,
    authority: Authority,
    folder: Folder,
}

impl Registry {
    /// A plain registry: HTTP, no authentication.
    pub async fn start() -> Result<Self> {
        Self::start_with(Options::default()).await
    }

    /// Begins the description of a registry that is not plain.
    pub fn options() -> Options {
        Options::default()
    }

    async fn start_with(options: Options) -> Result<Self> {
        let program = tools::path("registry")?;
        let folder = Folder::new("registry")?;
        let authority = Authority::new("testbed registry authority")?;
        let port = port::free()?;
        let config = folder.write("config.yml", &config(&options, port, &folder, &authority)?)?;
        let process = Process::new("registry", program, folder.join("log"))
            .arg("serve")
            .arg(config)
            .env("OTEL_TRACES_EXPORTER", "none");
        let mut registry = Self {
            process,
            port,
            tls: options.tls,
            authority,
            folder,
        };
        registry.start_again().await?;
        Ok(registry)
    }

    /// The registry part of an image reference: `127.0.0.1:<port>`, or `localhost:<port>` with TLS.
    pub fn address(&self) -> String {
        if self.tls {
            format!("localhost:{}", self.port)
        } else {
            format!("127.0.0.1:{}", self.port)
        }
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!(
            "{}://{}",
            if self.tls { "https" } else { "http" },
            self.address()
        )
    }

    /// An image reference in this registry: `<address>/<image>`.
    pub fn image(&self, image: &str) -> String {
        format!("{}/{image}", self.address())
    }

    /// What signed its certificate.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// A file with the authority's certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Ends it abruptly; what was stored stays.
    pub fn stop(&mut self) {
        self.process.kill();
    }

    /// Starts a stopped registry on the same port.
    pub async fn start_again(&mut self) -> Result<()> {
        let port = self.port;
        self.process.start()?;
        self.process
            .ready(READY, || async move {
                TcpStream::connect(("127.0.0.1", port)).await.map(drop)
            })
            .await
    }

    /// Its access and error log so far: a test can see which requests reached it.
    pub fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.process.log())?)
    }
}

fn config(options: &Options, port: u16, folder: &Folder, authority: &Authority) -> Result<String> {
    folder.write("ca.pem", authority.certificate())?;
    let mut text = format!(
        "version: 0.1\nlog: {{ level: info, accesslog: {{ disabled: false }} }}\n\
         storage: {{ filesystem: {{ rootdirectory: {} }}, delete: {{ enabled: true }} }}\n\
         http:\n  addr: 127.0.0.1:{port}\n",
        quoted(&folder.join("storage"))
    );
    if options.tls {
        let server = authority.server(&["localhost", "127.0.0.1"])?;
        let certificate = quoted(&folder.write("server.pem", &server.certificate)?);
        let key = quoted(&folder.write("server.key", &server.key)?);
        writeln!(text, "  tls: {{ certificate: {certificate}, key: {key} }}")?;
    }
    if options.authenticated {
        let htpasswd = quoted(&folder.write("htpasswd", HTPASSWD)?);
        writeln!(
            text,
            "auth: {{ htpasswd: {{ realm: testbed, path: {htpasswd} }} }}"
        )?;
    }
    Ok(text)
}
