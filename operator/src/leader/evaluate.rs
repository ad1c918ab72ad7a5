//! Whose Lease it is, judged by our own clock: how long we have seen it unchanged. Another machine's clock is
//! never compared with ours.

use k8s_openapi::api::coordination::v1::LeaseSpec;
use std::time::{Duration, Instant};

/// What to do about the Lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Take it: nobody holds it, or the holder has not renewed it for its whole duration.
    Acquire,
    /// It is ours: renew it.
    Renew,
    /// Somebody else holds it.
    Yield,
}

/// A Lease as seen, and since when it has looked the same.
#[derive(Clone, Debug)]
pub struct Observation {
    spec: LeaseSpec,
    since: Instant,
}

impl Observation {
    /// Takes note of what was read; the clock starts anew when it differs from what was noted.
    pub fn update(held: Option<Self>, spec: &LeaseSpec, now: Instant) -> Self {
        match held {
            Some(held) if held.spec == *spec => held,
            _ => Self {
                spec: spec.clone(),
                since: now,
            },
        }
    }
}

/// What to do about a Lease. One without a holder, or with one who let go, is free.
pub fn evaluate(observed: Option<&Observation>, me: &str, now: Instant) -> Action {
    let Some(observed) = observed else {
        return Action::Acquire;
    };
    match observed
        .spec
        .holder_identity
        .as_deref()
        .filter(|h| !h.is_empty())
    {
        None => Action::Acquire,
        Some(holder) if holder == me => Action::Renew,
        Some(_) => {
            let seconds = observed.spec.lease_duration_seconds.unwrap_or_default();
            let duration = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
            if now.saturating_duration_since(observed.since) > duration {
                Action::Acquire
            } else {
                Action::Yield
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(holder: &str, renewal: i64) -> LeaseSpec {
        serde_json::from_value(serde_json::json!({
            "holderIdentity": holder, "leaseDurationSeconds": 15,
            "renewTime": format!("2026-11-21T00:00:{renewal:02}.000000Z"),
        }))
        .unwrap()
    }

    #[test]
    fn a_free_lease_is_taken_ours_renewed_another_s_left() {
        let now = Instant::now();
        let seen = |spec: &LeaseSpec| Observation::update(None, spec, now);
        assert_eq!(evaluate(None, "me", now), Action::Acquire);
        assert_eq!(
            evaluate(Some(&seen(&lease("", 0))), "me", now),
            Action::Acquire
        );
        assert_eq!(
            evaluate(Some(&seen(&lease("me", 0))), "me", now),
            Action::Renew
        );
        assert_eq!(
            evaluate(Some(&seen(&lease("other", 0))), "me", now),
            Action::Yield
        );
    }

    #[test]
    fn a_holder_that_stops_renewing_loses_it_after_the_duration_by_our_clock() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut seen = Observation::update(None, &lease("other", 0), at(0));
        seen = Observation::update(Some(seen), &lease("other", 0), at(14));
        assert_eq!(evaluate(Some(&seen), "me", at(15)), Action::Yield);
        assert_eq!(evaluate(Some(&seen), "me", at(16)), Action::Acquire);
        seen = Observation::update(Some(seen), &lease("other", 10), at(16));
        assert_eq!(evaluate(Some(&seen), "me", at(31)), Action::Yield);
    }
}
