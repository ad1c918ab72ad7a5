//! Parts of one process that fail and restart independently.
//!
//! A part that returns an error, returns early or panics is started again after a growing pause; the others keep
//! serving. Cancelling the supervisor's token ends them all.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long to wait before a failed part is started again.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// Pause after the first failure; each further one doubles it.
    pub initial: Duration,
    /// The longest pause.
    pub max: Duration,
    /// A part that ran at least this long starts again with the initial pause.
    pub healthy_after: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            initial: Duration::from_millis(200),
            max: Duration::from_secs(30),
            healthy_after: Duration::from_mins(1),
        }
    }
}

impl Backoff {
    /// The pause after `failures` in a row (1 for the first), between half and all of the computed length, so that
    /// parts that failed together do not return together.
    pub fn pause(&self, failures: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let full = self.initial.saturating_mul(doubled).min(self.max);
        full.mul_f64(rand::random_range(0.5..=1.0))
    }
}

/// What a part is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartState {
    /// Running; counts how often it was started again.
    Running {
        /// Restarts so far.
        restarts: u32,
    },
    /// Waiting to be started again.
    BackingOff {
        /// Restarts so far.
        restarts: u32,
        /// Why it ended.
        reason: String,
    },
    /// Ended because the supervisor was told to.
    Stopped,
}

/// Starts parts and restarts those that fail.
#[derive(Debug, Clone)]
pub struct Supervisor {
    token: CancellationToken,
    parts: TaskTracker,
    backoff: Backoff,
}

impl Supervisor {
    /// A supervisor whose parts all end when `token` is cancelled.
    pub fn new(token: CancellationToken, backoff: Backoff) -> Self {
        Self {
            token,
            parts: TaskTracker::new(),
            backoff,
        }
    }

    /// Starts a part and keeps it running. `start` is called for each (re)start with a token of its own, which is
    /// cancelled when the supervisor's is. The receiver follows the part's state; dropping it changes nothing.
    pub fn spawn<F, Fut, T, E>(
        &self,
        name: impl Into<String>,
        start: F,
    ) -> watch::Receiver<PartState>
    where
        F: FnMut(CancellationToken) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        let (state, follow) = watch::channel(PartState::Running { restarts: 0 });
        self.parts.spawn(keep_running(
            name.into(),
            self.backoff,
            self.token.clone(),
            state,
            start,
        ));
        follow
    }

    /// Waits until every part has ended, which happens after the token was cancelled.
    pub async fn wait(&self) {
        self.parts.close();
        self.parts.wait().await;
    }

    /// Tells every part to end and waits for them.
    pub async fn shutdown(&self) {
        self.token.cancel();
        self.wait().await;
    }
}

async fn keep_running<F, Fut, T, E>(
    name: String,
    backoff: Backoff,
    token: CancellationToken,
    state: watch::Sender<PartState>,
    mut start: F,
) where
    F: FnMut(CancellationToken) -> Fut,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: fmt::Display + Send + 'static,
{
    let mut restarts = 0;
    let mut failures = 0;
    loop {
        state.send_replace(PartState::Running { restarts });
        let started = Instant::now();
        let own = token.child_token();
        // A task of its own: a panic ends this part, not the supervisor.
        let ended = tokio::spawn(start(own.clone())).await;
        // Whatever the part left behind on its token ends with it.
        own.cancel();
        if token.is_cancelled() {
            match ended {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => {
                    tracing::warn!(part = name, %error, "a part failed while stopping");
                }
                Err(error) => {
                    tracing::error!(part = name, %error, "a part panicked while stopping");
                }
            }
            break;
        }
        let reason = match ended {
            Ok(Ok(_)) => "ended without being told to".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => format!("panicked: {error}"),
        };
        failures = if started.elapsed() >= backoff.healthy_after {
            1
        } else {
            failures + 1
        };
        let pause = backoff.pause(failures);
        tracing::error!(
            part = name,
            reason,
            restarts,
            pause_ms = pause.as_millis(),
            "a part failed and will be restarted"
        );
        state.send_replace(PartState::BackingOff { restarts, reason });
        tokio::select! {
            () = token.cancelled() => break,
            () = tokio::time::sleep(pause) => {}
        }
        restarts += 1;
    }
    state.send_replace(PartState::Stopped);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    const DEADLINE: Duration = Duration::from_mins(1);

    fn quick() -> Backoff {
        Backoff {
            initial: Duration::from_millis(1),
            max: Duration::from_millis(5),
            ..Backoff::default()
        }
    }

    #[test]
    fn pauses_grow_to_the_maximum() {
        let backoff = Backoff {
            initial: Duration::from_millis(100),
            max: Duration::from_secs(1),
            healthy_after: Duration::from_secs(1),
        };
        for (failures, full) in [(1, 100), (2, 200), (4, 800), (5, 1000), (500, 1000)] {
            let pause = backoff.pause(failures);
            assert!(
                pause >= Duration::from_millis(full / 2) && pause <= Duration::from_millis(full),
                "{pause:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_part_that_fails_or_panics_is_restarted_and_the_other_is_left_alone() {
        let supervisor = Supervisor::new(CancellationToken::new(), quick());
        let steady_starts = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&steady_starts);
        let mut steady = supervisor.spawn("steady", move |token| {
            counted.fetch_add(1, Ordering::SeqCst);
            async move {
                token.cancelled().await;
                Ok::<_, String>(())
            }
        });
        let mut attempt = 0;
        let mut shaky = supervisor.spawn("shaky", move |token| {
            attempt += 1;
            let attempt = attempt;
            async move {
                match attempt {
                    1 => Err("no".to_owned()),
                    2 => panic!("worse"),
                    3 => Ok(()),
                    _ => {
                        token.cancelled().await;
                        Ok(())
                    }
                }
            }
        });
        let recovered = shaky.wait_for(|state| *state == PartState::Running { restarts: 3 });
        drop(
            tokio::time::timeout(DEADLINE, recovered)
                .await
                .expect("restarted three times")
                .unwrap(),
        );
        assert_eq!(
            *steady.borrow_and_update(),
            PartState::Running { restarts: 0 }
        );
        tokio::time::timeout(DEADLINE, supervisor.shutdown())
            .await
            .expect("all parts end");
        assert_eq!(*shaky.borrow(), PartState::Stopped);
        assert_eq!(*steady.borrow(), PartState::Stopped);
        assert_eq!(steady_starts.load(Ordering::SeqCst), 1);
    }
}
