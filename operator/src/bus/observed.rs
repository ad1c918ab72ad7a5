//! What hosts reported of workloads by event: the latest of each, until a reconcile has looked at it.

use super::Report;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};

/// Latest reports by workload id.
#[derive(Debug, Default)]
pub struct Observed {
    reports: Mutex<HashMap<String, (String, Report)>>,
    /// How far each workload is known to have come, by event or by answer: host and sequence.
    known: Mutex<HashMap<String, (String, u64)>>,
    doubted: Mutex<HashSet<String>>,
}

impl Observed {
    /// A host said how a workload does. Words that were overtaken by later ones are dropped.
    pub fn put(&self, workload: &str, host: &str, report: Report) {
        if self.advance(workload, host, report.sequence) {
            let latest = (host.to_owned(), report);
            self.reports.lock().insert(workload.to_owned(), latest);
        }
    }

    /// Takes the report of a workload if it came from this host. One of another host is dropped.
    pub fn take(&self, workload: &str, host: &str) -> Option<Report> {
        let (from, report) = self.reports.lock().remove(workload)?;
        (from == host).then_some(report)
    }

    /// A host's answer, unless the host has told of something later meanwhile: then that.
    pub fn latest(&self, workload: &str, host: &str, answer: Report) -> Report {
        if self.advance(workload, host, answer.sequence) {
            return answer;
        }
        self.take(workload, host).unwrap_or(answer)
    }

    /// Notes how far a workload has come; false when it was further already.
    fn advance(&self, workload: &str, host: &str, sequence: u64) -> bool {
        if sequence == 0 {
            return true;
        }
        let mut known = self.known.lock();
        match known.get_mut(workload).filter(|(from, _)| from == host) {
            Some((_, last)) if *last > sequence => return false,
            Some((_, last)) => *last = sequence,
            None => {
                known.insert(workload.to_owned(), (host.to_owned(), sequence));
            }
        }
        true
    }

    /// What was said of a workload is out of date: its host is to be asked.
    pub fn doubt(&self, workload: &str) {
        self.reports.lock().remove(workload);
        self.doubted.lock().insert(workload.to_owned());
    }

    /// Whether the host is to be asked; it will be.
    pub fn settle_doubt(&self, workload: &str) -> bool {
        self.doubted.lock().remove(workload)
    }

    /// What is said of an earlier try says nothing about the next one. How far it came still tells old words from new.
    pub fn begin_anew(&self, workload: &str) {
        self.reports.lock().remove(workload);
        self.doubted.lock().remove(workload);
    }

    /// A workload that is gone.
    pub fn forget(&self, workload: &str) {
        self.begin_anew(workload);
        self.known.lock().remove(workload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::RunState;

    fn report(state: RunState, sequence: u64) -> Report {
        Report {
            sequence,
            ..Report::bare(state)
        }
    }

    #[test]
    fn words_that_were_overtaken_say_nothing() {
        let observed = Observed::default();
        observed.put("w", "h", report(RunState::Running, 2));
        observed.put("w", "h", report(RunState::Starting, 1));
        assert_eq!(observed.take("w", "h").unwrap().state, RunState::Running);
        observed.put("w", "h", report(RunState::Starting, 1));
        assert_eq!(observed.take("w", "h"), None);
        observed.put("w", "h", report(RunState::Running, 2));
        assert!(observed.take("w", "h").is_some(), "said twice is not old");
        observed.put("w", "other", report(RunState::Starting, 1));
        assert!(
            observed.take("w", "other").is_some(),
            "each host counts for itself"
        );
    }

    #[test]
    fn an_answer_gives_way_to_what_was_told_after_it() {
        let observed = Observed::default();
        observed.put("w", "h", report(RunState::Error, 3));
        let answer = observed.latest("w", "h", report(RunState::Starting, 2));
        assert_eq!(answer.state, RunState::Error);
        let answer = observed.latest("w", "h", report(RunState::Running, 4));
        assert_eq!(answer.state, RunState::Running);
        observed.put("w", "h", report(RunState::Error, 3));
        assert_eq!(observed.take("w", "h"), None);
        let unsaid = observed.latest("w", "h", report(RunState::NotFound, 0));
        assert_eq!(unsaid.state, RunState::NotFound);
    }

    #[test]
    fn another_try_begins_without_what_was_said_of_the_last() {
        let observed = Observed::default();
        observed.put("w", "h", report(RunState::Error, 3));
        observed.begin_anew("w");
        assert_eq!(observed.take("w", "h"), None);
        observed.put("w", "h", report(RunState::Error, 2));
        assert_eq!(observed.take("w", "h"), None, "it is of the last try");
        observed.forget("w");
        observed.put("w", "h", report(RunState::Starting, 1));
        assert!(observed.take("w", "h").is_some());
    }
}
