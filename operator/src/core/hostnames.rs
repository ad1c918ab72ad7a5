//! Who may answer for a host name. A Service's names belong to the Workloads behind it. A single label belongs to
//! nobody. Every other name belongs to the oldest claim, by the creation of its root owner, then namespace and name, as
//! routes do in Gateway API; what else claims it in the owner's namespace shares it, what claims it elsewhere loses it.

use super::aliases;
use super::http;
use crd_types::WorkloadSpec;
use std::collections::BTreeSet;

/// What asks for names: a Deployment, or a ReplicaSet or Workload that stands alone. Ordered by age.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Root {
    /// Creation, in seconds.
    pub created: i64,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

/// A root owner's claim to a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who claims.
    pub root: Root,
    /// The only environment in which it runs; absent: any. Claims that never meet on a host do not collide.
    pub environment: Option<String>,
}

/// Why a declared name is not given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refused {
    /// It is a name of the Services of another namespace.
    Service(String),
    /// An older claim of this namespace has it. Whose is not told: it is another tenant's.
    Taken(String),
}

impl Refused {
    /// In words.
    pub fn message(&self, name: Option<&str>) -> String {
        // A name out of a Secret is told to nobody.
        let name = name.map_or_else(
            || "from the configuration".to_owned(),
            |name| format!("{name:?}"),
        );
        match self {
            Self::Service(namespace) => format!(
                "host name {name} is a name of a Service in namespace {namespace:?} and is not given to this workload"
            ),
            Self::Taken(namespace) => format!(
                "host name {name} belongs to an older workload of namespace {namespace:?} and is not given to this one"
            ),
        }
    }
}

/// The form in which names are compared: lower case, without the trailing dot.
pub fn normal(name: &str) -> String {
    let name = name.trim();
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// Whether nobody owns this name alone.
pub fn shared(name: &str) -> bool {
    !name.contains('.')
}

/// Names that a spec declares literally, in their normal form.
pub fn declared(spec: &WorkloadSpec) -> BTreeSet<String> {
    spec.host_interfaces
        .iter()
        .filter(|i| http::takes_requests(i))
        .flat_map(|i| aliases::listed(&i.config))
        .map(normal)
        .collect()
}

/// Whether a declared name is refused because it is one of another namespace's Services. `x.y` is only where `y` is
/// known to be a namespace.
pub fn of_foreign_service(
    name: &str,
    namespace: &str,
    cluster_domain: &str,
    is_namespace: impl Fn(&str) -> bool,
) -> Option<String> {
    let (_, rest) = name.split_once('.')?;
    let (owner, rest) = rest.split_once('.').unwrap_or((rest, ""));
    let reserved = match rest {
        "" => is_namespace(owner),
        "svc" => true,
        rest => rest
            .strip_prefix("svc.")
            .is_some_and(|domain| domain == cluster_domain || domain == "cluster.local"),
    };
    (reserved && owner != namespace).then(|| owner.to_owned())
}

/// The claim before which `mine` has to step back, if any.
pub fn winner<'a>(mine: &Claim, others: &'a [Claim]) -> Option<&'a Claim> {
    let mut older: Vec<&Claim> = others.iter().filter(|c| c.root < mine.root).collect();
    older.sort_by(|a, b| a.root.cmp(&b.root));
    let mut winners: Vec<&Claim> = Vec::new();
    for claim in older {
        if !winners.iter().any(|w| collide(w, claim)) {
            winners.push(claim);
        }
    }
    winners.into_iter().find(|w| collide(w, mine))
}

fn collide(a: &Claim, b: &Claim) -> bool {
    let meet = a.environment.is_none() || b.environment.is_none() || a.environment == b.environment;
    a.root.namespace != b.root.namespace && meet
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn claim(created: i64, namespace: &str, environment: Option<&str>) -> Claim {
        Claim {
            root: Root {
                created,
                namespace: namespace.into(),
                name: "web".into(),
            },
            environment: environment.map(Into::into),
        }
    }

    #[test]
    fn the_oldest_has_the_name_and_its_namespace_shares_it() {
        let old = claim(1, "a", None);
        let young = claim(2, "b", None);
        let sibling = claim(3, "a", None);
        let all = [old.clone(), young.clone(), sibling.clone()];
        assert_eq!(winner(&old, &all), None);
        assert_eq!(winner(&young, &all), Some(&old));
        assert_eq!(winner(&sibling, &all), None);
        // Of the same age: by namespace, then name.
        assert_eq!(winner(&claim(1, "b", None), &all), Some(&old));
    }

    #[test]
    fn claims_that_never_meet_do_not_collide_and_a_loser_keeps_nobody_out() {
        let a = claim(1, "a", Some("x"));
        let b = claim(2, "b", None);
        let c = claim(3, "c", Some("y"));
        let all = [a.clone(), b.clone(), c.clone()];
        assert_eq!(winner(&b, &all), Some(&a));
        assert_eq!(winner(&c, &all), None);
        assert_eq!(winner(&c, &all[1..]), Some(&b));
    }

    #[test]
    fn names_of_other_namespaces_services_are_refused() {
        let known = |n: &str| n == "shop";
        for (name, expected) in [
            ("web.shop", Some("shop")),
            ("web.example", None),
            ("web.prod", None),
            ("web.unknown.svc", Some("unknown")),
            ("web.prod.svc", None),
            ("web.shop.svc.cluster.local", Some("shop")),
            ("web.shop.svc.corp.internal", Some("shop")),
            ("web.shop.svc.example.com", None),
            ("web.shop.example.com", None),
            ("web", None),
        ] {
            assert_eq!(
                of_foreign_service(name, "prod", "corp.internal", known).as_deref(),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn names_are_read_from_every_entry_that_takes_requests() {
        let spec: WorkloadSpec = serde_json::from_value(serde_json::json!({"hostInterfaces": [
            {"namespace": "wasi", "package": "http", "interfaces": ["handler"], "config": {"host": "A.Example.", "host-aliases": " b , ,c.d"}},
            {"namespace": "wasi", "package": "http", "interfaces": ["outgoing-handler"], "config": {"host": "no"}},
        ]}))
        .unwrap();
        assert_eq!(
            declared(&spec),
            BTreeSet::from(["a.example".to_owned(), "b".to_owned(), "c.d".to_owned()])
        );
    }

    proptest! {
        #[test]
        fn those_who_get_a_name_never_collide_and_somebody_gets_it(
            claims in proptest::collection::vec((0_i64..4, 0_u8..4, 0_u8..3), 1..10)
        ) {
            let claims: Vec<Claim> = claims
                .into_iter()
                .map(|(created, namespace, environment)| {
                    claim(created, &format!("n{namespace}"), (environment > 0).then_some(if environment == 1 { "x" } else { "y" }))
                })
                .collect();
            let winners: Vec<&Claim> = claims.iter().filter(|c| winner(c, &claims).is_none()).collect();
            prop_assert!(!winners.is_empty());
            for a in &winners {
                for b in &winners {
                    // Two claims of one root are one Deployment: they are as old as each other.
                    prop_assert!(a.root == b.root || !collide(a, b));
                }
            }
        }
    }
}
