//! A configuration that follows its files.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::config::{TlsError, TlsOptions};

/// What tells one version of a file from the next. The inode is part of it because mounted Secrets are replaced by
/// renaming a link, which may keep the time stamp.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    path: PathBuf,
    seen: Option<(SystemTime, u64, u64)>,
}

/// A TLS server configuration whose certificates, keys and client authorities are read again when they change.
/// Connections already open keep what they were opened with.
#[derive(Debug)]
pub struct ReloadingTls {
    options: TlsOptions,
    current: ArcSwap<ServerConfig>,
    loaded: parking_lot::Mutex<Vec<Stamp>>,
}

impl ReloadingTls {
    /// Reads the files once; any fault in them is an error here.
    pub fn load(options: TlsOptions) -> Result<Self, TlsError> {
        // Stamps first: a file that changes while it is read is read again, not missed.
        let stamps = stamps(&options);
        let config = options.build()?;
        Ok(Self {
            options,
            current: ArcSwap::from_pointee(config),
            loaded: parking_lot::Mutex::new(stamps),
        })
    }

    /// The configuration for the next connection.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }

    /// Performs the handshake of one connection with the present configuration.
    pub async fn accept<S>(&self, stream: S) -> std::io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        TlsAcceptor::from(self.config()).accept(stream).await
    }

    /// Looks at the files once and takes over what changed; tells whether there was a change. Files that do not make
    /// a valid configuration are an error, and the present configuration stays. They are tried again at the next call,
    /// since a certificate and its key are seldom replaced in the same instant.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let stamps = stamps(&self.options);
        if *self.loaded.lock() == stamps {
            return Ok(false);
        }
        let config = self.options.build()?;
        self.current.store(Arc::new(config));
        *self.loaded.lock() = stamps;
        Ok(true)
    }

    /// Follows the files until the token is cancelled, looking every `interval` (at least 100 ms).
    pub async fn follow(self: Arc<Self>, interval: Duration, token: CancellationToken) {
        let mut ticks = tokio::time::interval(interval.max(Duration::from_millis(100)));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut last_error = None;
        loop {
            tokio::select! {
                () = token.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let tls = Arc::clone(&self);
            match tokio::task::spawn_blocking(move || tls.reload()).await {
                Ok(Ok(changed)) => {
                    last_error = None;
                    if changed {
                        tracing::info!("TLS certificates were reloaded");
                    }
                }
                Ok(Err(error)) => {
                    // Said once, not at every look.
                    let message = error.to_string();
                    if last_error.as_deref() != Some(message.as_str()) {
                        tracing::warn!(
                            error = message,
                            "changed TLS files are not usable; the former ones stay in use"
                        );
                        last_error = Some(message);
                    }
                }
                Err(error) => tracing::error!(%error, "reloading TLS files failed"),
            }
        }
    }
}

fn stamps(options: &TlsOptions) -> Vec<Stamp> {
    options
        .files()
        .map(|path| {
            let seen = std::fs::metadata(path).ok().and_then(|meta| {
                let modified = meta.modified().ok()?;
                Some((modified, meta.len(), inode(&meta)))
            });
            Stamp {
                path: path.to_owned(),
                seen,
            }
        })
        .collect()
}

#[cfg(unix)]
fn inode(meta: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(meta)
}

#[cfg(not(unix))]
fn inode(_: &std::fs::Metadata) -> u64 {
    0
}
