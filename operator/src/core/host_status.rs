//! When a Host's status is worth a write: at once for what others act on, within a budget for what only moves.

use crd_types::HostStatus;
use std::time::Instant;

/// How urgent a difference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Nothing differs.
    None,
    /// Load figures and times only.
    Budgeted,
    /// Condition, identity or capacity.
    Now,
}

/// Compares what is stored with what is known.
pub fn urgency(stored: Option<&HostStatus>, known: &HostStatus) -> Urgency {
    let Some(stored) = stored else {
        return Urgency::Now;
    };
    if stored == known {
        return Urgency::None;
    }
    let steady = |status: &HostStatus| HostStatus {
        system_cpu_usage: String::new(),
        system_memory_free: 0,
        component_count: None,
        workload_count: None,
        last_seen: None,
        allocated: None,
        ..status.clone()
    };
    if steady(stored) == steady(known) {
        Urgency::Budgeted
    } else {
        Urgency::Now
    }
}

/// Writes that may be made for load figures, for the whole fleet.
#[derive(Debug)]
pub struct Budget {
    per_minute: f64,
    tokens: f64,
    at: Instant,
}

impl Budget {
    /// So many writes a minute, all of them available at first.
    pub fn new(per_minute: u32, now: Instant) -> Self {
        Self {
            per_minute: f64::from(per_minute),
            tokens: f64::from(per_minute),
            at: now,
        }
    }

    /// Takes one write if there is one.
    pub fn take(&mut self, now: Instant) -> bool {
        let minutes = now.saturating_duration_since(self.at).as_secs_f64() / 60.0;
        self.tokens = (self.tokens + minutes * self.per_minute).min(self.per_minute);
        self.at = now;
        let affordable = self.tokens >= 1.0;
        if affordable {
            self.tokens -= 1.0;
        }
        affordable
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn load_waits_and_identity_does_not() {
        let stored = HostStatus {
            version: "1".into(),
            system_memory_free: 10,
            ..HostStatus::default()
        };
        assert_eq!(urgency(None, &stored), Urgency::Now);
        assert_eq!(urgency(Some(&stored), &stored), Urgency::None);
        let load = HostStatus {
            system_memory_free: 11,
            workload_count: Some(3),
            ..stored.clone()
        };
        assert_eq!(urgency(Some(&stored), &load), Urgency::Budgeted);
        let upgraded = HostStatus {
            version: "2".into(),
            ..load
        };
        assert_eq!(urgency(Some(&stored), &upgraded), Urgency::Now);
    }

    #[test]
    fn the_budget_refills_with_time() {
        let start = Instant::now();
        let mut budget = Budget::new(30, start);
        let taken = (0..100).filter(|_| budget.take(start)).count();
        assert_eq!(taken, 30);
        assert!(!budget.take(start + Duration::from_secs(1)));
        assert!(budget.take(start + Duration::from_secs(3)));
    }
}
