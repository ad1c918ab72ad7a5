//! What a namespace that is being deleted still waits for, as its conditions say it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::object_meta;
use crate::store::Object;

/// Brings `status` up to what is left; answers whether that changed it.
pub fn describe(namespace: &mut Value, left: &[Arc<Object>], now: &str) -> bool {
    let old = namespace["status"]["conditions"].take();
    let before = |kind: &str| {
        let mut conditions = old.as_array().into_iter().flatten();
        conditions.find(|condition| condition["type"] == kind)
    };
    let conditions: Vec<Value> = findings(left)
        .into_iter()
        .map(|(kind, status, reason, message)| {
            let since = match before(kind) {
                Some(before) if before["status"] == status => before["lastTransitionTime"].clone(),
                _ => json!(now),
            };
            json!({
                "type": kind, "status": status, "reason": reason, "message": message,
                "lastTransitionTime": since,
            })
        })
        .collect();
    let conditions = Value::from(conditions);
    let changed = conditions != old;
    namespace["status"]["conditions"] = conditions;
    changed
}

type Finding = (&'static str, &'static str, &'static str, String);

fn findings(left: &[Arc<Object>]) -> [Finding; 5] {
    let mut content: BTreeMap<String, usize> = BTreeMap::new();
    let mut finalizers: BTreeMap<String, usize> = BTreeMap::new();
    for object in left {
        let (group, plural) = object.key.bucket.parts();
        *content.entry(format!("{plural}.{group}")).or_default() += 1;
        for finalizer in object_meta::finalizers(&object.value()) {
            *finalizers.entry(finalizer.to_owned()).or_default() += 1;
        }
    }
    let list = |counts: &BTreeMap<String, usize>, word: &str| {
        let parts: Vec<String> = counts
            .iter()
            .map(|(name, count)| format!("{name} {word} {count} resource instances"))
            .collect();
        parts.join(", ")
    };
    let remaining = if content.is_empty() {
        (
            "NamespaceContentRemaining",
            "False",
            "ContentRemoved",
            "All content successfully removed".to_owned(),
        )
    } else {
        let what = list(&content, "has");
        (
            "NamespaceContentRemaining",
            "True",
            "SomeResourcesRemain",
            format!("Some resources are remaining: {what}"),
        )
    };
    let held = if finalizers.is_empty() {
        (
            "NamespaceFinalizersRemaining",
            "False",
            "ContentHasNoFinalizers",
            "All content-preserving finalizers finished".to_owned(),
        )
    } else {
        let what = list(&finalizers, "in");
        (
            "NamespaceFinalizersRemaining",
            "True",
            "SomeFinalizersRemain",
            format!("Some content in the namespace has finalizers remaining: {what}"),
        )
    };
    [
        (
            "NamespaceDeletionDiscoveryFailure",
            "False",
            "ResourcesDiscovered",
            "All resources successfully discovered".to_owned(),
        ),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            "False",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed".to_owned(),
        ),
        (
            "NamespaceDeletionContentFailure",
            "False",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization".to_owned(),
        ),
        remaining,
        held,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Bucket, Key};

    #[test]
    fn what_holds_a_namespace_is_said_once() {
        let key = Key::new(&Bucket::new("", "configmaps"), "ns", "a");
        let value = json!({"metadata": {"name": "a", "finalizers": ["example.com/hold"]}});
        let left = [Arc::new(Object::encode(key, 1, value).unwrap())];
        let mut namespace = json!({"status": {"phase": "Terminating"}});
        assert!(describe(&mut namespace, &left, "then"));
        let condition = |namespace: &Value, index: usize| {
            let condition = namespace["status"]["conditions"][index].clone();
            format!(
                "{} {}: {}",
                condition["type"], condition["status"], condition["message"]
            )
        };
        assert_eq!(
            condition(&namespace, 3),
            "\"NamespaceContentRemaining\" \"True\": \"Some resources are remaining: configmaps. has 1 resource instances\""
        );
        assert!(condition(&namespace, 4).contains("example.com/hold in 1 resource instances"));
        // Looked at again, nothing is written.
        assert!(!describe(&mut namespace, &left, "now"));
        assert!(describe(&mut namespace, &[], "now"));
        assert_eq!(namespace["status"]["phase"], "Terminating");
    }
}
