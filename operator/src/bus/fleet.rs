//! Every host that is known, as last heard. Kept in memory: the API server is not told of every heartbeat.

use super::host::{Announced, Beat, HostView};
use crate::core::liveness::{Life, Policy, newly_lost};
use crate::core::owed::{Owed, Tried};
use crate::core::scheduler::{Offer, Thresholds};
use jiff::Timestamp;
use parking_lot::RwLock;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Refusals within this time are one.
const SAME_MOMENT: Duration = Duration::from_millis(500);

/// What a heartbeat changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A host that was not known or was lost: it can take workloads.
    Arrived,
    /// What placement depends on.
    Changed,
    /// Nothing, but it was silent for a while: what it told meanwhile was not heard.
    Back,
    /// Load only.
    Same,
    /// Another process has taken its name and lives: this one stays lost.
    Superseded,
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
    thresholds: Thresholds,
    held: RwLock<Held>,
}

#[derive(Debug)]
struct Held {
    hosts: HashMap<String, Arc<HostView>>,
    /// Announcements of hosts that have not sent a heartbeat yet.
    early: HashMap<String, Announced>,
    /// Names of cordoned hosts.
    cordoned: HashSet<String>,
    connected_since: Option<Instant>,
}

impl Fleet {
    /// No hosts; the bus is not connected yet.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            thresholds: Thresholds::default(),
            held: RwLock::new(Held {
                hosts: HashMap::new(),
                early: HashMap::new(),
                cordoned: HashSet::new(),
                connected_since: None,
            }),
        }
    }

    /// Hosts whose machine is busier than this take no new work.
    #[must_use]
    pub fn with_thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = thresholds;
        self
    }

    /// Whether the host of this name is cordoned; returns whether that is news.
    pub fn cordon(&self, name: &str, cordoned: bool) -> bool {
        let mut held = self.held.write();
        let news = if cordoned {
            held.cordoned.insert(name.to_owned())
        } else {
            held.cordoned.remove(name)
        };
        if news {
            for host in held.hosts.values_mut().filter(|h| h.beat.name == name) {
                Arc::make_mut(host).cordoned = cordoned;
            }
        }
        news
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
    pub fn expect(&self, beat: Beat, owed: Vec<Owed>, now: Instant) {
        let mut held = self.held.write();
        if let Some(heard) = held.hosts.get_mut(&beat.id) {
            Arc::make_mut(heard).owed.extend(owed);
            return;
        }
        let cordoned = held.cordoned.contains(&beat.name);
        held.hosts.entry(beat.id.clone()).or_insert_with(|| {
            Arc::new(HostView {
                cordoned,
                strain: None,
                offers: Arc::from([]),
                beat,
                announced: None,
                heard: false,
                last_seen: now,
                last_seen_at: Timestamp::now(),
                lost_since: None,
                left: None,
                leaving: false,
                superseded_by: None,
                owed,
                no_responders: 0,
                refused_at: None,
            })
        });
    }

    /// A heartbeat. Another id under the same name is a process that was replaced by this one, and so is one at the
    /// same port of the same Pod; it is lost at once, and returned. A word that a host sent before its goodbye does not bring it back.
    pub fn heard(&self, beat: Beat, in_pod: bool, now: Instant) -> (Heard, Vec<String>) {
        let mut held = self.held.write();
        let old = held.hosts.get(&beat.id).cloned();
        if old
            .as_ref()
            .is_some_and(|old| old.left.is_some() && beat.started_at <= old.beat.started_at)
        {
            return (Heard::Same, Vec::new());
        }
        let superseded = old
            .as_ref()
            .and_then(|old| held.hosts.get(old.superseded_by.as_ref()?));
        if superseded
            .is_some_and(|by| by.lost_since.is_none() && beat.started_at <= by.beat.started_at)
        {
            return (Heard::Superseded, Vec::new());
        }
        let younger_lives = held.hosts.values().any(|h| {
            h.beat.name == beat.name
                && h.beat.id != beat.id
                && h.heard
                && h.lost_since.is_none()
                && h.beat.started_at > beat.started_at
        });
        if younger_lives && beat.started_at.is_some() {
            return (Heard::Superseded, Vec::new());
        }
        // Of two that do not say which is older, the one heard of later is the younger.
        let is_new = old.as_ref().is_none_or(|old| !old.heard);
        let younger = |than: &Beat| {
            than.started_at < beat.started_at || (is_new && than.started_at == beat.started_at)
        };
        let replaced: Vec<String> = held
            .hosts
            .values()
            .filter(|h| h.beat.id != beat.id && h.lost_since.is_none())
            .filter(|h| h.beat.name == beat.name || (in_pod && same_place(&h.beat, &beat)))
            .filter(|h| younger(&h.beat))
            .map(|h| h.beat.id.clone())
            .collect();
        for id in &replaced {
            if let Some(host) = held.hosts.get_mut(id) {
                let host = Arc::make_mut(host);
                host.lost_since = Some(now);
                host.superseded_by = Some(beat.id.clone());
            }
        }
        let strain = self
            .thresholds
            .strain(beat.cpu_usage, beat.memory_total, beat.memory_free);
        let change = match &old {
            None => Heard::Arrived,
            Some(old) if old.lost_since.is_some() || !old.heard => Heard::Arrived,
            Some(old)
                if placement_part(&old.beat) != placement_part(&beat) || old.strain != strain =>
            {
                Heard::Changed
            }
            Some(old) if now.saturating_duration_since(old.last_seen) > self.policy.window / 2 => {
                Heard::Back
            }
            Some(_) => Heard::Same,
        };
        let early = held.early.remove(&beat.id);
        let mut view = HostView {
            cordoned: held.cordoned.contains(&beat.name),
            strain,
            offers: old
                .as_ref()
                .map_or_else(|| Arc::from([]), |o| o.offers.clone()),
            announced: old.as_ref().and_then(|o| o.announced.clone()).or(early),
            heard: true,
            last_seen: now,
            last_seen_at: Timestamp::now(),
            lost_since: None,
            left: None,
            leaving: old.as_ref().is_some_and(|o| o.leaving),
            superseded_by: None,
            owed: old.map(|o| o.owed.clone()).unwrap_or_default(),
            no_responders: 0,
            refused_at: None,
            beat,
        };
        if matches!(change, Heard::Arrived | Heard::Changed) {
            view.gather_offers();
        }
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
        let host = Arc::make_mut(host);
        host.announced = Some(announced);
        if !same {
            host.gather_offers();
        }
        !same
    }

    /// Nobody was there to answer a command. Several at about the same time count as one: they met the same moment.
    pub fn refused(&self, id: &str, now: Instant) {
        if let Some(host) = self.held.write().hosts.get_mut(id) {
            let fresh = host
                .refused_at
                .is_some_and(|at| now.saturating_duration_since(at) < SAME_MOMENT);
            if !fresh {
                let host = Arc::make_mut(host);
                host.no_responders = host.no_responders.saturating_add(1);
                host.refused_at = Some(now);
            }
        }
    }

    /// A host has left for good; false when that is no news.
    pub fn left(&self, id: &str, how: &'static str, now: Instant) -> bool {
        let mut held = self.held.write();
        let Some(host) = held.hosts.get_mut(id) else {
            return false;
        };
        let news = host.lost_since.is_none();
        let host = Arc::make_mut(host);
        host.lost_since.get_or_insert(now);
        host.left = Some(how);
        news
    }

    /// Whether a host's Pod is being stopped; returns whether that is news.
    pub fn leaving(&self, id: &str, leaving: bool) -> bool {
        let mut held = self.held.write();
        let Some(host) = held.hosts.get_mut(id).filter(|h| h.leaving != leaving) else {
            return false;
        };
        Arc::make_mut(host).leaving = leaving;
        true
    }

    /// A host that cannot list what it has did not take a stop, or has to be told again. Returns since when it is owed;
    /// nothing when nobody knows the host.
    pub fn owe(&self, id: &str, owed: Owed) -> Option<Instant> {
        let mut held = self.held.write();
        let host = Arc::make_mut(held.hosts.get_mut(id)?);
        let known = host.owed.iter_mut().find(|held| held.stop == owed.stop);
        if let Some(known) = known {
            known.merge(&owed);
            return Some(known.since);
        }
        let since = owed.since;
        host.owed.push(owed);
        Some(since)
    }

    /// Stops that a host is owed.
    pub fn owed(&self, id: &str) -> Vec<Owed> {
        let held = self.held.read();
        held.hosts.get(id).map_or_else(Vec::new, |h| h.owed.clone())
    }

    /// What came of trying to pay; whether it is paid.
    pub fn tried(&self, id: &str, workload: &str, what: Tried, now: Instant) -> bool {
        let mut held = self.held.write();
        let Some(host) = held.hosts.get_mut(id) else {
            return true;
        };
        let mut left = false;
        Arc::make_mut(host).owed.retain_mut(|owed| {
            let stays = owed.stop.workload_id == workload && !owed.tried(what, now);
            left |= stays;
            stays || owed.stop.workload_id != workload
        });
        !left
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

    /// Ids of the hosts that are about to stop and have not left yet.
    pub fn draining(&self) -> HashSet<String> {
        let held = self.held.read();
        held.hosts
            .values()
            .filter(|h| h.lost_since.is_none())
            .filter(|h| h.draining())
            .map(|h| h.beat.id.clone())
            .collect()
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

/// Two processes cannot listen at one port of one address.
fn same_place(one: &Beat, other: &Beat) -> bool {
    one.http_port > 0
        && !one.hostname.is_empty()
        && (one.http_port, &one.hostname) == (other.http_port, &other.hostname)
}

fn placement_part(beat: &Beat) -> (&str, &str, &str, i32, &BTreeMap<String, String>, &[Offer]) {
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
mod tests;
