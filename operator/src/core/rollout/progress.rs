//! Whether a rollout gets on: the condition `Progressing`, with the words of apps/v1.

use std::time::Duration;

/// Everything asked for is available and of the present template.
pub const AVAILABLE: &str = "NewReplicaSetAvailable";
/// The ReplicaSet of the present template was created.
pub const CREATED: &str = "NewReplicaSetCreated";
/// An older ReplicaSet has the present template and serves again.
pub const FOUND: &str = "FoundNewReplicaSet";
/// Replicas of the present template come, others go.
pub const UPDATED: &str = "ReplicaSetUpdated";
/// The Deployment is paused.
pub const PAUSED: &str = "DeploymentPaused";
/// The Deployment goes on after a pause.
pub const RESUMED: &str = "DeploymentResumed";
/// Nothing got on for too long.
pub const EXCEEDED: &str = protocol::Reason::ProgressDeadlineExceeded.as_str();

/// Seconds without progress after which a rollout has failed, where the Deployment says nothing.
const DEADLINE: i64 = 600;

/// Replicas as a status counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Of the present template.
    pub updated: i32,
    /// Of every template.
    pub total: i32,
    /// Ready.
    pub ready: i32,
    /// Ready for long enough.
    pub available: i32,
}

impl Counts {
    fn got_on_since(self, before: Self) -> bool {
        self.updated > before.updated
            || self.ready > before.ready
            || self.available > before.available
            || self.total - self.updated < before.total - before.updated
    }
}

/// What the last look wrote down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// Reason of the condition; empty when there is none.
    pub reason: String,
    /// When the rollout last got on, in seconds.
    pub since: Option<i64>,
    /// Replicas.
    pub counts: Counts,
    /// ReplicaSet of the present template.
    pub current: Option<String>,
}

/// What this look sees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Replicas.
    pub counts: Counts,
    /// ReplicaSet of the present template.
    pub current: Option<String>,
    /// It was created just now.
    pub created: bool,
    /// Everything is available and of the present template.
    pub rolled_out: bool,
    /// The Deployment is paused.
    pub paused: bool,
    /// The time in seconds.
    pub at: i64,
    /// `progressDeadlineSeconds`.
    pub deadline: Option<i32>,
}

/// The condition to write, and when to look again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Its reason, which decides its status too.
    pub reason: &'static str,
    /// When the rollout last got on.
    pub since: i64,
    /// When the deadline passes, unless something happens.
    pub next_look: Option<Duration>,
}

/// Judges a rollout. It may take `deadline` from one step to the next, not as a whole; a rollout that has failed
/// recovers with its next step; and what was rolled out once does not fail later because a replica does.
pub fn judge(before: &Before, now: &Now) -> Progress {
    let settled = |reason, since| Progress {
        reason,
        since,
        next_look: None,
    };
    let held = before.since.unwrap_or(now.at);
    if now.paused {
        return match before.reason.as_str() {
            EXCEEDED => settled(EXCEEDED, held),
            PAUSED => settled(PAUSED, held),
            _ => settled(PAUSED, now.at),
        };
    }
    if now.rolled_out {
        let since = if before.reason == AVAILABLE {
            held
        } else {
            now.at
        };
        return settled(AVAILABLE, since);
    }
    let (reason, since) = if before.reason == PAUSED {
        (RESUMED, now.at)
    } else if before.reason.is_empty() {
        (if now.created { CREATED } else { UPDATED }, now.at)
    } else if now.current != before.current {
        let reason = match (&now.current, now.created) {
            (Some(_), true) => CREATED,
            (Some(_), false) => FOUND,
            (None, _) => UPDATED,
        };
        (reason, now.at)
    } else if before.reason == AVAILABLE && now.counts.total == now.counts.updated {
        return settled(AVAILABLE, held);
    } else if before.reason == AVAILABLE || now.counts.got_on_since(before.counts) {
        (UPDATED, now.at)
    } else {
        (kept(&before.reason), held)
    };
    let deadline = now.deadline.map_or(DEADLINE, i64::from);
    let left = since.saturating_add(deadline).saturating_sub(now.at);
    match u64::try_from(left) {
        Ok(left) if left > 0 => Progress {
            reason,
            since,
            next_look: Some(Duration::from_secs(left)),
        },
        _ => settled(EXCEEDED, since),
    }
}

/// The reason of a rollout that neither got on nor ran out of time.
fn kept(reason: &str) -> &'static str {
    match reason {
        CREATED => CREATED,
        FOUND => FOUND,
        RESUMED => RESUMED,
        _ => UPDATED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(updated: i32, total: i32, available: i32) -> Counts {
        Counts {
            updated,
            total,
            ready: available,
            available,
        }
    }

    fn now(at: i64, counts: Counts) -> Now {
        Now {
            counts,
            current: Some("v2".into()),
            at,
            deadline: Some(10),
            ..Now::default()
        }
    }

    fn before(progress: &Progress, now: &Now) -> Before {
        Before {
            reason: progress.reason.into(),
            since: Some(progress.since),
            counts: now.counts,
            current: now.current.clone(),
        }
    }

    /// Judges look after look, each on what the one before wrote.
    fn story(looks: &[Now]) -> Vec<(&'static str, i64, Option<u64>)> {
        let mut held = Before::default();
        looks
            .iter()
            .map(|now| {
                let progress = judge(&held, now);
                held = before(&progress, now);
                (
                    progress.reason,
                    progress.since,
                    progress.next_look.map(|d| d.as_secs()),
                )
            })
            .collect()
    }

    #[test]
    fn each_step_starts_the_clock_anew_and_a_failed_rollout_recovers() {
        let created = Now {
            created: true,
            ..now(100, counts(0, 3, 3))
        };
        let done = Now {
            rolled_out: true,
            ..now(140, counts(3, 3, 3))
        };
        assert_eq!(
            story(&[
                created,
                now(105, counts(0, 3, 3)),
                now(108, counts(1, 4, 3)),
                now(118, counts(1, 4, 3)),
                now(130, counts(1, 4, 3)),
                now(131, counts(1, 4, 4)),
                done,
            ]),
            [
                (CREATED, 100, Some(10)),
                (CREATED, 100, Some(5)),
                (UPDATED, 108, Some(10)),
                (EXCEEDED, 108, None),
                (EXCEEDED, 108, None),
                (UPDATED, 131, Some(10)),
                (AVAILABLE, 140, None),
            ]
        );
    }

    #[test]
    fn what_was_rolled_out_does_not_fail_later() {
        let done = Now {
            rolled_out: true,
            ..now(100, counts(3, 3, 3))
        };
        let later = now(900, counts(3, 3, 2));
        let scaled = now(950, counts(5, 5, 2));
        assert_eq!(
            story(&[done, later, scaled]),
            [
                (AVAILABLE, 100, None),
                (AVAILABLE, 100, None),
                (AVAILABLE, 100, None)
            ]
        );
    }

    #[test]
    fn a_new_template_and_a_return_to_an_old_one_start_the_clock() {
        let done = Now {
            rolled_out: true,
            ..now(100, counts(3, 3, 3))
        };
        let next = Now {
            current: Some("v3".into()),
            created: true,
            ..now(200, counts(0, 3, 3))
        };
        let back = now(300, counts(3, 4, 3));
        assert_eq!(
            story(&[done, next, back]),
            [
                (AVAILABLE, 100, None),
                (CREATED, 200, Some(10)),
                (FOUND, 300, Some(10))
            ]
        );
    }

    #[test]
    fn a_pause_stops_the_clock_and_hides_no_failure() {
        let paused = |at| Now {
            paused: true,
            ..now(at, counts(1, 4, 3))
        };
        assert_eq!(
            story(&[
                now(100, counts(1, 4, 3)),
                paused(105),
                paused(500),
                now(600, counts(1, 4, 3)),
                now(610, counts(1, 4, 3)),
                paused(620)
            ]),
            [
                (UPDATED, 100, Some(10)),
                (PAUSED, 105, None),
                (PAUSED, 105, None),
                (RESUMED, 600, Some(10)),
                (EXCEEDED, 600, None),
                (EXCEEDED, 600, None),
            ]
        );
    }

    #[test]
    fn the_default_is_ten_minutes_and_a_longer_deadline_helps_at_once() {
        let silent = Now {
            deadline: None,
            ..now(100, counts(0, 1, 0))
        };
        assert_eq!(story(&[silent])[0].2, Some(600));
        let short = now(100, counts(0, 1, 0));
        let longer = Now {
            deadline: Some(60),
            ..now(120, counts(0, 1, 0))
        };
        let over = now(115, counts(0, 1, 0));
        assert_eq!(
            story(&[short, over, longer]),
            [
                (UPDATED, 100, Some(10)),
                (EXCEEDED, 100, None),
                (UPDATED, 100, Some(40))
            ]
        );
    }
}
