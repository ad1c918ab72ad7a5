//! Names that a Workload may not have, or not alone: asks the index of declared names.

use super::dereference::Resolved;
use crate::controllers::Context;
use crate::core::hostnames::{self, Claim, Refused, Root};
use crate::core::{aliases, http};
use crate::watch::{self, Key};
use crd_types::{Workload, WorkloadReplicaSet, WorkloadSpec};
use kube::{Resource, ResourceExt};
use protocol::Reason;
use std::collections::{BTreeMap, BTreeSet};

/// Something to tell about a Workload's names.
pub(super) type Trouble = (Reason, String);

/// Takes refused names out of what is sent. The trouble is returned when no name is left of those that were
/// declared, so that the Workload would be reached nowhere.
pub(super) fn settle(
    context: &Context,
    workload: &Workload,
    resolved: &mut Resolved,
) -> Result<(), Trouble> {
    let served = watch::service_of(workload).is_some();
    let mut all: BTreeSet<String> = BTreeSet::new();
    let mut nowhere = false;
    for (interface, config) in workload
        .spec
        .host_interfaces
        .iter()
        .zip(&mut resolved.interfaces)
    {
        if !http::takes_requests(interface) {
            continue;
        }
        let names: BTreeSet<String> = aliases::listed(config).map(hostnames::normal).collect();
        let refused = refused(context, workload, &names);
        aliases::remove(config, |name| {
            refused.contains_key(&hostnames::normal(name))
        });
        nowhere |= !names.is_empty()
            && !served
            && names.len() == refused.len()
            && !config.contains_key(http::ADDRESS);
        all.extend(names);
    }
    let uid = workload.uid().unwrap_or_default();
    context.names.lock().insert(uid, all.clone());
    match trouble_of(workload, &refused(context, workload, &all)) {
        Some(trouble) if nowhere => Err(trouble),
        _ => Ok(()),
    }
}

/// What there is to tell of the names of a Workload that is on this host.
pub(super) fn trouble(context: &Context, workload: &Workload, host: &str) -> Option<Trouble> {
    let mut names = hostnames::declared(&workload.spec);
    if let Some(sent) = context
        .names
        .lock()
        .get(&workload.uid().unwrap_or_default())
    {
        names.extend(sent.iter().cloned());
    }
    trouble_of(workload, &refused(context, workload, &names))
        .or_else(|| ambiguous(context, workload, host))
}

fn trouble_of(workload: &Workload, refused: &BTreeMap<String, Refused>) -> Option<Trouble> {
    let declared = hostnames::declared(&workload.spec);
    let notes: BTreeSet<String> = refused
        .iter()
        .map(|(name, why)| why.message(declared.get(name).map(String::as_str)))
        .collect();
    let notes: Vec<String> = notes.into_iter().collect();
    (!notes.is_empty()).then(|| (Reason::HostnameTaken, notes.join("; ")))
}

fn refused(
    context: &Context,
    workload: &Workload,
    names: &BTreeSet<String>,
) -> BTreeMap<String, Refused> {
    let namespace = workload.namespace().unwrap_or_default();
    let domain = &context.options.cluster_domain;
    let is_namespace = |name: &str| {
        let entry = watch::in_namespace(name);
        context.caches.services.count(&entry) + context.caches.deployments.count(&entry) > 0
    };
    let mine = Claim {
        root: root_of_workload(context, workload),
        environment: environment(context, &namespace, &workload.spec),
    };
    let judge = |name: &String| {
        if let Some(owner) = hostnames::of_foreign_service(name, &namespace, domain, is_namespace) {
            return Some((name.clone(), Refused::Service(owner)));
        }
        if hostnames::shared(name) {
            return None;
        }
        let claims = claims(context, name);
        let winner = hostnames::winner(&mine, &claims)?;
        Some((name.clone(), Refused::Taken(winner.root.namespace.clone())))
    };
    names.iter().filter_map(judge).collect()
}

/// Everything that declares a name.
fn claims(context: &Context, name: &str) -> Vec<Claim> {
    let entry = watch::claiming(name);
    let caches = &context.caches;
    let mut claims = Vec::new();
    for deployment in caches.deployments.find(&entry) {
        claims.push(Claim {
            root: root(deployment.as_ref()),
            environment: environment(
                context,
                &deployment.namespace().unwrap_or_default(),
                &deployment.spec.template.spec,
            ),
        });
    }
    for set in caches.replica_sets.find(&entry) {
        let kept = set.spec.desired() > 0
            || caches
                .workloads
                .count(&watch::by_owner(&set.uid().unwrap_or_default()))
                > 0;
        if kept {
            claims.push(Claim {
                root: root_of_set(context, &set),
                environment: environment(
                    context,
                    &set.namespace().unwrap_or_default(),
                    &set.spec.template.spec,
                ),
            });
        }
    }
    // Workloads of a ReplicaSet are not indexed: it claims for them.
    for workload in caches.workloads.find(&entry) {
        claims.push(Claim {
            root: root(workload.as_ref()),
            environment: environment(
                context,
                &workload.namespace().unwrap_or_default(),
                &workload.spec,
            ),
        });
    }
    claims
}

fn root<K: Resource>(object: &K) -> Root {
    let created = object.meta().creation_timestamp.as_ref();
    Root {
        created: created.map_or(i64::MAX, |t| t.0.as_second()),
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
    }
}

fn root_of_set(context: &Context, set: &WorkloadReplicaSet) -> Root {
    let deployment = watch::controller_of(set).and_then(|owner| {
        let key = Key::new(set.namespace().unwrap_or_default(), &owner.name);
        context.caches.deployments.get(&key)
    });
    deployment.map_or_else(|| root(set), |d| root(d.as_ref()))
}

fn root_of_workload(context: &Context, workload: &Workload) -> Root {
    let set = watch::controller_of(workload).and_then(|owner| {
        let key = Key::new(workload.namespace().unwrap_or_default(), &owner.name);
        context.caches.replica_sets.get(&key)
    });
    set.map_or_else(|| root(workload), |set| root_of_set(context, &set))
}

/// The only environment whose hosts such a Workload runs on.
fn environment(context: &Context, namespace: &str, spec: &WorkloadSpec) -> Option<String> {
    if context.options.allow_shared_hosts {
        spec.environment.clone().filter(|e| !e.is_empty())
    } else {
        Some(namespace.to_owned())
    }
}

/// A single label that workloads of other namespaces on the host have too.
fn ambiguous(context: &Context, workload: &Workload, host: &str) -> Option<Trouble> {
    let namespace = workload.namespace();
    let names: Vec<String> = watch::labels_of(workload)
        .into_iter()
        .filter(|name| {
            let all = context.caches.workloads.find(&watch::labelled(host, name));
            all.iter().any(|other| other.namespace() != namespace)
        })
        .map(|name| format!("{name:?}"))
        .collect();
    (!names.is_empty()).then(|| {
        let message = format!(
            "workloads of several namespaces on the host answer for {}, so the host answers for none of them; use a name with the namespace",
            names.join(", ")
        );
        (Reason::AliasAmbiguous, message)
    })
}
