//! What a host has against what it should have. Only what carries our control plane's id can be a leftover of ours:
//! several control planes may share one bus, and none touches another's workloads.

use std::collections::{HashMap, HashSet};

/// How a reported workload does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Accepted, not running yet.
    Starting,
    /// Running, or done with what it is for.
    Running,
    /// On its way out.
    Stopping,
    /// Failed.
    Failed,
}

/// A workload that a host says it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// Uid of the Workload it was started for.
    pub id: String,
    /// Namespace of that Workload.
    pub namespace: String,
    /// Name of that Workload.
    pub name: String,
    /// Who started it; empty for a base peer.
    pub control_plane: String,
    /// How it does.
    pub presence: Presence,
}

/// A Workload that is placed on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Uid.
    pub uid: String,
    /// The host has confirmed to have it.
    pub confirmed: bool,
    /// Its status says that it runs.
    pub ready: bool,
    /// Its deletion was asked for.
    pub terminating: bool,
}

/// Where the two sides differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// Uids of Workloads to look at now: missing on the host, or in another state than their status says.
    pub look: Vec<String>,
    /// What runs for us although nothing we know of asks for it. A live look decides.
    pub leftovers: Vec<Reported>,
}

/// Compares. `placed` was gathered before the host was asked: what was placed since cannot be missing. `known` says
/// whether a Workload is placed on the host by now.
pub fn compare(
    ours: &str,
    reported: &[Reported],
    placed: &[Placed],
    known: impl Fn(&str) -> bool,
) -> Differences {
    let by_id: HashMap<&str, Presence> = reported
        .iter()
        .map(|r| (r.id.as_str(), r.presence))
        .collect();
    let look = placed
        .iter()
        .filter(|p| differs(p, by_id.get(p.uid.as_str()).copied()))
        .map(|p| p.uid.clone())
        .collect();
    let mut seen = HashSet::new();
    let leftovers = reported
        .iter()
        .filter(|r| !ours.is_empty() && r.control_plane == ours)
        .filter(|r| r.presence != Presence::Stopping && !known(&r.id))
        .filter(|r| seen.insert(r.id.as_str()))
        .cloned()
        .collect();
    Differences { look, leftovers }
}

fn differs(placed: &Placed, presence: Option<Presence>) -> bool {
    match presence {
        // A start that is under way is followed by whoever sent it.
        None => placed.confirmed || placed.terminating,
        Some(_) if placed.terminating => false,
        Some(Presence::Running) => !placed.ready,
        Some(Presence::Starting) => placed.ready,
        Some(Presence::Stopping | Presence::Failed) => true,
    }
}

/// What the API server says of the Workload that a leftover was started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// There is no object of that name.
    Gone,
    /// There is one.
    There {
        /// Its uid.
        uid: &'a str,
        /// Where it is placed.
        host: Option<&'a str>,
        /// Its deletion was asked for.
        terminating: bool,
    },
}

/// What becomes of something that seems to be a leftover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is one, and is stopped. The words complete "stopped: …".
    Stop(&'static str),
    /// Its Workload is on its way out, and may leave it behind.
    Wait,
    /// It is asked for.
    Keep,
}

/// Judges a suspect.
pub fn leftover(id: &str, host: &str, found: Found<'_>) -> Verdict {
    match found {
        Found::Gone => Verdict::Stop("its Workload is gone"),
        Found::There { uid, .. } if uid != id => Verdict::Stop("another Workload has its name now"),
        Found::There {
            host: Some(at),
            terminating: true,
            ..
        } if at == host => Verdict::Wait,
        Found::There { host: Some(at), .. } if at == host => Verdict::Keep,
        Found::There { host: Some(_), .. } => {
            Verdict::Stop("its Workload is placed on another host")
        }
        // The host is in the status before anything is sent to it.
        Found::There { host: None, .. } => {
            Verdict::Stop("its Workload is not placed here any more")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reported(id: &str, control_plane: &str, presence: Presence) -> Reported {
        Reported {
            id: id.into(),
            namespace: "n".into(),
            name: format!("name-{id}"),
            control_plane: control_plane.into(),
            presence,
        }
    }

    fn placed(uid: &str) -> Placed {
        Placed {
            uid: uid.into(),
            confirmed: true,
            ready: true,
            terminating: false,
        }
    }

    #[test]
    fn missing_ones_and_strangers_are_found() {
        let has = [
            reported("kept", "us", Presence::Running),
            reported("old", "us", Presence::Running),
            reported("theirs", "them", Presence::Running),
            reported("base", "", Presence::Running),
        ];
        let wanted = [placed("kept"), placed("lost")];
        let found = compare("us", &has, &wanted, |id| id == "kept" || id == "lost");
        assert_eq!(found.look, ["lost"]);
        assert_eq!(found.leftovers, [has[1].clone()]);
    }

    #[test]
    fn a_start_under_way_is_not_missing() {
        let fresh = Placed {
            confirmed: false,
            ready: false,
            ..placed("a")
        };
        assert_eq!(
            compare("us", &[], std::slice::from_ref(&fresh), |_| true),
            Differences::default()
        );
        let arrived = [reported("a", "us", Presence::Running)];
        assert_eq!(compare("us", &arrived, &[fresh], |_| true).look, ["a"]);
    }

    #[test]
    fn only_a_live_look_makes_a_leftover() {
        let there = |uid, host, terminating| {
            let found = Found::There {
                uid,
                host,
                terminating,
            };
            leftover("w", "h", found)
        };
        let stopped = |verdict| matches!(verdict, Verdict::Stop(_));
        assert!(stopped(leftover("w", "h", Found::Gone)));
        for terminating in [false, true] {
            assert!(stopped(there("other", Some("h"), terminating)));
            assert!(stopped(there("w", Some("elsewhere"), terminating)));
            assert!(stopped(there("w", None, terminating)));
        }
        assert_eq!(there("w", Some("h"), false), Verdict::Keep);
        assert_eq!(there("w", Some("h"), true), Verdict::Wait);
    }

    fn presence() -> impl Strategy<Value = Presence> {
        prop_oneof![
            Just(Presence::Starting),
            Just(Presence::Running),
            Just(Presence::Stopping),
            Just(Presence::Failed)
        ]
    }

    fn fleet() -> impl Strategy<Value = Vec<Reported>> {
        let one = (0_u8..12, prop_oneof!["us", "them", ""], presence());
        proptest::collection::vec(one, 0..16).prop_map(|all| {
            let mut seen = HashSet::new();
            all.into_iter()
                .filter(|(id, ..)| seen.insert(*id))
                .map(|(id, plane, presence)| reported(&id.to_string(), &plane, presence))
                .collect()
        })
    }

    proptest! {
        /// Another's workload is never touched, whoever we are; ours are all found; nothing known is a leftover.
        #[test]
        fn leftovers_are_ours_and_all_of_them(has in fleet(), known in proptest::collection::hash_set(0_u8..12, 0..8)) {
            let is_known = |id: &str| known.contains(&id.parse::<u8>().unwrap_or(u8::MAX));
            let found = compare("us", &has, &[], is_known).leftovers;
            for one in &has {
                let ours = one.control_plane == "us" && one.presence != Presence::Stopping && !is_known(&one.id);
                prop_assert_eq!(found.contains(one), ours);
            }
            prop_assert!(compare("", &has, &[], |_| false).leftovers.is_empty());
        }

        /// Once carried out, there is nothing left to do, and the order of the pages does not matter.
        #[test]
        fn once_is_enough(has in fleet(), wanted in proptest::collection::hash_set(0_u8..12, 0..8)) {
            let placed: Vec<Placed> = wanted.iter().map(|id| placed(&id.to_string())).collect();
            let known = |id: &str| placed.iter().any(|p| p.uid == id);
            let first = compare("us", &has, &placed, known);
            let mut turned = has.clone();
            turned.reverse();
            let mut again = compare("us", &turned, &placed, known);
            again.leftovers.reverse();
            prop_assert_eq!(&first, &again);

            let mut after: Vec<Reported> = has.into_iter()
                .filter(|r| !first.leftovers.contains(r) && !first.look.contains(&r.id))
                .collect();
            after.extend(first.look.iter().map(|id| reported(id, "us", Presence::Running)));
            prop_assert_eq!(compare("us", &after, &placed, known), Differences::default());
        }
    }
}
