//! Which replicas of a ReplicaSet to create and which to delete.

use super::names;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// A Workload of the ReplicaSet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// Name.
    pub name: String,
    /// Uid; deletion carries it.
    pub uid: String,
    /// Deletion was asked for.
    pub terminating: bool,
    /// Made from the ReplicaSet's present template.
    pub current: bool,
    /// Ready.
    pub ready: bool,
    /// Its host is lost: it counts for nothing and goes.
    pub lost: bool,
    /// Its host is about to stop: it serves until another does in its place.
    pub leaving: bool,
    /// Host it is placed on.
    pub host: Option<String>,
    /// Creation time in seconds, to tell young from old.
    pub created: i64,
}

/// What to do now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Ordinals to create.
    pub create: Vec<u32>,
    /// (name, uid) to delete.
    pub delete: Vec<(String, String)>,
}

/// The plan that leads to `desired` replicas.
///
/// A terminating replica counts for nothing but keeps its ordinal, as does a stranger of that name. Not ready
/// ones go before ready ones, then those on the most crowded host, then the youngest.
pub fn plan(
    replica_set: &str,
    desired: usize,
    replicas: &[Replica],
    taken: &BTreeSet<u32>,
) -> Plan {
    let mut plan = Plan::default();
    let (counted, gone): (Vec<&Replica>, Vec<&Replica>) = replicas
        .iter()
        .filter(|r| !r.terminating)
        .partition(|r| r.current && !r.lost);
    let (mut leaving, live): (Vec<&Replica>, Vec<&Replica>) =
        counted.into_iter().partition(|r| r.leaving);
    let serving = live.iter().filter(|r| r.ready).count();
    leaving.sort_by_key(|r| (r.ready, Reverse(r.created)));
    let relieved = leaving
        .len()
        .saturating_sub(desired.saturating_sub(serving));
    plan.delete.extend(
        leaving
            .iter()
            .take(relieved)
            .map(|r| (r.name.clone(), r.uid.clone())),
    );
    plan.delete
        .extend(gone.iter().map(|r| (r.name.clone(), r.uid.clone())));
    if live.len() > desired {
        let surplus = victims(&live, live.len() - desired);
        plan.delete
            .extend(surplus.map(|r| (r.name.clone(), r.uid.clone())));
    }
    let mut used: BTreeSet<u32> = replicas
        .iter()
        .filter_map(|r| names::ordinal(replica_set, &r.name))
        .collect();
    used.extend(taken);
    let missing = desired.saturating_sub(live.len());
    plan.create = (0..)
        .filter(|ordinal| !used.contains(ordinal))
        .take(missing)
        .collect();
    plan
}

/// The first so many to go: of each host the first of its own order, hosts in the order of what each would give.
fn victims<'r>(live: &[&'r Replica], surplus: usize) -> impl Iterator<Item = &'r Replica> {
    let mut hosts: BTreeMap<Option<&str>, Vec<&'r Replica>> = BTreeMap::new();
    for replica in live {
        hosts
            .entry(replica.host.as_deref())
            .or_default()
            .push(replica);
    }
    // The next to go is the last of its list.
    for replicas in hosts.values_mut() {
        replicas.sort_unstable_by_key(|r| Reverse((r.ready, Reverse((r.created, &r.name)))));
    }
    let next = |host: Option<&'r str>, replicas: &[&'r Replica]| {
        let neighbours = host.map_or(0, |_| replicas.len());
        let first = replicas.last()?;
        Some((
            first.ready,
            Reverse(neighbours),
            Reverse((first.created, first.name.as_str())),
            host,
        ))
    };
    let mut queue: BTreeSet<_> = hosts
        .iter()
        .filter_map(|(host, replicas)| next(*host, replicas))
        .collect();
    (0..surplus).map_while(move |_| {
        let (.., host) = queue.pop_first()?;
        let replicas = hosts.get_mut(&host)?;
        let victim = replicas.pop()?;
        queue.extend(next(host, replicas));
        Some(victim)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn replica(ordinal: u32) -> Replica {
        Replica {
            name: format!("rs-{ordinal}"),
            uid: format!("uid-{ordinal}"),
            terminating: false,
            current: true,
            ready: true,
            lost: false,
            leaving: false,
            host: Some("h".into()),
            created: 0,
        }
    }

    fn deleted(plan: &Plan) -> Vec<&str> {
        plan.delete.iter().map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn fills_gaps_and_leaves_a_terminating_ordinal_alone() {
        let replicas = [
            replica(0),
            Replica {
                terminating: true,
                ..replica(1)
            },
            replica(3),
        ];
        let plan = plan("rs", 4, &replicas, &BTreeSet::from([4]));
        assert_eq!(plan.create, [2, 5]);
        assert!(plan.delete.is_empty());
    }

    #[test]
    fn replaces_lost_and_outdated_ones() {
        let replicas = [
            Replica {
                lost: true,
                ..replica(0)
            },
            Replica {
                current: false,
                ..replica(1)
            },
            replica(2),
        ];
        let plan = plan("rs", 2, &replicas, &BTreeSet::new());
        assert_eq!(deleted(&plan), ["rs-0", "rs-1"]);
        assert_eq!(plan.create, [3]);
    }

    #[test]
    fn what_leaves_serves_until_its_replacement_does() {
        let leaving = |ordinal| Replica {
            leaving: true,
            ..replica(ordinal)
        };
        let new = |ready| Replica {
            ready,
            ..replica(2)
        };
        let plan = |replicas: &[Replica]| plan("rs", 2, replicas, &BTreeSet::new());
        let first = plan(&[leaving(0), replica(1)]);
        assert_eq!(
            (first.create.as_slice(), deleted(&first).len()),
            (&[2][..], 0)
        );
        let waiting = plan(&[leaving(0), replica(1), new(false)]);
        assert_eq!(waiting, Plan::default());
        let done = plan(&[leaving(0), replica(1), new(true)]);
        assert_eq!((deleted(&done), done.create.len()), (vec!["rs-0"], 0));
        // Scaled down meanwhile: nothing has to wait.
        let less = super::plan("rs", 1, &[leaving(0), replica(1)], &BTreeSet::new());
        assert_eq!((deleted(&less), less.create.len()), (vec!["rs-0"], 0));
    }

    #[test]
    fn unready_goes_first_then_the_crowded_host_then_the_youngest() {
        let on = |ordinal, host: &str, created| Replica {
            host: Some(host.into()),
            created,
            ..replica(ordinal)
        };
        let replicas = [
            on(0, "a", 1),
            on(1, "a", 2),
            on(2, "b", 9),
            Replica {
                ready: false,
                ..on(3, "c", 0)
            },
            on(4, "a", 3),
        ];
        assert_eq!(
            deleted(&plan("rs", 4, &replicas, &BTreeSet::new())),
            ["rs-3"]
        );
        assert_eq!(
            deleted(&plan("rs", 2, &replicas, &BTreeSet::new())),
            ["rs-3", "rs-4", "rs-1"]
        );
    }

    fn any_replica() -> impl Strategy<Value = (bool, bool, bool, bool, u8)> {
        (
            any::<bool>(),
            any::<bool>(),
            any::<bool>(),
            any::<bool>(),
            0_u8..3,
        )
    }

    proptest! {
        /// Carried out, a plan leads to the wanted count, and there is nothing left to plan.
        #[test]
        fn one_plan_is_enough(states in proptest::collection::vec(any_replica(), 0..12), desired in 0_usize..12) {
            let replicas: Vec<Replica> = states
                .iter()
                .zip(0_u32..)
                .map(|((terminating, current, ready, lost, host), ordinal)| Replica {
                    terminating: *terminating, current: *current, ready: *ready, lost: *lost,
                    host: Some(format!("h{host}")), ..replica(ordinal)
                })
                .collect();
            let first = plan("rs", desired, &replicas, &BTreeSet::new());
            let mut after: Vec<Replica> = replicas
                .into_iter()
                .map(|r| Replica { terminating: r.terminating || first.delete.iter().any(|(n, _)| *n == r.name), ..r })
                .collect();
            for ordinal in &first.create {
                prop_assert!(!after.iter().any(|r| r.name == format!("rs-{ordinal}")), "name is free");
                after.push(replica(*ordinal));
            }
            prop_assert_eq!(after.iter().filter(|r| !r.terminating).count(), desired);
            prop_assert_eq!(plan("rs", desired, &after, &BTreeSet::new()), Plan::default());
        }
    }
}
