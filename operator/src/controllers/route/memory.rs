//! What the route controller remembers between looks, and can do without after a restart: what it has told of a
//! Service, and when it last wrote.

use crate::watch::Key;
use parking_lot::Mutex;
use protocol::Reason;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Changes that come sooner after a write than this are written together.
const BATCH: Duration = Duration::from_millis(200);

/// The memory.
#[derive(Debug, Default)]
pub struct Memory(Mutex<HashMap<Key, Held>>);

#[derive(Debug, Default)]
struct Held {
    told: HashMap<Reason, String>,
    written: Option<Instant>,
}

impl Memory {
    /// Notes what there is to tell; whether it is news. Nothing to tell is no news, and makes the next note one.
    pub(super) fn news(&self, key: &Key, reason: Reason, note: Option<&str>) -> bool {
        let mut held = self.0.lock();
        let Some(note) = note else {
            if let Some(known) = held.get_mut(key) {
                known.told.remove(&reason);
            }
            return false;
        };
        let told = &mut held.entry(key.clone()).or_default().told;
        if told.get(&reason).is_some_and(|old| old == note) {
            return false;
        }
        told.insert(reason, note.to_owned());
        true
    }

    /// Time until the next write is due, if one was made just now.
    pub(super) fn pause(&self, key: &Key, now: Instant) -> Option<Duration> {
        let written = self.0.lock().get(key)?.written?;
        let rest = BATCH.saturating_sub(now.saturating_duration_since(written));
        (!rest.is_zero()).then_some(rest)
    }

    pub(super) fn wrote(&self, key: &Key, now: Instant) {
        self.0.lock().entry(key.clone()).or_default().written = Some(now);
    }

    /// The Service is gone.
    pub fn forget(&self, key: &Key) {
        self.0.lock().remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_told_once_until_it_was_over() {
        let (memory, key) = (Memory::default(), Key::new("n", "s"));
        let told = |note| memory.news(&key, Reason::AddressNotRoutable, note);
        assert!(told(Some("a")));
        assert!(!told(Some("a")));
        assert!(told(Some("b")));
        assert!(!told(None));
        assert!(told(Some("b")));
    }

    #[test]
    fn writes_have_a_pause_between_them() {
        let (memory, key, now) = (Memory::default(), Key::new("n", "s"), Instant::now());
        assert_eq!(memory.pause(&key, now), None);
        memory.wrote(&key, now);
        assert_eq!(memory.pause(&key, now), Some(BATCH));
        assert_eq!(memory.pause(&key, now + BATCH), None);
    }
}
