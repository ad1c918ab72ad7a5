//! Named checks behind `/livez` and `/readyz`.
//!
//! A part registers a check, keeps the handle and sets it as its state changes; asking for the state costs the part
//! nothing. A check whose handle was dropped reads as failed, so a part that died is never reported healthy.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;

/// Which question a check answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// Should the process be killed and started again? (`/livez`)
    Live,
    /// Should the process be sent work? (`/readyz`)
    Ready,
}

/// The state of one check, as reported to whoever asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckState {
    /// Name given at registration.
    pub name: String,
    /// Whether the check passes.
    pub ok: bool,
    /// Why it does not pass; absent when it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The answer to a probe: it passes when every check does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether every check passes.
    pub ok: bool,
    /// Every check, by name.
    pub checks: Vec<CheckState>,
}

#[derive(Debug)]
struct Entry {
    generation: u64,
    failed: Option<String>,
}

#[derive(Debug, Default)]
struct State {
    next_generation: u64,
    live: BTreeMap<String, Entry>,
    ready: BTreeMap<String, Entry>,
}

impl State {
    fn of(&mut self, probe: Probe) -> &mut BTreeMap<String, Entry> {
        match probe {
            Probe::Live => &mut self.live,
            Probe::Ready => &mut self.ready,
        }
    }
}

/// The checks of one process. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Health {
    state: Arc<Mutex<State>>,
}

impl Health {
    /// A process without checks: live and ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a readiness check, which fails with the reason `starting` until [`Check::pass`] is called.
    /// A check of the same name is replaced: that is how a restarted part takes its place again.
    pub fn ready(&self, name: impl Into<String>) -> Check {
        self.register(Probe::Ready, name.into(), Some("starting".to_owned()))
    }

    /// Registers a liveness check, which passes until [`Check::fail`] is called or the handle is dropped.
    pub fn live(&self, name: impl Into<String>) -> Check {
        self.register(Probe::Live, name.into(), None)
    }

    /// The present answer to a probe.
    pub fn report(&self, probe: Probe) -> Report {
        let mut state = self.state.lock();
        let checks: Vec<CheckState> = state
            .of(probe)
            .iter()
            .map(|(name, entry)| CheckState {
                name: name.clone(),
                ok: entry.failed.is_none(),
                reason: entry.failed.clone(),
            })
            .collect();
        Report {
            ok: checks.iter().all(|check| check.ok),
            checks,
        }
    }

    fn register(&self, probe: Probe, name: String, failed: Option<String>) -> Check {
        let mut state = self.state.lock();
        state.next_generation += 1;
        let generation = state.next_generation;
        state
            .of(probe)
            .insert(name.clone(), Entry { generation, failed });
        Check {
            state: Arc::clone(&self.state),
            probe,
            name,
            generation,
        }
    }
}

/// A part's handle on its check. Dropping it fails the check with the reason `stopped`.
#[derive(Debug)]
pub struct Check {
    state: Arc<Mutex<State>>,
    probe: Probe,
    name: String,
    generation: u64,
}

impl Check {
    /// The check passes from now on.
    pub fn pass(&self) {
        self.set(None);
    }

    /// The check fails from now on, for this reason. Reasons are read by anybody who reaches the admin port:
    /// they name a state ("connecting to the bus"), never a secret.
    pub fn fail(&self, reason: impl Into<String>) {
        self.set(Some(reason.into()));
    }

    /// Takes the check away: the part no longer has an opinion.
    pub fn remove(self) {
        let mut state = self.state.lock();
        let checks = state.of(self.probe);
        if checks
            .get(&self.name)
            .is_some_and(|entry| entry.generation == self.generation)
        {
            checks.remove(&self.name);
        }
    }

    fn set(&self, failed: Option<String>) {
        let mut state = self.state.lock();
        // A handle that was replaced has nothing left to say.
        if let Some(entry) = state
            .of(self.probe)
            .get_mut(&self.name)
            .filter(|entry| entry.generation == self.generation)
        {
            entry.failed = failed;
        }
    }
}

impl Drop for Check {
    fn drop(&mut self) {
        self.set(Some("stopped".to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_ready_when_every_check_passes() {
        let health = Health::new();
        let bus = health.ready("bus");
        let http = health.ready("http");
        http.pass();
        let report = health.report(Probe::Ready);
        assert!(!report.ok);
        assert_eq!(report.checks[0].reason.as_deref(), Some("starting"));
        bus.pass();
        assert!(health.report(Probe::Ready).ok);
        bus.fail("reconnecting");
        assert_eq!(
            health.report(Probe::Ready).checks[0].reason.as_deref(),
            Some("reconnecting")
        );
    }

    #[test]
    fn a_part_that_died_is_not_healthy() {
        let health = Health::new();
        let live = health.live("reactor");
        assert!(health.report(Probe::Live).ok);
        drop(live);
        assert_eq!(
            health.report(Probe::Live).checks[0].reason.as_deref(),
            Some("stopped")
        );
    }

    #[test]
    fn the_handle_of_a_replaced_check_changes_nothing() {
        let health = Health::new();
        let old = health.ready("host");
        let new = health.ready("host");
        new.pass();
        drop(old);
        assert!(health.report(Probe::Ready).ok);
        new.remove();
        assert!(health.report(Probe::Ready).checks.is_empty());
    }
}
