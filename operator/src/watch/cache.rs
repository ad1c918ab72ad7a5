//! Objects of one kind by key, with an index.

use kube::{Resource, ResourceExt};
use parking_lot::RwLock;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;

/// Namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl Key {
    /// From its parts.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// Of an object.
    pub fn of<K: Resource>(object: &K) -> Self {
        Self::new(object.namespace().unwrap_or_default(), object.name_any())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Objects of one kind. Readers see a state that the API server had, maybe a moment ago.
pub struct Cache<K> {
    entries_of: fn(&K) -> Vec<String>,
    held: RwLock<Held<K>>,
}

struct Held<K> {
    objects: HashMap<Key, Arc<K>>,
    index: HashMap<String, BTreeSet<Key>>,
    gone: Gone,
}

/// A state of an object that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past;

/// Uids of the objects that were last seen to go: no uid comes back.
#[derive(Default)]
struct Gone {
    uids: HashSet<String>,
    order: VecDeque<String>,
}

impl Gone {
    /// As many as may go while an API server lags behind; a little memory, however long the operator runs.
    const MOST: usize = 4096;

    fn add(&mut self, uid: String) {
        if self.uids.insert(uid.clone()) {
            self.order.push_back(uid);
        }
        if self.order.len() > Self::MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.uids.remove(&oldest);
        }
    }
}

impl<K> fmt::Debug for Cache<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("objects", &self.held.read().objects.len())
            .finish_non_exhaustive()
    }
}

impl<K: Resource> Cache<K> {
    /// An empty cache; `entries_of` says under which index entries an object is found.
    pub fn new(entries_of: fn(&K) -> Vec<String>) -> Self {
        Self {
            entries_of,
            held: RwLock::new(Held {
                objects: HashMap::new(),
                index: HashMap::new(),
                gone: Gone::default(),
            }),
        }
    }

    /// The object of a key.
    pub fn get(&self, key: &Key) -> Option<Arc<K>> {
        self.held.read().objects.get(key).cloned()
    }

    /// Every object.
    pub fn all(&self) -> Vec<Arc<K>> {
        self.held.read().objects.values().cloned().collect()
    }

    /// Objects under an index entry, by key.
    pub fn find(&self, entry: &str) -> Vec<Arc<K>> {
        let held = self.held.read();
        let keys = held.index.get(entry).into_iter().flatten();
        keys.filter_map(|key| held.objects.get(key).cloned())
            .collect()
    }

    /// How many objects are under an index entry.
    pub fn count(&self, entry: &str) -> usize {
        self.held.read().index.get(entry).map_or(0, BTreeSet::len)
    }

    /// Puts an object in; returns what was there.
    pub fn insert(&self, object: &Arc<K>) -> Option<Arc<K>> {
        self.held.write().insert(self.entries_of, object)
    }

    /// Puts in what a write of ours made of an object, ahead of the watch: nobody is to decide on what is known to be
    /// old. Only in place of an older state of the same object, which is returned: the write may have been overtaken
    /// by others, or by the object's end.
    pub fn advance(&self, object: &Arc<K>) -> Option<Arc<K>> {
        let mut held = self.held.write();
        let old = held.objects.get(&Key::of(object.as_ref()))?;
        let older = old.uid() == object.uid() && version(old.as_ref())? < version(object.as_ref())?;
        if older {
            held.insert(self.entries_of, object)
        } else {
            None
        }
    }

    /// Whether this very state of an object, or a later one, is there.
    pub fn knows(&self, object: &K) -> bool {
        let held = self.get(&Key::of(object));
        let same = held.is_some_and(|held| {
            let versions = (version(held.as_ref()), version(object));
            held.uid() == object.uid() && matches!(versions, (Some(held), Some(new)) if held == new)
        });
        same || self.is_past(object)
    }

    /// Whether an object is known to have been so, and to be otherwise now: a later state is there, or one of a later
    /// object of its name, or it was seen to go. Versions of one kind are of one count, whatever object they are of.
    pub fn is_past(&self, object: &K) -> bool {
        self.held.read().is_past(object)
    }

    /// Puts an object in unless it [is past](Self::is_past); returns what was there.
    pub fn learn(&self, object: &Arc<K>) -> Result<Option<Arc<K>>, Past> {
        let mut held = self.held.write();
        if held.is_past(object.as_ref()) {
            return Err(Past);
        }
        Ok(held.insert(self.entries_of, object))
    }

    /// An object was seen to go, as it was then: takes it out, and returns it as it was held. One that has taken its
    /// name stays.
    pub fn went<L: Resource>(&self, last: &L) -> Option<Arc<K>> {
        let mut held = self.held.write();
        held.gone.add(last.uid()?);
        let key = Key::of(last);
        let old = held.objects.get(&key)?;
        let successor = old.uid() != last.uid() && version(old.as_ref()) > version(last);
        if successor {
            return None;
        }
        let old = held.objects.remove(&key)?;
        held.unindex(&key, (self.entries_of)(&old));
        Some(old)
    }

    /// Takes an object out; returns it.
    pub fn remove(&self, key: &Key) -> Option<Arc<K>> {
        let mut held = self.held.write();
        let old = held.objects.remove(key)?;
        held.unindex(key, (self.entries_of)(&old));
        Some(old)
    }

    /// Keys held in a namespace, or in all when it is `None`.
    pub fn keys(&self, namespace: Option<&str>) -> Vec<Key> {
        let held = self.held.read();
        held.objects
            .keys()
            .filter(|k| namespace.is_none_or(|n| n == k.namespace))
            .cloned()
            .collect()
    }
}

/// How late a state of an object is: API servers count.
fn version<K: Resource>(object: &K) -> Option<u64> {
    object.meta().resource_version.as_deref()?.parse().ok()
}

impl<K: Resource> Held<K> {
    fn is_past(&self, object: &K) -> bool {
        let later = self.objects.get(&Key::of(object)).is_some_and(|held| {
            let versions = (version(held.as_ref()), version(object));
            matches!(versions, (Some(held), Some(new)) if held > new)
        });
        later
            || object
                .uid()
                .is_some_and(|uid| self.gone.uids.contains(&uid))
    }

    fn insert(&mut self, entries_of: fn(&K) -> Vec<String>, object: &Arc<K>) -> Option<Arc<K>> {
        let key = Key::of(object.as_ref());
        let now = entries_of(object);
        for entry in &now {
            let keys = self.index.entry(entry.clone()).or_default();
            keys.insert(key.clone());
        }
        let old = self.objects.insert(key.clone(), object.clone());
        if let Some(old) = &old {
            let mut stale = entries_of(old);
            stale.retain(|entry| !now.contains(entry));
            self.unindex(&key, stale);
        }
        old
    }
}

impl<K> Held<K> {
    fn unindex(&mut self, key: &Key, entries: Vec<String>) {
        for entry in entries {
            if let Some(keys) = self.index.get_mut(&entry) {
                keys.remove(key);
                if keys.is_empty() {
                    self.index.remove(&entry);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ConfigMap;

    fn object(name: &str, group: &str) -> Arc<ConfigMap> {
        Arc::new(
            serde_json::from_value(
                serde_json::json!({"metadata": {"name": name, "namespace": "n", "labels": {"group": group}}}),
            )
            .unwrap(),
        )
    }

    fn versioned(version: &str, uid: &str) -> Arc<ConfigMap> {
        let mut object = object("a", "x").as_ref().clone();
        object.metadata.resource_version = Some(version.into());
        object.metadata.uid = Some(uid.into());
        Arc::new(object)
    }

    #[test]
    fn a_write_of_ours_is_known_before_the_watch_tells_and_brings_nothing_back() {
        let cache: Cache<ConfigMap> = Cache::new(|_| Vec::new());
        let now = |cache: &Cache<ConfigMap>| {
            cache
                .get(&Key::new("n", "a"))
                .and_then(|o| o.resource_version())
        };
        assert!(cache.advance(&versioned("5", "u")).is_none(), "it is gone");
        cache.insert(&versioned("5", "u"));
        assert!(cache.advance(&versioned("10", "u")).is_some());
        assert_eq!(now(&cache).as_deref(), Some("10"), "numbers, not text");
        assert!(cache.advance(&versioned("7", "u")).is_none(), "overtaken");
        assert!(
            cache.advance(&versioned("11", "other")).is_none(),
            "of another object"
        );
        assert!(cache.knows(&versioned("10", "u")) && !cache.knows(&versioned("11", "u")));
        assert!(!cache.knows(&versioned("11", "other")), "its successor");
        assert!(cache.knows(&versioned("3", "other")), "its predecessor");
    }

    #[test]
    fn what_was_seen_to_be_over_does_not_come_back() {
        let cache: Cache<ConfigMap> = Cache::new(|_| Vec::new());
        cache.insert(&versioned("10", "u"));
        assert!(cache.is_past(&versioned("9", "u")) && !cache.is_past(&versioned("10", "u")));
        assert!(cache.went(versioned("12", "u").as_ref()).is_some());
        assert!(cache.is_past(&versioned("10", "u")), "it is gone");
        assert!(!cache.is_past(&versioned("13", "next")));
        cache.insert(&versioned("13", "next"));
        assert!(cache.went(versioned("12", "u").as_ref()).is_none());
        assert!(
            cache.get(&Key::new("n", "a")).is_some(),
            "another has its name"
        );
        assert!(cache.went(versioned("14", "never-seen").as_ref()).is_some());
        for n in 0..=Gone::MOST {
            cache.went(versioned("20", &n.to_string()).as_ref());
        }
        assert!(cache.held.read().gone.uids.len() == Gone::MOST, "bounded");
    }

    #[test]
    fn the_index_follows_changes() {
        let cache: Cache<ConfigMap> = Cache::new(|o| o.labels().values().cloned().collect());
        cache.insert(&object("a", "x"));
        cache.insert(&object("b", "x"));
        assert_eq!(cache.count("x"), 2);
        cache.insert(&object("a", "y"));
        assert_eq!((cache.count("x"), cache.count("y")), (1, 1));
        assert_eq!(cache.find("y")[0].name_any(), "a");
        cache.remove(&Key::new("n", "b"));
        assert_eq!(cache.count("x"), 0);
        assert_eq!(cache.keys(Some("n")), [Key::new("n", "a")]);
        assert!(cache.keys(Some("other")).is_empty());
    }
}
