//! What is promised of each host, kept as placements come and go, so that the next one need not count. A placement
//! counts from the moment a host is chosen: the cache shows it later.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

/// What one workload takes of its host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Host id.
    pub host: String,
    /// Uid of the ReplicaSet.
    pub owner: Option<String>,
    /// Bytes, as far as limits are given.
    pub memory: u64,
    /// Instances that are kept.
    pub instances: u64,
    /// Images that it runs.
    pub images: Vec<String>,
    /// Ports of its own.
    pub ports: BTreeSet<u16>,
    /// Namespace and name of the Deployment, or of the Workload: replicas of one share a port.
    pub tenant: String,
}

/// What is promised of one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Workloads.
    pub workloads: usize,
    /// Bytes.
    pub memory: u64,
    /// Instances.
    pub instances: u64,
    owners: HashMap<String, usize>,
    images: HashMap<String, usize>,
    ports: HashMap<(u16, String), usize>,
}

impl Load {
    /// Workloads of this ReplicaSet.
    pub fn siblings(&self, owner: &str) -> usize {
        self.owners.get(owner).copied().unwrap_or_default()
    }

    /// A port of those asked for that somebody else has.
    pub fn port_taken(&self, asked: &BTreeSet<u16>, tenant: &str) -> Option<u16> {
        if asked.is_empty() {
            return None;
        }
        let mut others = self.ports.keys().filter(|(_, holder)| holder != tenant);
        others
            .find(|(port, _)| asked.contains(port))
            .map(|(port, _)| *port)
    }

    /// Whether workloads there run all of these images.
    pub fn has_images(&self, images: &[String]) -> bool {
        !images.is_empty() && images.iter().all(|image| self.images.contains_key(image))
    }
}

/// Every promise.
#[derive(Debug, Default)]
pub struct Ledger {
    /// By workload uid; true while only assumed.
    shares: HashMap<String, (Share, bool)>,
    hosts: HashMap<String, Load>,
}

impl Ledger {
    /// A host was chosen.
    pub fn assume(&mut self, uid: &str, share: Share) {
        self.put(uid, Some((share, true)));
    }

    /// What the cache shows of a workload. One that is not placed there yet keeps what was assumed.
    pub fn seen(&mut self, uid: &str, share: Option<Share>) {
        match share {
            Some(share) => self.put(uid, Some((share, false))),
            None if self.assumed(uid).is_some() => {}
            None => self.put(uid, None),
        }
    }

    /// What was assumed will not come true.
    pub fn withdraw(&mut self, uid: &str) {
        if self.assumed(uid).is_some() {
            self.put(uid, None);
        }
    }

    /// The workload is gone.
    pub fn forget(&mut self, uid: &str) {
        self.put(uid, None);
    }

    /// The host that was chosen, while the cache does not show it.
    pub fn assumed(&self, uid: &str) -> Option<&str> {
        match self.shares.get(uid) {
            Some((share, true)) => Some(&share.host),
            _ => None,
        }
    }

    /// What is promised of a host; `None` when nothing is.
    pub fn load(&self, host: &str) -> Option<&Load> {
        self.hosts.get(host)
    }

    fn put(&mut self, uid: &str, share: Option<(Share, bool)>) {
        let old = match share {
            Some(share) => {
                self.add(&share.0);
                self.shares.insert(uid.to_owned(), share)
            }
            None => self.shares.remove(uid),
        };
        if let Some((old, _)) = old {
            self.subtract(&old);
        }
    }

    fn add(&mut self, share: &Share) {
        let load = self.hosts.entry(share.host.clone()).or_default();
        load.workloads += 1;
        load.memory = load.memory.saturating_add(share.memory);
        load.instances = load.instances.saturating_add(share.instances);
        if let Some(owner) = &share.owner {
            *load.owners.entry(owner.clone()).or_default() += 1;
        }
        for image in &share.images {
            *load.images.entry(image.clone()).or_default() += 1;
        }
        for port in &share.ports {
            let key = (*port, share.tenant.clone());
            *load.ports.entry(key).or_default() += 1;
        }
    }

    fn subtract(&mut self, share: &Share) {
        let Some(load) = self.hosts.get_mut(&share.host) else {
            return;
        };
        load.workloads -= 1;
        load.memory = load.memory.saturating_sub(share.memory);
        load.instances = load.instances.saturating_sub(share.instances);
        if let Some(owner) = &share.owner {
            less(&mut load.owners, owner);
        }
        for image in &share.images {
            less(&mut load.images, image);
        }
        for port in &share.ports {
            less(&mut load.ports, &(*port, share.tenant.clone()));
        }
        if load.workloads == 0 {
            self.hosts.remove(&share.host);
        }
    }
}

fn less<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn share(host: &str, owner: &str) -> Share {
        Share {
            host: host.into(),
            owner: Some(owner.into()),
            memory: 5,
            instances: 1,
            images: vec![format!("image-of-{owner}")],
            ..Share::default()
        }
    }

    #[test]
    fn a_port_is_shared_by_one_deployment_s_replicas_only() {
        let share = |tenant: &str| Share {
            host: "h".into(),
            tenant: tenant.into(),
            ports: BTreeSet::from([8080]),
            ..Share::default()
        };
        let asked = BTreeSet::from([8080, 9090]);
        let mut ledger = Ledger::default();
        ledger.assume("1", share("n/a"));
        ledger.seen("2", Some(share("n/a")));
        assert_eq!(ledger.load("h").unwrap().port_taken(&asked, "n/a"), None);
        assert_eq!(
            ledger.load("h").unwrap().port_taken(&asked, "n/b"),
            Some(8080)
        );
        assert_eq!(
            ledger
                .load("h")
                .unwrap()
                .port_taken(&BTreeSet::from([1]), "n/b"),
            None
        );
        ledger.forget("1");
        assert_eq!(
            ledger.load("h").unwrap().port_taken(&asked, "n/b"),
            Some(8080)
        );
        ledger.forget("2");
        assert_eq!(ledger.load("h"), None);
    }

    #[test]
    fn a_choice_counts_until_the_cache_shows_it_or_it_is_withdrawn() {
        let mut ledger = Ledger::default();
        ledger.assume("a", share("h", "rs"));
        ledger.seen("a", None);
        assert_eq!(ledger.load("h").unwrap().siblings("rs"), 1);
        assert_eq!(ledger.assumed("a"), Some("h"));
        ledger.seen("a", Some(share("h", "rs")));
        assert_eq!(ledger.assumed("a"), None);
        ledger.withdraw("a");
        assert_eq!(
            ledger.load("h").unwrap().workloads,
            1,
            "it is no assumption"
        );
        ledger.seen("a", None);
        assert_eq!(ledger.load("h"), None);
        ledger.assume("a", share("h", "rs"));
        ledger.withdraw("a");
        assert_eq!(ledger.load("h"), None);
    }

    #[test]
    fn images_are_known_where_something_runs_them() {
        let mut ledger = Ledger::default();
        ledger.seen("a", Some(share("h", "x")));
        let load = ledger.load("h").unwrap();
        assert!(load.has_images(&["image-of-x".into()]));
        assert!(!load.has_images(&["image-of-x".into(), "other".into()]));
        assert!(!load.has_images(&[]));
    }

    proptest! {
        /// Whatever happens in whatever order, the sums are those of a fresh count.
        #[test]
        fn the_sums_are_always_right(steps in proptest::collection::vec((0_u8..6, 0_u8..3, 0_u8..2, 0_u8..5), 0..60)) {
            let mut ledger = Ledger::default();
            for (workload, host, owner, what) in steps {
                let (uid, share) = (workload.to_string(), share(&host.to_string(), &owner.to_string()));
                match what {
                    0 => ledger.assume(&uid, share),
                    1 => ledger.seen(&uid, Some(share)),
                    2 => ledger.seen(&uid, None),
                    3 => ledger.withdraw(&uid),
                    _ => ledger.forget(&uid),
                }
            }
            let mut fresh = Ledger::default();
            for (uid, (share, _)) in &ledger.shares {
                fresh.seen(uid, Some(share.clone()));
            }
            prop_assert_eq!(&ledger.hosts, &fresh.hosts);
        }
    }
}
