//! Signals become an ordered shutdown.
//!
//! The first SIGTERM or SIGINT cancels the token every part listens to. A second one means that somebody does not
//! want to wait: the process ends at once.

use std::io;

use tokio_util::sync::CancellationToken;

/// Exit code of a process that was told twice to stop.
pub const IMPATIENT_EXIT: i32 = 130;

/// Installs the signal handlers and returns the token they cancel. Call it once, inside the runtime, before any part
/// starts. The handlers stay for the life of the process.
pub fn on_signal() -> io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let mut signals = Signals::install()?;
    let cancelled = token.clone();
    tokio::spawn(async move {
        let first = signals.next().await;
        tracing::info!(
            signal = first,
            "shutting down; a second signal ends the process at once"
        );
        cancelled.cancel();
        let second = signals.next().await;
        tracing::warn!(signal = second, "second signal: ending without waiting");
        end_now();
    });
    Ok(token)
}

#[expect(
    clippy::exit,
    reason = "whoever sends a second signal asks for exactly this"
)]
fn end_now() -> ! {
    std::process::exit(IMPATIENT_EXIT)
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn install() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn install() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> &'static str {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        "Ctrl-C"
    }
}
