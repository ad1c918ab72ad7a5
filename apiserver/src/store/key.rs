//! Where an object is kept.

use std::fmt;
use std::sync::Arc;

/// All objects of one resource: `<group>/<resource>` (the core group is the empty string).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bucket(Arc<str>);

impl Bucket {
    pub fn new(group: &str, resource: &str) -> Self {
        Self(format!("{group}/{resource}").into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// (group, resource)
    pub fn parts(&self) -> (&str, &str) {
        self.0.split_once('/').unwrap_or(("", &self.0))
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of an object within its bucket; the namespace of a cluster-scoped object is empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    pub namespace: Box<str>,
    pub name: Box<str>,
}

impl Name {
    pub fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

/// A bucket and a name in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub bucket: Bucket,
    pub name: Name,
}

impl Key {
    pub fn new(bucket: &Bucket, namespace: &str, name: &str) -> Self {
        Self {
            bucket: bucket.clone(),
            name: Name::new(namespace, name),
        }
    }

    /// `<group>/<resource>/<namespace>/<name>`; none of the four can hold a slash.
    pub fn path(&self) -> String {
        format!(
            "{}/{}/{}",
            self.bucket.as_str(),
            self.name.namespace,
            self.name.name
        )
    }

    pub fn parse(path: &str) -> Option<Self> {
        let mut parts = path.splitn(4, '/');
        let (group, resource) = (parts.next()?, parts.next()?);
        let (namespace, name) = (parts.next()?, parts.next()?);
        Some(Self {
            bucket: Bucket::new(group, resource),
            name: Name::new(namespace, name),
        })
    }
}
