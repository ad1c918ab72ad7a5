//! Who may wait for a host's answer. Waits are limited, and a host that does not answer keeps each until its time is
//! over. So a host may have a quarter as many as are free: a single one gets a fifth of all, and of twenty that are
//! silent each leaves something to the next. Whoever finds none free stands in the host's line.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Turns that have to be free for each that a host has.
const FREE: usize = 4;

/// The turns of all hosts.
#[derive(Debug)]
pub struct Turns<K> {
    all: usize,
    /// Who has a turn, at which host.
    given: HashMap<K, String>,
    /// Who stands in line, at which host.
    waiting: HashMap<K, String>,
    hosts: HashMap<String, AtHost<K>>,
}

#[derive(Debug)]
struct AtHost<K> {
    given: usize,
    line: VecDeque<K>,
}

impl<K> Default for AtHost<K> {
    fn default() -> Self {
        Self {
            given: 0,
            line: VecDeque::new(),
        }
    }
}

impl<K: Clone + Eq + Hash> Turns<K> {
    /// So many.
    pub fn new(all: usize) -> Self {
        Self {
            all,
            given: HashMap::new(),
            waiting: HashMap::new(),
            hosts: HashMap::new(),
        }
    }

    /// Asks for a turn at a host; it may be had already. A turn at another host is given back first. False: stands in
    /// line, and is named by [`Self::finish`] when it has a turn.
    pub fn take(&mut self, who: &K, host: &str) -> bool {
        if self.given.get(who).is_some_and(|at| at == host) {
            return true;
        }
        self.give_back(who);
        if self.admits(host) {
            self.leave_line(who);
            self.give(who.clone(), host);
            return true;
        }
        if self.waiting.get(who).is_none_or(|at| at != host) {
            self.leave_line(who);
            self.waiting.insert(who.clone(), host.to_owned());
            let at = self.hosts.entry(host.to_owned()).or_default();
            at.line.push_back(who.clone());
        }
        false
    }

    /// Gives back whatever turn this one has; returns those that have one now. Each of them has to finish in its time,
    /// whether it has a use for its turn or not.
    pub fn finish(&mut self, who: &K) -> Vec<K> {
        self.give_back(who);
        let mut next = Vec::new();
        while let Some((who, host)) = self.first() {
            self.give(who.clone(), &host);
            next.push(who);
        }
        next
    }

    /// One more at this host is within its share, and leaves a turn to those that ask no host.
    fn admits(&self, host: &str) -> bool {
        let free = self.all.saturating_sub(self.given.len());
        let has = self.hosts.get(host).map_or(0, |at| at.given);
        free > 1 && has * FREE < free
    }

    fn give(&mut self, who: K, host: &str) {
        self.given.insert(who, host.to_owned());
        self.hosts.entry(host.to_owned()).or_default().given += 1;
    }

    fn give_back(&mut self, who: &K) {
        let Some(host) = self.given.remove(who) else {
            return;
        };
        if let Some(at) = self.hosts.get_mut(&host) {
            at.given -= 1;
        }
        self.tidy(&host);
    }

    fn leave_line(&mut self, who: &K) {
        let Some(host) = self.waiting.remove(who) else {
            return;
        };
        if let Some(at) = self.hosts.get_mut(&host) {
            at.line.retain(|other| other != who);
        }
        self.tidy(&host);
    }

    fn tidy(&mut self, host: &str) {
        let idle = |at: &AtHost<K>| at.given == 0 && at.line.is_empty();
        if self.hosts.get(host).is_some_and(idle) {
            self.hosts.remove(host);
        }
    }

    /// Takes the first out of a line whose host may have one more: that of the host which has the fewest.
    fn first(&mut self) -> Option<(K, String)> {
        if self.waiting.is_empty() {
            return None;
        }
        let lines = self.hosts.iter().filter(|(_, at)| !at.line.is_empty());
        let (host, _) = lines.min_by_key(|(host, at)| (at.given, *host))?;
        let host = host.clone();
        if !self.admits(&host) {
            return None;
        }
        let first = self.hosts.get_mut(&host)?.line.pop_front()?;
        self.waiting.remove(&first);
        Some((first, host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// Takes as many turns at this host as it gets.
    fn fill(turns: &mut Turns<String>, host: &str) -> usize {
        let who = |n: usize| format!("{host}-{n}");
        (0..300).filter(|n| turns.take(&who(*n), host)).count()
    }

    #[test]
    fn silent_hosts_leave_some_to_the_others() {
        let mut turns = Turns::new(1024);
        let shares: Vec<usize> = (0..20).map(|n| fill(&mut turns, &n.to_string())).collect();
        assert_eq!(shares[..4], [205, 164, 131, 105]);
        assert!(shares.iter().all(|share| *share > 2), "{shares:?}");
        let mut turns = Turns::new(2);
        assert_eq!(fill(&mut turns, "a"), 1);
        assert_eq!(fill(&mut turns, "b"), 0, "one is for those who ask no host");
    }

    #[test]
    fn what_is_given_back_goes_to_whoever_has_the_fewest() {
        let mut turns = Turns::new(8);
        let given: Vec<usize> = ["a", "b", "c", "d"]
            .map(|host| fill(&mut turns, host))
            .to_vec();
        assert_eq!(given, [2, 2, 1, 1]);
        assert_eq!(fill(&mut turns, "e"), 1);
        assert_eq!(fill(&mut turns, "f"), 0);
        assert_eq!(turns.finish(&"a-0".into()), ["f-0"]);
        assert!(turns.take(&"f-0".into(), "f"), "it has it already");
        // Its own end lets in the next, of whichever host.
        assert_eq!(turns.finish(&"f-0".into()), ["f-1"]);
    }

    #[test]
    fn who_asks_elsewhere_leaves_line_and_turn() {
        let mut turns = Turns::new(5);
        assert!(turns.take(&"w", "a") && !turns.take(&"x", "a"));
        assert!(turns.take(&"x", "b"), "it stood in line for another host");
        assert!(!turns.take(&"y", "a") && !turns.take(&"y", "a"));
        assert!(turns.finish(&"x").is_empty(), "a has its share");
        assert!(turns.take(&"w", "b"), "it had a turn at another host");
        assert_eq!(turns.finish(&"w"), ["y"], "once");
        assert!(turns.finish(&"y").is_empty());
        assert!(turns.hosts.is_empty() && turns.waiting.is_empty() && turns.given.is_empty());
    }

    proptest! {
        /// However they come and go: no more than all are given, nobody is forgotten in a line while there is room, and
        /// once everybody has finished, everybody had a turn.
        #[test]
        fn nobody_waits_for_ever(
            all in 2_usize..9,
            steps in proptest::collection::vec((0_u8..12, 0_u8..4, any::<bool>()), 0..80),
        ) {
            let mut turns = Turns::new(all);
            let mut had = BTreeSet::new();
            let mut asked = BTreeSet::new();
            for (who, host, ends) in steps {
                if ends {
                    had.extend(turns.finish(&who));
                } else {
                    asked.insert(who);
                    if turns.take(&who, &host.to_string()) {
                        had.insert(who);
                    }
                    // A look that moves to another host ends in its time.
                    let more = turns.finish(&u8::MAX);
                    had.extend(more);
                }
                prop_assert!(turns.given.len() < all);
                for host in turns.waiting.values() {
                    prop_assert!(!turns.admits(host), "{turns:?}");
                }
            }
            while let Some(who) = turns.given.keys().next().copied() {
                had.extend(turns.finish(&who));
            }
            prop_assert!(turns.waiting.is_empty() && turns.hosts.is_empty(), "{turns:?}");
            prop_assert_eq!(had, asked);
        }
    }
}
