//! Identity and bookkeeping fields: the server's, owned by nobody.

use std::sync::LazyLock;

use super::field_set::{Entry, FieldSet};

static IGNORED: LazyLock<FieldSet> = LazyLock::new(|| {
    const METADATA: [&str; 9] = [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ];
    let mut below = FieldSet::default();
    for name in METADATA {
        below.insert(format!("f:{name}"), Entry::leaf());
    }
    let mut set = FieldSet::default();
    set.insert("f:apiVersion".to_owned(), Entry::leaf());
    set.insert("f:kind".to_owned(), Entry::leaf());
    set.insert(
        "f:metadata".to_owned(),
        Entry {
            member: true,
            children: below,
        },
    );
    set
});

/// `apiVersion`, `kind`, `metadata` itself and the metadata that the server writes.
pub(crate) fn ignored_fields() -> &'static FieldSet {
    &IGNORED
}
