//! Every host that is known, as last heard. Kept in memory: the API server is not told of every heartbeat.

use super::host::{Announced, Beat, HostView, OwnedOffer};
use crate::core::liveness::{Life, Policy, newly_lost};
use jiff::Timestamp;
use parking_lot::RwLock;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a heartbeat changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A host that was not known or was lost: it can take workloads.
    Arrived,
    /// What placement depends on.
    Changed,
    /// Load only.
    Same,
}

/// Whether a host can be counted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Known and not lost.
    Alive,
    /// Found lost, or never heard of although we have listened for long enough.
    Lost,
    /// Not heard of yet.
    Unknown,
}

/// The known hosts.
#[derive(Debug)]
pub struct Fleet {
    policy: Policy,
    held: RwLock<Held>,
}

#[derive(Debug)]
struct Held {
    hosts: HashMap<String, Arc<HostView>>,
    /// Announcements of hosts that have not sent a heartbeat yet.
    early: HashMap<String, Announced>,
    connected_since: Option<Instant>,
}

impl Fleet {
    /// No hosts; the bus is not connected yet.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            held: RwLock::new(Held {
                hosts: HashMap::new(),
                early: HashMap::new(),
                connected_since: None,
            }),
        }
    }

    /// The bus connection came up or went down.
    pub fn connection(&self, up: bool, now: Instant) {
        let mut held = self.held.write();
        held.connected_since = match (up, held.connected_since) {
            (true, Some(since)) => Some(since),
            (true, None) => Some(now),
            (false, _) => None,
        };
    }

    /// A host that has an object but was not heard yet: it gets a full window.
    pub fn expect(&self, beat: Beat, now: Instant) {
        let mut held = self.held.write();
        held.hosts.entry(beat.id.clone()).or_insert_with(|| {
            Arc::new(HostView {
                beat,
                announced: None,
                heard: false,
                last_seen: now,
                last_seen_at: Timestamp::now(),
                lost_since: None,
                no_responders: 0,
            })
        });
    }

    /// A heartbeat. Another id under the same name is a process that was replaced by this one; it is lost at
    /// once, and returned.
    pub fn heard(&self, beat: Beat, now: Instant) -> (Heard, Vec<String>) {
        let mut held = self.held.write();
        let replaced: Vec<String> = held
            .hosts
            .values()
            .filter(|h| h.beat.name == beat.name && h.beat.id != beat.id && h.lost_since.is_none())
            .filter(|h| h.beat.started_at <= beat.started_at)
            .map(|h| h.beat.id.clone())
            .collect();
        for id in &replaced {
            if let Some(host) = held.hosts.get_mut(id) {
                Arc::make_mut(host).lost_since = Some(now);
            }
        }
        let old = held.hosts.get(&beat.id).cloned();
        let change = match &old {
            None => Heard::Arrived,
            Some(old) if old.lost_since.is_some() || !old.heard => Heard::Arrived,
            Some(old) if placement_part(&old.beat) != placement_part(&beat) => Heard::Changed,
            Some(_) => Heard::Same,
        };
        let early = held.early.remove(&beat.id);
        let view = HostView {
            announced: old.and_then(|o| o.announced.clone()).or(early),
            heard: true,
            last_seen: now,
            last_seen_at: Timestamp::now(),
            lost_since: None,
            no_responders: 0,
            beat,
        };
        held.hosts.insert(view.beat.id.clone(), Arc::new(view));
        (change, replaced)
    }

    /// An announcement; returns whether more than load differs. One of a host without heartbeat waits for it.
    pub fn announced(&self, id: &str, announced: Announced) -> bool {
        let mut held = self.held.write();
        let Some(host) = held.hosts.get_mut(id) else {
            held.early.insert(id.to_owned(), announced);
            return false;
        };
        let same = host
            .announced
            .as_ref()
            .is_some_and(|held| held.same_but_load(&announced));
        Arc::make_mut(host).announced = Some(announced);
        !same
    }

    /// Nobody was there to answer a probe.
    pub fn refused(&self, id: &str) {
        if let Some(host) = self.held.write().hosts.get_mut(id) {
            let host = Arc::make_mut(host);
            host.no_responders = host.no_responders.saturating_add(1);
        }
    }

    /// A host said goodbye.
    pub fn left(&self, id: &str, now: Instant) {
        if let Some(host) = self.held.write().hosts.get_mut(id) {
            Arc::make_mut(host).lost_since.get_or_insert(now);
        }
    }

    /// Judges every host; returns those that are lost from now on.
    pub fn judge(&self, now: Instant) -> Vec<String> {
        let mut held = self.held.write();
        let hosts: Vec<Arc<HostView>> = held.hosts.values().cloned().collect();
        let lives: Vec<Life<'_>> = hosts
            .iter()
            .map(|h| Life {
                id: &h.beat.id,
                last_seen: h.last_seen,
                no_responders: h.no_responders,
                lost_since: h.lost_since,
            })
            .collect();
        let lost: Vec<String> = newly_lost(now, held.connected_since, &self.policy, &lives)
            .into_iter()
            .map(ToOwned::to_owned)
            .collect();
        for id in &lost {
            if let Some(host) = held.hosts.get_mut(id) {
                Arc::make_mut(host).lost_since = Some(now);
            }
        }
        lost
    }

    /// Whether a host can be counted on.
    pub fn standing(&self, id: &str, now: Instant) -> Standing {
        let held = self.held.read();
        match held.hosts.get(id) {
            Some(host) if host.lost_since.is_some() => Standing::Lost,
            Some(_) => Standing::Alive,
            None => {
                let settled = held.connected_since.is_some_and(|since| {
                    now.saturating_duration_since(since) >= self.policy.window
                });
                if settled {
                    Standing::Lost
                } else {
                    Standing::Unknown
                }
            }
        }
    }

    /// A host by id.
    pub fn get(&self, id: &str) -> Option<Arc<HostView>> {
        self.held.read().hosts.get(id).cloned()
    }

    /// The host that an object of this name stands for: of several ids, the one heard last.
    pub fn named(&self, name: &str) -> Option<Arc<HostView>> {
        let held = self.held.read();
        held.hosts
            .values()
            .filter(|h| h.beat.name == name)
            .max_by_key(|h| (h.lost_since.is_none(), h.last_seen))
            .cloned()
    }

    /// Every host.
    pub fn all(&self) -> Vec<Arc<HostView>> {
        self.held.read().hosts.values().cloned().collect()
    }

    /// Hosts that were not heard for this long.
    pub fn silent(&self, now: Instant, silence: Duration) -> Vec<String> {
        let held = self.held.read();
        held.hosts
            .values()
            .filter(|h| h.lost_since.is_none())
            .filter(|h| {
                now.saturating_duration_since(h.last_seen) >= silence || h.no_responders > 0
            })
            .map(|h| h.beat.id.clone())
            .collect()
    }

    /// A host that is of no interest any more.
    pub fn forget(&self, id: &str) {
        let mut held = self.held.write();
        held.hosts.remove(id);
        held.early.remove(id);
    }
}

fn placement_part(
    beat: &Beat,
) -> (
    &str,
    &str,
    &str,
    i32,
    &BTreeMap<String, String>,
    &[OwnedOffer],
) {
    (
        &beat.name,
        &beat.hostname,
        &beat.environment,
        beat.http_port,
        &beat.labels,
        &beat.offers,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beat(id: &str, name: &str, started: &str) -> Beat {
        Beat {
            id: id.into(),
            name: name.into(),
            started_at: Some(started.parse().unwrap()),
            ..Beat::default()
        }
    }

    #[test]
    fn a_restarted_process_replaces_its_former_self_at_once() {
        let fleet = Fleet::new(Policy::default());
        let now = Instant::now();
        fleet.connection(true, now);
        assert_eq!(
            fleet.heard(beat("old", "n", "2026-11-21T00:00:00Z"), now).0,
            Heard::Arrived
        );
        assert_eq!(
            fleet.heard(beat("old", "n", "2026-11-21T00:00:00Z"), now).0,
            Heard::Same
        );
        let (heard, replaced) = fleet.heard(beat("new", "n", "2026-11-21T00:00:05Z"), now);
        assert_eq!((heard, replaced), (Heard::Arrived, vec!["old".to_owned()]));
        assert_eq!(fleet.standing("old", now), Standing::Lost);
        assert_eq!(fleet.named("n").unwrap().beat.id, "new");
    }

    #[test]
    fn a_stranger_is_unknown_until_we_have_listened_long_enough() {
        let fleet = Fleet::new(Policy::default());
        let start = Instant::now();
        fleet.connection(true, start);
        assert_eq!(fleet.standing("x", start), Standing::Unknown);
        assert_eq!(
            fleet.standing("x", start + Duration::from_secs(45)),
            Standing::Lost
        );
        fleet.connection(false, start);
        assert_eq!(
            fleet.standing("x", start + Duration::from_secs(45)),
            Standing::Unknown
        );
    }

    #[test]
    fn load_alone_is_no_news() {
        let fleet = Fleet::new(Policy::default());
        let now = Instant::now();
        let early = Announced {
            protocol: 1,
            ..Announced::default()
        };
        assert!(
            !fleet.announced("a", early.clone()),
            "its heartbeat brings the news"
        );
        fleet.heard(beat("a", "a", "2026-11-21T00:00:00Z"), now);
        assert_eq!(fleet.get("a").unwrap().announced.as_ref(), Some(&early));
        let busy = Announced {
            allocated_instances: Some(7),
            ..early
        };
        assert!(!fleet.announced("a", busy.clone()));
        assert_eq!(
            fleet
                .get("a")
                .unwrap()
                .announced
                .as_ref()
                .unwrap()
                .allocated_instances,
            Some(7)
        );
        assert!(fleet.announced(
            "a",
            Announced {
                draining: true,
                ..busy
            }
        ));
    }

    #[test]
    fn an_expected_host_gets_a_full_window_and_then_is_lost() {
        let fleet = Fleet::new(Policy::default());
        let start = Instant::now();
        fleet.connection(true, start);
        fleet.expect(beat("a", "a", "2026-11-21T00:00:00Z"), start);
        assert_eq!(fleet.standing("a", start), Standing::Alive);
        assert!(fleet.judge(start + Duration::from_secs(44)).is_empty());
        assert_eq!(fleet.judge(start + Duration::from_secs(45)), ["a"]);
        assert_eq!(
            fleet.heard(beat("a", "a", "2026-11-21T00:00:00Z"), start).0,
            Heard::Arrived
        );
    }
}
