//! Where the messages of one component go: bounded in size and rate, then to `tracing`.

use host_api::ComponentIdentity;
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Bytes of a message that are kept. Longer ones are cut: a log line is not a transport.
const MAX_MESSAGE: usize = 16 * 1024;
/// Bytes of a context that are kept.
const MAX_CONTEXT: usize = 256;
/// Messages a component may send at once.
const BURST: u32 = 1000;
/// Messages a component may send per second, in the long run.
const PER_SECOND: u32 = 200;

/// The severities of `wasi:logging`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Critical,
}

/// The messages of one component.
pub struct Sink {
    component: Arc<ComponentIdentity>,
    bucket: Mutex<Bucket>,
    suppressed: Arc<AtomicU64>,
}

impl Sink {
    /// `suppressed` counts, over all components, messages that were dropped.
    pub fn new(component: Arc<ComponentIdentity>, suppressed: Arc<AtomicU64>) -> Self {
        Self {
            component,
            bucket: Mutex::new(Bucket::new(Instant::now())),
            suppressed,
        }
    }

    /// Emits a message, unless the component is over its rate.
    pub fn log(&self, severity: Severity, context: &str, message: &str, now: Instant) {
        let admitted = self
            .bucket
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .admit(now);
        let Some(missed) = admitted else {
            self.suppressed.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let workload = &*self.component.workload;
        let (namespace, name, component) = (
            &*workload.namespace,
            &*workload.name,
            &*self.component.component,
        );
        if missed > 0 {
            tracing::warn!(
                target: "guest", namespace, workload = name, component,
                "{missed} messages were not logged: the component exceeded {PER_SECOND} messages a second"
            );
        }
        let context = cut(context, MAX_CONTEXT);
        let message = cut(message, MAX_MESSAGE);
        macro_rules! emit {
            ($level:ident $(, $field:ident = $value:expr)?) => {
                tracing::$level!(
                    target: "guest", namespace, workload = name, component, context
                    $(, $field = $value)?, "{message}"
                )
            };
        }
        match severity {
            Severity::Trace => emit!(trace),
            Severity::Debug => emit!(debug),
            Severity::Info => emit!(info),
            Severity::Warn => emit!(warn),
            Severity::Error => emit!(error),
            Severity::Critical => emit!(error, critical = true),
        }
    }
}

/// The longest prefix of whole characters that fits.
fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

/// A token bucket that remembers how many it refused.
#[derive(Debug)]
struct Bucket {
    tokens: u32,
    refilled: Instant,
    missed: u64,
}

impl Bucket {
    fn new(now: Instant) -> Self {
        Self {
            tokens: BURST,
            refilled: now,
            missed: 0,
        }
    }

    /// `Some(refused since the last admitted)`, or `None` when over the rate.
    fn admit(&mut self, now: Instant) -> Option<u64> {
        const REFILL: Duration = Duration::from_millis(1000 / PER_SECOND as u64);
        let due = now.saturating_duration_since(self.refilled).as_nanos() / REFILL.as_nanos();
        if let Ok(due @ 1..) = u32::try_from(due.min(u128::from(BURST))) {
            self.tokens = self.tokens.saturating_add(due).min(BURST);
            self.refilled = now;
        }
        if let Some(left) = self.tokens.checked_sub(1) {
            self.tokens = left;
            Some(std::mem::take(&mut self.missed))
        } else {
            self.missed += 1;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_bounded_and_refused_messages_are_counted() {
        let start = Instant::now();
        let mut bucket = Bucket::new(start);
        let admitted = (0..BURST + 50)
            .filter(|_| bucket.admit(start).is_some())
            .count();
        assert_eq!(admitted, BURST as usize);
        let later = start + Duration::from_millis(100);
        assert_eq!(bucket.admit(later), Some(50));
        let more = (0..100).filter(|_| bucket.admit(later).is_some()).count();
        assert_eq!(more, PER_SECOND as usize / 10 - 1);
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(cut("aßc", 2), "a");
        assert_eq!(cut("aßc", 3), "aß");
        assert_eq!(cut("abc", 10), "abc");
    }
}
