//! Which hosts are lost. Another's silence is judged only while our own hearing is good, and never that of too
//! many hosts at once: a judgement that would fell the fleet says more about the judge.

use std::time::{Duration, Instant};

/// When a host counts as lost.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Silence after which a host is lost.
    pub window: Duration,
    /// Answers of "no responders" in a row that make a host lost at once.
    pub no_responders: u32,
    /// Share of the hosts that may be lost within one window; at least one always may.
    pub max_share: f64,
}

impl Default for Policy {
    /// Three heartbeats of 15 s; two refusals; half of the hosts.
    fn default() -> Self {
        Self {
            window: Duration::from_secs(45),
            no_responders: 2,
            max_share: 0.5,
        }
    }
}

/// What is known of a host's life.
#[derive(Clone, Copy, Debug)]
pub struct Life<'a> {
    /// Host id.
    pub id: &'a str,
    /// When it was last heard, or when we began to listen for it.
    pub last_seen: Instant,
    /// Probes in a row that nobody was there to answer.
    pub no_responders: u32,
    /// When it was found lost, if it was.
    pub lost_since: Option<Instant>,
}

/// Hosts to mark as lost now, those silent the longest first. `connected_since` is when our bus connection last
/// came up; `None` while it is down.
pub fn newly_lost<'a>(
    now: Instant,
    connected_since: Option<Instant>,
    policy: &Policy,
    hosts: &[Life<'a>],
) -> Vec<&'a str> {
    let Some(connected_since) = connected_since else {
        return Vec::new();
    };
    let settled = now.saturating_duration_since(connected_since) >= policy.window;
    let mut silent: Vec<&Life<'a>> = hosts
        .iter()
        .filter(|host| host.lost_since.is_none())
        .filter(|host| {
            // A refusal means something only from a host that was there since our connection came up: others
            // may still be on their way back to the same server.
            let refused = host.no_responders >= policy.no_responders
                && (settled || host.last_seen > connected_since);
            let missed = settled && now.saturating_duration_since(host.last_seen) >= policy.window;
            refused || missed
        })
        .collect();
    let recent = hosts
        .iter()
        .filter(|h| {
            h.lost_since
                .is_some_and(|at| now.saturating_duration_since(at) < policy.window)
        })
        .count();
    let living = hosts.iter().filter(|h| h.lost_since.is_none()).count();
    let share = ((living + recent) as f64 * policy.max_share).floor() as usize;
    silent.sort_by_key(|host| (host.last_seen, host.id));
    silent
        .iter()
        .take(share.max(1).saturating_sub(recent))
        .map(|host| host.id)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy {
        window: Duration::from_secs(45),
        no_responders: 2,
        max_share: 0.5,
    };

    struct Scene {
        start: Instant,
    }

    impl Scene {
        fn new() -> Self {
            Self {
                start: Instant::now(),
            }
        }

        fn at(&self, seconds: u64) -> Instant {
            self.start + Duration::from_secs(seconds)
        }

        fn host(&self, id: &'static str, seen: u64, no_responders: u32) -> Life<'static> {
            Life {
                id,
                last_seen: self.at(seen),
                no_responders,
                lost_since: None,
            }
        }
    }

    #[test]
    fn two_refusals_are_enough_three_missed_heartbeats_at_the_latest() {
        let scene = Scene::new();
        let lost =
            |hosts: &[Life<'static>]| newly_lost(scene.at(100), Some(scene.at(1)), &POLICY, hosts);
        assert_eq!(
            lost(&[scene.host("a", 95, 2), scene.host("b", 95, 1)]),
            ["a"]
        );
        assert_eq!(
            lost(&[scene.host("a", 55, 0), scene.host("b", 56, 0)]),
            ["a"]
        );
    }

    #[test]
    fn nothing_is_judged_while_our_own_bus_is_down_or_freshly_back() {
        let scene = Scene::new();
        let hosts = [scene.host("a", 0, 9)];
        assert!(newly_lost(scene.at(1000), None, &POLICY, &hosts).is_empty());
        assert!(newly_lost(scene.at(1000), Some(scene.at(960)), &POLICY, &hosts).is_empty());
        assert_eq!(
            newly_lost(scene.at(1005), Some(scene.at(960)), &POLICY, &hosts),
            ["a"]
        );
    }

    #[test]
    fn a_host_heard_since_the_connection_came_up_can_be_refused_at_once() {
        let scene = Scene::new();
        let hosts = [scene.host("a", 3, 2)];
        assert_eq!(
            newly_lost(scene.at(5), Some(scene.at(1)), &POLICY, &hosts),
            ["a"]
        );
    }

    #[test]
    fn no_more_than_the_share_is_lost_within_a_window_but_always_one() {
        let scene = Scene::new();
        let mut hosts = [
            scene.host("a", 1, 0),
            scene.host("b", 2, 0),
            scene.host("c", 3, 0),
            scene.host("d", 4, 0),
        ];
        let now = scene.at(200);
        assert_eq!(
            newly_lost(now, Some(scene.at(0)), &POLICY, &hosts),
            ["a", "b"]
        );
        hosts[0].lost_since = Some(scene.at(190));
        hosts[1].lost_since = Some(scene.at(190));
        assert!(newly_lost(now, Some(scene.at(0)), &POLICY, &hosts).is_empty());
        let later = scene.at(240);
        assert_eq!(newly_lost(later, Some(scene.at(0)), &POLICY, &hosts), ["c"]);
        assert_eq!(
            newly_lost(now, Some(scene.at(0)), &POLICY, &[scene.host("only", 1, 0)]),
            ["only"]
        );
    }
}
