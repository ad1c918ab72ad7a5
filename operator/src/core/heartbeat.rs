//! How far a heartbeat is believed. On plain NATS anybody can send one; what can be checked is checked: a process does
//! not change its name, and a host that runs in a Pod belongs to the Pod's namespace and group.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};
use thiserror::Error;

/// What a heartbeat claims.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Host id.
    pub id: &'a str,
    /// Name.
    pub name: &'a str,
    /// Address or host name.
    pub hostname: &'a str,
    /// Environment; empty says nothing.
    pub environment: &'a str,
    /// Labels.
    pub labels: &'a BTreeMap<String, String>,
}

/// A live Pod that has the claimed address or host name.
#[derive(Clone, Copy, Debug)]
pub struct PodFacts<'a> {
    /// Namespace.
    pub namespace: &'a str,
    /// Name.
    pub name: &'a str,
    /// Host group that its label names.
    pub group: Option<&'a str>,
}

/// Why a heartbeat is not believed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Contradiction {
    /// The id is another's.
    #[error("host id {id} belongs to host {known}; a heartbeat under it names host {said}")]
    Name {
        /// The id.
        id: String,
        /// Name under which it is known.
        known: String,
        /// Name in the heartbeat.
        said: String,
    },
    /// Not the Pod's namespace.
    #[error(
        "host {host} claims the environment {said:?}, but its Pod {pod} is in namespace {namespace}"
    )]
    Environment {
        /// Name of the host.
        host: String,
        /// What it claims.
        said: String,
        /// Name of the Pod.
        pod: String,
        /// Namespace of the Pod.
        namespace: String,
    },
    /// Not the Pod's group.
    #[error("host {host} claims the group {said:?}, but its Pod {pod} is of group {group:?}")]
    Group {
        /// Name of the host.
        host: String,
        /// What it claims.
        said: String,
        /// Name of the Pod.
        pod: String,
        /// Group of the Pod.
        group: String,
    },
    /// Every host has to be a Pod, and this one is none.
    #[error("host {host} says that it is at {hostname:?}, where no Pod of a host is")]
    NoPod {
        /// Name of the host.
        host: String,
        /// Its address.
        hostname: String,
    },
}

/// Checks a claim. `known` is the name under which the id is known; `pods` are those at the claimed address: one that
/// agrees is enough, since several may share a node's address.
pub fn check(
    claim: &Claim<'_>,
    known: Option<&str>,
    pods: &[PodFacts<'_>],
    pods_required: bool,
) -> Result<(), Contradiction> {
    if let Some(known) = known.filter(|known| *known != claim.name) {
        return Err(Contradiction::Name {
            id: claim.id.to_owned(),
            known: known.to_owned(),
            said: claim.name.to_owned(),
        });
    }
    let mut first = None;
    for pod in pods {
        match against(claim, pod) {
            Ok(()) => return Ok(()),
            Err(contradiction) => first = first.or(Some(contradiction)),
        }
    }
    match first {
        Some(contradiction) => Err(contradiction),
        None if pods_required => Err(Contradiction::NoPod {
            host: claim.name.to_owned(),
            hostname: claim.hostname.to_owned(),
        }),
        None => Ok(()),
    }
}

fn against(claim: &Claim<'_>, pod: &PodFacts<'_>) -> Result<(), Contradiction> {
    if !claim.environment.is_empty() && claim.environment != pod.namespace {
        return Err(Contradiction::Environment {
            host: claim.name.to_owned(),
            said: claim.environment.to_owned(),
            pod: pod.name.to_owned(),
            namespace: pod.namespace.to_owned(),
        });
    }
    let said = claim.labels.get(crd_types::names::HOST_GROUP_LABEL);
    match (said, pod.group) {
        (Some(said), Some(group)) if said != group => Err(Contradiction::Group {
            host: claim.name.to_owned(),
            said: said.clone(),
            pod: pod.name.to_owned(),
            group: group.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// How often one sender is complained about.
const PAUSE: Duration = Duration::from_mins(1);
/// Senders that are told apart; made-up ids must not fill the memory.
const SENDERS: usize = 1024;

/// Who was complained about lately.
#[derive(Debug, Default)]
pub struct Complaints(HashMap<String, Instant>);

impl Complaints {
    /// Whether it is time to complain about a sender.
    pub fn due(&mut self, sender: &str, now: Instant) -> bool {
        let recent = |at: &Instant| now.saturating_duration_since(*at) < PAUSE;
        if self.0.get(sender).is_some_and(recent) {
            return false;
        }
        if self.0.len() >= SENDERS {
            self.0.retain(|_, at| recent(at));
        }
        if self.0.len() >= SENDERS {
            return false;
        }
        self.0.insert(sender.to_owned(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(group: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("hostgroup".to_owned(), group.to_owned())])
    }

    fn claim<'a>(environment: &'a str, labels: &'a BTreeMap<String, String>) -> Claim<'a> {
        Claim {
            id: "id",
            name: "host",
            hostname: "10.0.0.1",
            environment,
            labels,
        }
    }

    const POD: PodFacts<'static> = PodFacts {
        namespace: "tenant-a",
        name: "host-0",
        group: Some("default"),
    };

    #[test]
    fn a_pod_speaks_for_its_namespace_and_group_only() {
        let (own, other) = (labels("default"), labels("gpu"));
        assert_eq!(check(&claim("tenant-a", &own), None, &[POD], true), Ok(()));
        assert_eq!(check(&claim("", &own), None, &[POD], true), Ok(()));
        let foreign = check(&claim("tenant-b", &own), None, &[POD], false).unwrap_err();
        assert_eq!(
            foreign.to_string(),
            "host host claims the environment \"tenant-b\", but its Pod host-0 is in namespace tenant-a"
        );
        let grouped = check(&claim("tenant-a", &other), None, &[POD], false).unwrap_err();
        assert!(matches!(grouped, Contradiction::Group { .. }));
        let neighbour = PodFacts {
            namespace: "tenant-b",
            ..POD
        };
        assert_eq!(
            check(&claim("tenant-b", &own), None, &[POD, neighbour], true),
            Ok(()),
            "they share a node's address"
        );
    }

    #[test]
    fn a_host_without_a_pod_is_believed_unless_it_must_have_one() {
        let own = labels("default");
        assert_eq!(check(&claim("lab", &own), None, &[], false), Ok(()));
        let none = check(&claim("lab", &own), None, &[], true).unwrap_err();
        assert!(none.to_string().contains("\"10.0.0.1\""), "{none}");
    }

    #[test]
    fn an_id_keeps_its_name() {
        let own = labels("default");
        assert_eq!(check(&claim("", &own), Some("host"), &[], false), Ok(()));
        let forged = check(&claim("", &own), Some("victim"), &[], false).unwrap_err();
        assert!(forged.to_string().contains("belongs to host victim"));
    }

    #[test]
    fn complaints_are_rare_and_bounded() {
        let mut complaints = Complaints::default();
        let now = Instant::now();
        assert!(complaints.due("a", now) && !complaints.due("a", now));
        assert!(complaints.due("b", now));
        for made_up in 0..5000 {
            complaints.due(&format!("x{made_up}"), now);
        }
        assert!(complaints.0.len() <= SENDERS);
        let later = now + PAUSE;
        assert!(complaints.due("a", later) && complaints.0.len() == 1);
    }
}
