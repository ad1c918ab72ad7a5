//! Stops that a host is owed which cannot list what it has. Such a host answers a start only when it has pulled, and
//! says until then that it does not have the workload: that it does not have it means little while a start may still
//! arrive. The stop is repeated until every start has, or none will any more.

use crd_types::OwedStop;
use std::time::Instant;

/// A stop that is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// What is to be stopped.
    pub stop: OwedStop,
    /// Starts that may have arrived or may still arrive.
    pub starts: u32,
    /// When none will arrive any more.
    pub until: Instant,
    /// Since when it is owed.
    pub since: Instant,
}

/// What came of trying to pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// The host had it, and has stopped it.
    Stopped,
    /// It runs there as it should: a start that comes late finds its id taken.
    Runs,
    /// The host does not have it, or is asked for it at present.
    Nothing,
    /// It is not known whether the host has it.
    Unknown,
}

impl Owed {
    /// The same debt, told again.
    pub fn merge(&mut self, again: &Self) {
        self.starts = self.starts.max(again.starts);
        self.until = self.until.max(again.until);
    }

    /// Notes what came of a try; whether nothing is owed any more.
    pub fn tried(&mut self, what: Tried, now: Instant) -> bool {
        match what {
            Tried::Stopped => {
                self.starts = self.starts.saturating_sub(1);
                self.starts == 0
            }
            Tried::Runs => true,
            Tried::Nothing => now >= self.until,
            Tried::Unknown => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn owed(starts: u32, until: Instant, since: Instant) -> Owed {
        Owed {
            stop: OwedStop::default(),
            starts,
            until,
            since,
        }
    }

    #[test]
    fn what_ran_is_stopped_once() {
        let now = Instant::now();
        assert!(owed(1, now, now).tried(Tried::Stopped, now));
        assert!(owed(1, now, now).tried(Tried::Nothing, now));
        assert!(!owed(1, now, now).tried(Tried::Unknown, now));
    }

    #[test]
    fn what_may_still_arrive_is_waited_for_as_often_as_it_was_sent() {
        let start = Instant::now();
        let end = start + Duration::from_mins(1);
        let mut twice = owed(2, end, start);
        assert!(!twice.tried(Tried::Nothing, start));
        assert!(!twice.tried(Tried::Stopped, start));
        assert!(!twice.tried(Tried::Nothing, start));
        assert!(twice.clone().tried(Tried::Stopped, start));
        assert!(!twice.tried(Tried::Unknown, end), "the host has to say so");
        assert!(twice.clone().tried(Tried::Runs, start));
        assert!(twice.tried(Tried::Nothing, end), "none comes any more");
    }

    #[test]
    fn a_debt_that_is_told_again_does_not_shrink() {
        let start = Instant::now();
        let end = start + Duration::from_mins(1);
        let mut held = owed(2, end, start);
        held.merge(&owed(1, start, end));
        assert_eq!(held, owed(2, end, start));
        held.merge(&owed(3, end + Duration::from_secs(1), end));
        assert_eq!(held, owed(3, end + Duration::from_secs(1), start));
    }
}
