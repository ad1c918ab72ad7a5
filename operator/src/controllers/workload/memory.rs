//! What the Workload controller remembers between looks, and can do without after a restart: failed starts, and
//! placements that the cache does not show yet.

use parking_lot::Mutex;
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
}

/// The memory.
#[derive(Debug, Default)]
pub struct Memory {
    tries: Mutex<HashMap<String, Tries>>,
    /// Host by workload uid, and the ReplicaSet's uid.
    assumed: Mutex<HashMap<String, (String, Option<String>)>>,
}

impl Memory {
    /// Failed starts of a Workload.
    pub fn tries(&self, uid: &str) -> Tries {
        self.tries.lock().get(uid).cloned().unwrap_or_default()
    }

    /// One more failed start; returns the time until the next try.
    pub fn failed(&self, uid: &str, host: Option<&str>, now: Instant, jitter: f64) -> Duration {
        let mut tries = self.tries.lock();
        let held = tries.entry(uid.to_owned()).or_default();
        held.failures = held.failures.saturating_add(1);
        held.failed_on = host.map(ToOwned::to_owned);
        let delay = crate::core::backoff::delay(held.failures, jitter);
        held.not_before = Some(now + delay);
        delay
    }

    /// It runs: the next failure starts anew.
    pub fn succeeded(&self, uid: &str) {
        self.tries.lock().remove(uid);
    }

    /// Everything about a Workload that is gone.
    pub fn forget(&self, uid: &str) {
        self.tries.lock().remove(uid);
        self.assumed.lock().remove(uid);
    }

    /// Chooses a host while no other placement is under way: `choose` is given what was assumed but is not in the
    /// cache yet, as (workload uid, host, ReplicaSet uid).
    pub fn place<E>(
        &self,
        uid: &str,
        owner: Option<&str>,
        choose: impl FnOnce(&HashMap<String, (String, Option<String>)>) -> Result<String, E>,
    ) -> Result<String, E> {
        let mut assumed = self.assumed.lock();
        assumed.remove(uid);
        let host = choose(&assumed)?;
        assumed.insert(uid.to_owned(), (host.clone(), owner.map(ToOwned::to_owned)));
        Ok(host)
    }

    /// The cache shows the placement, or there is none any more.
    pub fn settled(&self, uid: &str) {
        self.assumed.lock().remove(uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_grow_until_a_success() {
        let memory = Memory::default();
        let now = Instant::now();
        assert_eq!(
            memory.failed("w", Some("h"), now, 0.0),
            Duration::from_secs(1)
        );
        assert_eq!(
            memory.failed("w", Some("h"), now, 0.0),
            Duration::from_secs(2)
        );
        assert_eq!(memory.tries("w").failed_on.as_deref(), Some("h"));
        memory.succeeded("w");
        assert_eq!(memory.failed("w", None, now, 0.0), Duration::from_secs(1));
    }

    #[test]
    fn placements_under_way_are_seen_by_the_next() {
        let memory = Memory::default();
        memory
            .place::<()>("a", Some("rs"), |_| Ok("h1".into()))
            .unwrap();
        memory
            .place::<()>("b", Some("rs"), |assumed| {
                assert_eq!(assumed["a"].0, "h1");
                Ok("h2".into())
            })
            .unwrap();
        memory.settled("a");
        memory
            .place::<()>("c", None, |assumed| {
                assert_eq!(assumed.len(), 1);
                Ok("h".into())
            })
            .unwrap();
    }
}
