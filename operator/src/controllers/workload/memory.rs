//! What the Workload controller remembers between looks, and can do without after a restart: failed starts, and
//! what is promised of each host.

use super::sends::Sends;
use crate::core::backoff;
use crate::core::ledger::{Ledger, Share};
use parking_lot::{Mutex, MutexGuard};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Failed starts of one Workload.
#[derive(Clone, Debug, Default)]
pub struct Tries {
    /// In a row.
    pub failures: u32,
    /// Not before.
    pub not_before: Option<Instant>,
    /// Where the last one failed.
    pub failed_on: Option<String>,
    running_since: Option<Instant>,
}

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Time until the next try.
    pub delay: Duration,
    /// Failures in a row, this one included.
    pub in_a_row: u32,
}

/// The memory.
#[derive(Debug, Default)]
pub struct Memory {
    tries: Mutex<HashMap<String, Tries>>,
    ledger: Mutex<Ledger>,
    /// Starts under way.
    pub sends: Sends,
}

impl Memory {
    /// Failed starts of a Workload.
    pub fn tries(&self, uid: &str) -> Tries {
        self.tries.lock().get(uid).cloned().unwrap_or_default()
    }

    /// One more failure. `at_once`: the first of a row costs no time, since nothing says that it was the workload's
    /// own fault.
    pub fn failed(
        &self,
        uid: &str,
        host: Option<&str>,
        at_once: bool,
        now: Instant,
        jitter: f64,
    ) -> Failed {
        let mut tries = self.tries.lock();
        let held = tries.entry(uid.to_owned()).or_default();
        let ran = held
            .running_since
            .take()
            .map(|since| now.saturating_duration_since(since));
        if ran.is_some_and(|ran| backoff::settled(ran, held.failures)) {
            held.failures = 0;
        }
        held.failures = held.failures.saturating_add(1);
        held.failed_on = host.map(ToOwned::to_owned);
        let delay = if at_once && held.failures == 1 {
            Duration::ZERO
        } else {
            backoff::delay(held.failures, jitter)
        };
        held.not_before = Some(now + delay);
        Failed {
            delay,
            in_a_row: held.failures,
        }
    }

    /// It runs. When it does for long enough, the next failure starts anew.
    pub fn runs(&self, uid: &str, now: Instant) {
        if let Some(held) = self.tries.lock().get_mut(uid) {
            held.running_since.get_or_insert(now);
        }
        self.sends.forget(uid);
    }

    /// Everything about a Workload that is gone.
    pub fn forget(&self, uid: &str) {
        self.tries.lock().remove(uid);
        self.sends.forget(uid);
        self.ledger.lock().forget(uid);
    }

    /// Chooses a host while no other placement is under way; `choose` is given what is promised of each host, this
    /// Workload left out, and returns what it takes of which.
    pub fn place<E>(
        &self,
        uid: &str,
        choose: impl FnOnce(&Ledger) -> Result<Share, E>,
    ) -> Result<String, E> {
        let mut ledger = self.ledger.lock();
        ledger.withdraw(uid);
        let share = choose(&ledger)?;
        let host = share.host.clone();
        ledger.assume(uid, share);
        Ok(host)
    }

    /// Looks at, and changes, all promises at once.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock()
    }

    /// Whether this host was chosen for a Workload and the cache does not show it yet.
    pub fn chose(&self, uid: &str, host: &str) -> bool {
        self.ledger.lock().assumed(uid) == Some(host)
    }

    /// What was chosen will not come true.
    pub fn withdraw(&self, uid: &str) {
        self.ledger.lock().withdraw(uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_grow_until_it_has_run_for_a_while() {
        let memory = Memory::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let fail = |now| memory.failed("w", Some("h"), false, now, 0.0);
        assert_eq!(fail(start).delay, Duration::from_secs(1));
        assert_eq!(fail(start).delay, Duration::from_secs(2));
        assert_eq!(memory.tries("w").failed_on.as_deref(), Some("h"));
        memory.runs("w", at(10));
        memory.runs("w", at(12));
        assert_eq!(fail(at(15)).in_a_row, 3, "it ran for five seconds");
        memory.runs("w", at(20));
        let anew = Failed {
            delay: Duration::from_secs(1),
            in_a_row: 1,
        };
        assert_eq!(fail(at(40)), anew);
    }

    #[test]
    fn what_was_lost_without_fault_is_started_at_once_but_not_again_and_again() {
        let memory = Memory::default();
        let now = Instant::now();
        assert_eq!(
            memory.failed("w", None, true, now, 0.0).delay,
            Duration::ZERO
        );
        assert!(!memory.failed("w", None, true, now, 0.0).delay.is_zero());
    }

    #[test]
    fn placements_under_way_are_seen_by_the_next() {
        let memory = Memory::default();
        let on = |host: &str| Share {
            host: host.into(),
            owner: Some("rs".into()),
            ..Share::default()
        };
        memory.place::<()>("a", |_| Ok(on("h1"))).unwrap();
        memory
            .place::<()>("b", |ledger| {
                assert_eq!(ledger.load("h1").unwrap().siblings("rs"), 1);
                Ok(on("h2"))
            })
            .unwrap();
        assert!(memory.chose("a", "h1") && !memory.chose("a", "h2"));
        memory.withdraw("a");
        memory
            .place::<()>("b", |ledger| {
                assert_eq!((ledger.load("h1"), ledger.load("h2")), (None, None));
                Err(())
            })
            .unwrap_err();
    }
}
