//! Starts that were sent and what came of them: whether a host that does not have a workload has ever been asked for
//! it. What one process sent another does not know, and one that has just begun knows nothing: it asks again, which
//! a host that has the workload answers with "already exists".

use parking_lot::Mutex;
use std::collections::HashMap;

/// Starts of one placement that go unanswered before another host is tried.
const UNANSWERED: u32 = 2;

#[derive(Debug)]
struct Sent {
    host: String,
    times: u32,
    answered: bool,
    unheard: u32,
}

/// The starts of Workloads that are not known to run yet.
#[derive(Debug, Default)]
pub struct Sends(Mutex<HashMap<String, Sent>>);

impl Sends {
    /// A host was chosen: what was sent for an earlier placement does not matter any more.
    pub fn placed(&self, uid: &str) {
        self.forget(uid);
    }

    /// A start is about to be sent.
    pub fn sending(&self, uid: &str, host: &str) {
        let mut all = self.0.lock();
        if let Some(sent) = all.get_mut(uid).filter(|sent| sent.host == host) {
            sent.times = sent.times.saturating_add(1);
            return;
        }
        let sent = Sent {
            host: host.to_owned(),
            times: 1,
            answered: false,
            unheard: 0,
        };
        all.insert(uid.to_owned(), sent);
    }

    /// The host has answered the start, whatever it said.
    pub fn answered(&self, uid: &str) {
        if let Some(sent) = self.0.lock().get_mut(uid) {
            sent.answered = true;
        }
    }

    /// Nobody knows what became of the start that was sent last.
    pub fn unheard(&self, uid: &str) {
        if let Some(sent) = self.0.lock().get_mut(uid) {
            sent.unheard = sent.unheard.saturating_add(1);
        }
    }

    /// Starts that the host may still carry out, of a Workload that is not known to run there.
    pub fn may_arrive(&self, uid: &str, host: &str) -> u32 {
        match self.0.lock().get(uid) {
            Some(sent) if sent.host == host => sent.unheard,
            // Another process has sent it, or ended before that.
            _ => 1,
        }
    }

    /// Whether the host may never have seen a start of it, as far as this process can tell.
    pub fn may_be_missing(&self, uid: &str, host: &str) -> bool {
        match self.0.lock().get(uid).filter(|sent| sent.host == host) {
            Some(sent) => !sent.answered && sent.times < UNANSWERED,
            None => true,
        }
    }

    /// It runs, or is gone.
    pub fn forget(&self, uid: &str) {
        self.0.lock().remove(uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_that_nobody_is_known_to_have_seen_is_sent_again_once() {
        let sends = Sends::default();
        assert!(sends.may_be_missing("w", "h"), "another process chose h");
        sends.sending("w", "h");
        assert!(sends.may_be_missing("w", "h"), "its answer was lost");
        sends.sending("w", "h");
        assert!(!sends.may_be_missing("w", "h"), "it does not answer starts");
        sends.placed("w");
        sends.sending("w", "other");
        assert!(sends.may_be_missing("w", "other"));
        assert_eq!(sends.may_arrive("w", "other"), 0, "it is under way");
        sends.unheard("w");
        assert_eq!(sends.may_arrive("w", "other"), 1);
        assert_eq!(sends.may_arrive("another", "h"), 1, "another process's");
        sends.answered("w");
        assert!(
            !sends.may_be_missing("w", "other"),
            "it was there and is not any more"
        );
    }
}
