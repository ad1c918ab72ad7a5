//! The router's table: normal host name → the workloads that answer for it. Immutable; a change makes a new
//! one, so that requests read without a lock.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{entry::Entry, handler::RouteError, host_name::normal_host};

/// Workloads answering for one name or one port; never empty within a table.
pub(super) type Candidates = Arc<[Arc<Entry>]>;

/// What a name leads to.
pub(super) enum Route<'a> {
    Found(&'a Candidates),
    /// A single-label name that workloads of several namespaces hold, and longer names of theirs.
    Ambiguous(Vec<&'a str>),
    Unknown,
}

#[derive(Clone, Default)]
pub(super) struct Table {
    names: HashMap<Box<str>, Name>,
}

#[derive(Clone)]
struct Name {
    candidates: Candidates,
    ambiguous: bool,
}

impl Table {
    pub(super) fn find(&self, host: &str) -> Route<'_> {
        match self.names.get(host) {
            None => Route::Unknown,
            Some(name) if name.ambiguous => Route::Ambiguous(self.longer(host, &name.candidates)),
            Some(name) => Route::Found(&name.candidates),
        }
    }

    /// For each namespace among `candidates` the shortest name that goes on from `host` and is not ambiguous. Looks
    /// at the whole table: such requests are mistakes, and few.
    fn longer(&self, host: &str, candidates: &Candidates) -> Vec<&str> {
        let mut found: BTreeMap<Arc<str>, &str> = BTreeMap::new();
        for (name, held) in &self.names {
            let below = name
                .strip_prefix(host)
                .is_some_and(|rest| rest.starts_with('.'));
            if !below || held.ambiguous {
                continue;
            }
            let shared = |entry: &&Arc<Entry>| candidates.iter().any(|c| Arc::ptr_eq(c, entry));
            for entry in held.candidates.iter().filter(shared) {
                let namespace = Arc::clone(&entry.handler().workload().namespace);
                let best = found.entry(namespace).or_insert(name);
                if (name.len(), &**name) < (best.len(), *best) {
                    *best = name;
                }
            }
        }
        found.into_values().collect()
    }

    /// A table with `entry` under all `hostnames`, or the first reason why not.
    ///
    /// A name with a dot belongs to the first namespace that holds it, and `….<namespace>.svc` to its
    /// namespace alone. A single label is what an in-cluster client of the same namespace writes: any
    /// namespace may hold it.
    pub(super) fn with(
        &self,
        entry: &Arc<Entry>,
        hostnames: &[String],
    ) -> Result<Self, RouteError> {
        let mut table = self.clone();
        for hostname in hostnames {
            let name = normal_host(hostname.trim()).map_err(|_| RouteError::HostnameInvalid {
                hostname: hostname.clone(),
                problem: "write a DNS name (labels of letters, digits and hyphens) or an address, without a port".to_owned(),
            })?;
            table.claim(entry, hostname, &name)?;
            let old = table
                .names
                .get(&*name)
                .map(|name| &*name.candidates)
                .unwrap_or_default();
            if old.iter().any(|other| Arc::ptr_eq(other, entry)) {
                continue;
            }
            let candidates = old.iter().chain([entry]).map(Arc::clone).collect();
            table.names.insert(name.into(), Name::new(candidates));
        }
        Ok(table)
    }

    fn claim(&self, entry: &Arc<Entry>, hostname: &str, name: &str) -> Result<(), RouteError> {
        let namespace = &*entry.handler().workload().namespace;
        let taken = |namespace: &str| {
            Err(RouteError::HostnameTaken {
                hostname: hostname.to_owned(),
                namespace: namespace.to_owned(),
            })
        };
        if let Some(owner) = service_namespace(name)
            && owner != namespace
        {
            return taken(owner);
        }
        if !name.contains('.') {
            return Ok(());
        }
        let holder = self
            .names
            .get(name)
            .and_then(|held| held.candidates.first());
        match holder.map(|holder| &*holder.handler().workload().namespace) {
            Some(holder) if holder != namespace => taken(holder),
            _ => Ok(()),
        }
    }

    /// A table without `entry`.
    pub(super) fn without(&self, entry: &Arc<Entry>) -> Self {
        let names = self
            .names
            .iter()
            .filter_map(|(name, held)| {
                if !held
                    .candidates
                    .iter()
                    .any(|other| Arc::ptr_eq(other, entry))
                {
                    return Some((name.clone(), held.clone()));
                }
                let rest: Candidates = held
                    .candidates
                    .iter()
                    .filter(|other| !Arc::ptr_eq(other, entry))
                    .map(Arc::clone)
                    .collect();
                (!rest.is_empty()).then(|| (name.clone(), Name::new(rest)))
            })
            .collect();
        Self { names }
    }
}

impl Name {
    fn new(candidates: Candidates) -> Self {
        let namespace = |entry: &Arc<Entry>| Arc::clone(&entry.handler().workload().namespace);
        let ambiguous = candidates
            .windows(2)
            .any(|pair| namespace(&pair[0]) != namespace(&pair[1]));
        Self {
            candidates,
            ambiguous,
        }
    }
}

/// The namespace of `<service>.<namespace>.svc[.<cluster domain>]`.
fn service_namespace(name: &str) -> Option<&str> {
    let mut labels = name.split('.');
    let (_service, namespace, svc) = (labels.next()?, labels.next()?, labels.next()?);
    let rest = labels.next();
    // `a.b.svc.example.com` is someone's real domain; only the usual cluster domain is Kubernetes' own.
    let cluster = rest.is_none() || (rest == Some("cluster") && labels.next() == Some("local"));
    (svc == "svc" && cluster).then_some(namespace)
}

/// The least loaded of `candidates`, one that does not drain if there is any. `turn` breaks ties fairly.
pub(super) fn pick<'a>(candidates: &'a [Arc<Entry>], turn: &AtomicUsize) -> Option<&'a Arc<Entry>> {
    if let [only] = candidates {
        return Some(only);
    }
    if candidates.is_empty() {
        return None;
    }
    let start = turn.fetch_add(1, Ordering::Relaxed) % candidates.len();
    candidates[start..]
        .iter()
        .chain(&candidates[..start])
        .min_by_key(|entry| {
            (
                entry.is_draining(),
                entry.handler().in_flight().max(entry.active()),
            )
        })
}
