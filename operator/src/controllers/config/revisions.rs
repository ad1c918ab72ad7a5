//! The state of the configuration of each Deployment that is rolled out when it changes.

use crate::core::config_refs::{Reference, Versions};
use crate::watch::Key;
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap};

/// What is known. Read anew after a restart: the annotation on the ReplicaSets says what they were made with.
#[derive(Debug, Default)]
pub struct Revisions(Mutex<HashMap<Key, Versions>>);

impl Revisions {
    /// The state of exactly these objects, if it is known.
    pub(super) fn get(&self, key: &Key, references: &BTreeSet<Reference>) -> Option<Versions> {
        let held = self.0.lock();
        let versions = held.get(key)?;
        versions.keys().eq(references).then(|| versions.clone())
    }

    pub(super) fn put(&self, key: Key, versions: Versions) {
        self.0.lock().insert(key, versions);
    }

    /// The Deployment is gone, or does not ask any more.
    pub fn forget(&self, key: &Key) {
        self.0.lock().remove(key);
    }

    /// Everything that is referred to, with its namespace.
    pub(super) fn referred(&self) -> BTreeSet<(String, Reference)> {
        let held = self.0.lock();
        let all = held.iter().flat_map(|(key, versions)| {
            let namespace = &key.namespace;
            versions.keys().map(|r| (namespace.clone(), r.clone()))
        });
        all.collect()
    }

    /// Notes the state of an object; returns the Deployments that knew it in another.
    pub(super) fn saw(&self, namespace: &str, reference: &Reference, version: &str) -> Vec<Key> {
        let mut changed = Vec::new();
        for (key, versions) in self.0.lock().iter_mut() {
            if key.namespace == namespace
                && let Some(known) = versions.get_mut(reference)
                && known != version
            {
                version.clone_into(known);
                changed.push(key.clone());
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::config_refs::Kind;

    #[test]
    fn those_who_refer_to_what_has_changed_are_told_once() {
        let reference = |name: &str| Reference {
            kind: Kind::ConfigMap,
            name: name.into(),
        };
        let revisions = Revisions::default();
        let versions = |names: &[&str]| -> Versions {
            names
                .iter()
                .map(|n| (reference(n), "1".to_owned()))
                .collect()
        };
        revisions.put(Key::new("n", "a"), versions(&["x", "y"]));
        revisions.put(Key::new("n", "b"), versions(&["y"]));
        revisions.put(Key::new("other", "a"), versions(&["x"]));
        assert_eq!(revisions.referred().len(), 3);
        assert!(revisions.saw("n", &reference("x"), "1").is_empty());
        assert_eq!(
            revisions.saw("n", &reference("x"), "2"),
            [Key::new("n", "a")]
        );
        assert!(revisions.saw("n", &reference("x"), "2").is_empty());
        let wanted = BTreeSet::from([reference("x"), reference("y")]);
        let known = revisions.get(&Key::new("n", "a"), &wanted).unwrap();
        assert_eq!(known[&reference("x")], "2");
        let fewer = BTreeSet::from([reference("x")]);
        assert_eq!(revisions.get(&Key::new("n", "a"), &fewer), None);
    }
}
