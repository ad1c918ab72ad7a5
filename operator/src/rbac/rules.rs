//! What the operator may do, as lists of rules: one list for each kind of place it is granted in.

use crd_types::GROUP;
use crd_types::names::LEADER_LEASE;
use k8s_openapi::api::rbac::v1::PolicyRule;

const READ: &[&str] = &["get", "list", "watch"];
/// Objects that users make: the operator marks them (finalizers, annotations), and never makes or deletes one.
const MARK: &[&str] = &["get", "list", "watch", "update", "patch"];
/// Objects that the operator makes.
const OWN: &[&str] = &[
    "get", "list", "watch", "create", "update", "patch", "delete",
];
const STATUS: &[&str] = &["get", "update", "patch"];

fn rule(group: &str, resources: &[&str], verbs: &[&str]) -> PolicyRule {
    let strings = |all: &[&str]| all.iter().map(|&one| one.to_owned()).collect::<Vec<_>>();
    PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(strings(resources)),
        verbs: strings(verbs),
        ..PolicyRule::default()
    }
}

fn only(names: &[&str], rule: PolicyRule) -> PolicyRule {
    PolicyRule {
        resource_names: Some(names.iter().map(|&name| name.to_owned()).collect()),
        ..rule
    }
}

/// `owner/finalizers`: a child whose owner waits for it (blockOwnerDeletion) may be made only by whoever may
/// update the owner's finalizers.
fn blocks(group: &str, owners: &[&str]) -> PolicyRule {
    let owners: Vec<String> = owners.iter().map(|o| format!("{o}/finalizers")).collect();
    let owners: Vec<&str> = owners.iter().map(String::as_str).collect();
    rule(group, &owners, &["update"])
}

/// Events of both groups: the older one is what `kubectl describe` of old clients and the reference write.
fn events() -> [PolicyRule; 2] {
    let verbs = &["create", "patch", "update"];
    [
        rule("events.k8s.io", &["events"], verbs),
        rule("", &["events"], verbs),
    ]
}

/// In the operator's own namespace: Hosts, which live there and nowhere else, the Lease, and the namespace
/// itself, whose uid is the control plane's id. A Role can grant the last, since a request for one namespace
/// counts as one within it; it grants no other namespace.
pub fn own() -> Vec<PolicyRule> {
    let lease = |verbs| rule("coordination.k8s.io", &["leases"], verbs);
    let mut rules = vec![
        rule(GROUP, &["hosts"], OWN),
        rule(GROUP, &["hosts/status"], STATUS),
        blocks(GROUP, &["hosts"]),
        // The name of what is being created is not known to the authorizer.
        lease(&["create"]),
        only(&[LEADER_LEASE], lease(&["get", "update", "patch"])),
        rule("", &["namespaces"], &["get"]),
    ];
    rules.extend(events());
    rules
}

/// Where hosts run as Pods: the operator's namespace, and those of `--host-namespaces`.
/// The patch is for finalizers that the reference's operator left on them.
pub fn host_pods() -> Vec<PolicyRule> {
    vec![rule("", &["pods"], &["get", "list", "watch", "patch"])]
}

/// In each namespace that is served, or in all.
pub fn served() -> Vec<PolicyRule> {
    let mut rules = vec![
        rule(GROUP, &["workloaddeployments", "artifacts"], MARK),
        rule(GROUP, &["workloadreplicasets", "workloads"], OWN),
        rule(
            GROUP,
            &[
                "artifacts/status",
                "workloaddeployments/status",
                "workloadreplicasets/status",
                "workloads/status",
            ],
            STATUS,
        ),
        blocks(
            GROUP,
            &[
                "artifacts",
                "workloaddeployments",
                "workloadreplicasets",
                "workloads",
            ],
        ),
        rule("", &["services"], READ),
        blocks("", &["services"]),
        rule("discovery.k8s.io", &["endpointslices"], OWN),
        // OpenShift asks for it before it takes an address that is in a Pod network.
        rule(
            "discovery.k8s.io",
            &["endpointslices/restricted"],
            &["create"],
        ),
        rule("", &["endpoints/restricted"], &["create"]),
        // By name, at placement. A list would show every Secret of the namespace.
        rule("", &["configmaps", "secrets"], &["get"]),
        // Its pull secrets count for images without one of their own, as for Pods.
        only(&["default"], rule("", &["serviceaccounts"], &["get"])),
    ];
    rules.extend(events());
    rules
}

/// `--watch-config`, in each namespace that is served, or in all. It shows all their Secrets.
pub fn watch_config() -> Vec<PolicyRule> {
    vec![rule("", &["configmaps", "secrets"], &["list", "watch"])]
}

/// Signed-in metrics: who asks, and whether they may. Both reviews exist in no namespace.
pub fn metrics() -> Vec<PolicyRule> {
    vec![
        rule("authentication.k8s.io", &["tokenreviews"], &["create"]),
        rule(
            "authorization.k8s.io",
            &["subjectaccessreviews"],
            &["create"],
        ),
    ]
}

/// For those who read the operator's metrics: bound by whoever runs them.
pub fn metrics_reader() -> Vec<PolicyRule> {
    vec![PolicyRule {
        non_resource_urls: Some(vec!["/metrics".to_owned()]),
        verbs: vec!["get".to_owned()],
        ..PolicyRule::default()
    }]
}

/// `runtime-operator install-crds`, which runs under an account of its own.
pub fn install_crds() -> Vec<PolicyRule> {
    let crds = crd_types::crds();
    let names: Vec<&str> = crds
        .iter()
        .filter_map(|crd| crd.metadata.name.as_deref())
        .collect();
    let on = |verbs| {
        rule(
            "apiextensions.k8s.io",
            &["customresourcedefinitions"],
            verbs,
        )
    };
    vec![
        on(&["create"]),
        only(&names, on(&["get", "update", "patch"])),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(rules: &[PolicyRule], verb: &str, resource: &str) -> bool {
        rules.iter().any(|rule| {
            let has = |all: &Option<Vec<String>>| all.iter().flatten().any(|r| r == resource);
            has(&rule.resources) && rule.verbs.iter().any(|v| v == verb)
        })
    }

    #[test]
    fn no_list_grants_everything_of_anything() {
        for rules in [
            own(),
            host_pods(),
            served(),
            watch_config(),
            metrics(),
            metrics_reader(),
            install_crds(),
        ] {
            for rule in rules {
                let lists = [
                    Some(&rule.verbs),
                    rule.resources.as_ref(),
                    rule.api_groups.as_ref(),
                ];
                let mut words = lists.into_iter().flatten().flatten();
                assert!(words.all(|word| word != "*"), "{rule:?}");
            }
        }
    }

    #[test]
    fn configuration_is_read_by_name_only() {
        let rules = served();
        for resource in ["secrets", "configmaps"] {
            assert!(grants(&rules, "get", resource));
            for verb in ["list", "watch", "create", "update", "patch", "delete"] {
                assert!(!grants(&rules, verb, resource), "{verb} {resource}");
            }
        }
    }

    #[test]
    fn users_objects_are_neither_made_nor_deleted() {
        let rules = served();
        for verb in ["create", "delete", "deletecollection"] {
            for resource in ["workloaddeployments", "artifacts", "services", "pods"] {
                assert!(!grants(&rules, verb, resource), "{verb} {resource}");
            }
        }
    }
}
