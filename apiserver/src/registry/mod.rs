//! What this server serves: the built-in resources (a static table) and those of installed CRDs.
//!
//! The set is derived from the stored CRDs whenever they changed, so it cannot disagree with them:
//! there is nothing to invalidate and nothing to restore after a restart.

mod builtin;
mod columns;
pub mod crd;
mod defaults;
mod duration;
mod event_rules;
pub mod events;
mod jsonpath;
mod resource;
mod role_rules;
mod rules;
pub mod typed;

pub use columns::Columns;
pub use jsonpath::JsonPath;
pub use resource::{Model, NameRule, Resource, ScalePaths, group_version, gvk};

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::store::{Bucket, Store};

/// The served resources at one moment.
pub struct Served {
    /// The CRD bucket's revision this was derived from.
    revision: u64,
    resources: Vec<Arc<Resource>>,
    by_path: HashMap<(String, String, String), Arc<Resource>>,
}

impl Served {
    /// The resource at `/apis/<group>/<version>/<plural>`.
    pub fn find(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<Resource>> {
        self.by_path
            .get(&(group.to_owned(), version.to_owned(), plural.to_owned()))
    }

    /// Whether a built-in kind is served under a group's version.
    pub fn is_builtin(&self, group: &str, version: &str) -> bool {
        let reviewed = builtin::REVIEWS
            .iter()
            .any(|review| review.group == group && review.version == version);
        reviewed
            || self
                .resources
                .iter()
                .any(|r| r.model != Model::Custom && r.group == group && r.version == version)
    }

    /// The resource of an object's apiVersion and kind.
    pub fn of_kind(&self, api_version: &str, kind: &str) -> Option<&Arc<Resource>> {
        self.resources
            .iter()
            .find(|r| r.kind == kind && r.api_version() == api_version)
    }

    /// The resource that serves a bucket best: its first version, in the bucket's own group.
    pub fn of_bucket(&self, bucket: &Bucket) -> Option<&Arc<Resource>> {
        let (group, plural) = bucket.parts();
        self.resources
            .iter()
            .find(|r| r.bucket == *bucket && r.group == group && r.plural == plural)
    }

    /// All of them, in order of group, version preference and name.
    pub fn all(&self) -> &[Arc<Resource>] {
        &self.resources
    }

    /// The groups with their versions, most preferred first; the core group is "".
    pub fn groups(&self) -> Vec<(&str, Vec<&str>)> {
        let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
        let virtual_ones = builtin::REVIEWS
            .iter()
            .map(|review| (review.group, review.version));
        let stored = self
            .resources
            .iter()
            .map(|r| (r.group.as_str(), r.version.as_str()));
        for (group, version) in stored.chain(virtual_ones) {
            match groups.iter_mut().find(|(name, _)| *name == group) {
                Some((_, versions)) if versions.contains(&version) => {}
                Some((_, versions)) => versions.push(version),
                None => groups.push((group, vec![version])),
            }
        }
        for (_, versions) in &mut groups {
            versions.sort_by(|a, b| crd::version_order(b, a));
        }
        groups
    }
}

/// The revision of a CRD and what it defines.
type Defined = (u64, Vec<Arc<Resource>>);

/// Access to what is served now.
pub struct Registry {
    store: Store,
    builtins: Vec<Arc<Resource>>,
    served: Mutex<Arc<Served>>,
    /// What each CRD defines, by name and revision: a schema is compiled once per change of it.
    defined: Mutex<HashMap<String, Defined>>,
}

impl Registry {
    pub fn new(store: Store) -> Self {
        let builtins: Vec<Arc<Resource>> = builtin::resources().into_iter().map(Arc::new).collect();
        let served = Arc::new(index(u64::MAX, builtins.clone()));
        Self {
            store,
            builtins,
            served: Mutex::new(served),
            defined: Mutex::default(),
        }
    }

    /// The served resources; derived anew only when a CRD has changed since the last call.
    pub fn served(&self) -> Arc<Served> {
        let revision = self.store.bucket_revision(&crd::bucket());
        let mut served = self.served.lock();
        if served.revision != revision {
            let mut resources = self.builtins.clone();
            resources.extend(self.defined());
            *served = Arc::new(index(revision, resources));
        }
        Arc::clone(&served)
    }
}

impl Registry {
    fn defined(&self) -> Vec<Arc<Resource>> {
        let mut defined = self.defined.lock();
        let mut now = HashMap::new();
        let mut resources = Vec::new();
        for object in self.store.list(&crd::bucket(), None, None).objects {
            let name = object.key.name.name.to_string();
            let known = defined
                .remove(&name)
                .filter(|(revision, _)| *revision == object.revision);
            let (_, found) = known.unwrap_or_else(|| {
                let found = crd::resources(&object.value())
                    .into_iter()
                    .map(Arc::new)
                    .collect();
                (object.revision, found)
            });
            resources.extend(found.iter().cloned());
            now.insert(name, (object.revision, found));
        }
        *defined = now;
        resources
    }
}

fn index(revision: u64, resources: Vec<Arc<Resource>>) -> Served {
    let by_path = resources
        .iter()
        .map(|r| {
            (
                (r.group.clone(), r.version.clone(), r.plural.clone()),
                Arc::clone(r),
            )
        })
        .collect();
    Served {
        revision,
        resources,
        by_path,
    }
}

pub use builtin::{REVIEWS, Review};
