//! Owner references: background, foreground and orphaning deletion.

use serde_json::Value;

use super::edit::{edit, release};
use super::graph::{Graph, Links, Owner};
use super::{FOREGROUND, ORPHAN};
use crate::object_meta;
use crate::rest::{Api, Propagation};
use crate::status::ApiError;
use crate::store::Key;

/// How an owner stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It is there.
    Solid,
    /// It is gone, or another object has its name.
    Gone,
    /// It is being deleted and waits for its dependents.
    Waiting,
    /// Its kind is not served: nothing can be said about it.
    Unknown,
}

/// Does what follows from an object's owners and from its own deletion.
pub async fn look_at(api: &Api, graph: &Graph, key: &Key) -> Result<(), ApiError> {
    let Some(object) = api.store.get(key) else {
        return Ok(());
    };
    let links = Links::of(&object);
    if links.deleting && links.has(ORPHAN) {
        return orphan(api, graph, key, &links).await;
    }
    if links.deleting && links.has(FOREGROUND) {
        return foreground(api, graph, key, &links).await;
    }
    if links.owners.is_empty() || links.deleting {
        return Ok(());
    }
    let standings: Vec<Standing> = links
        .owners
        .iter()
        .map(|owner| standing(api, key, owner))
        .collect();
    if standings.contains(&Standing::Unknown) {
        return Ok(());
    }
    if standings.contains(&Standing::Solid) {
        let lost: Vec<String> = links
            .owners
            .iter()
            .zip(&standings)
            .filter(|(_, standing)| **standing != Standing::Solid)
            .map(|(owner, _)| owner.uid.clone())
            .collect();
        return forget(api, key, &lost).await;
    }
    let has_dependents = !graph.dependents(&links.uid).is_empty();
    let policy = if links.has(ORPHAN) {
        Propagation::Orphan
    } else if links.has(FOREGROUND) || (standings.contains(&Standing::Waiting) && has_dependents) {
        Propagation::Foreground
    } else {
        Propagation::Background
    };
    api.collect(key, &links.uid, Some(policy)).await
}

fn standing(api: &Api, dependent: &Key, owner: &Owner) -> Standing {
    let served = api.registry.served();
    let Some(resource) = served.of_kind(&owner.api_version, &owner.kind) else {
        return Standing::Unknown;
    };
    let namespace = if resource.namespaced {
        &*dependent.name.namespace
    } else {
        ""
    };
    if resource.namespaced && namespace.is_empty() {
        // A cluster-scoped object cannot belong to a namespaced one.
        return Standing::Unknown;
    }
    let Some(found) = api.store.get(&resource.key(namespace, &owner.name)) else {
        return Standing::Gone;
    };
    let links = Links::of(&found);
    if links.uid != owner.uid {
        Standing::Gone
    } else if links.deleting && links.has(FOREGROUND) {
        Standing::Waiting
    } else {
        Standing::Solid
    }
}

/// Deletes the dependents and releases the owner when none of the blocking ones is left.
async fn foreground(api: &Api, graph: &Graph, key: &Key, links: &Links) -> Result<(), ApiError> {
    let mut blocked = false;
    for dependent in graph.dependents(&links.uid) {
        let Some(object) = api.store.get(&dependent) else {
            continue;
        };
        let theirs = Links::of(&object);
        let Some(reference) = theirs.owners.iter().find(|owner| owner.uid == links.uid) else {
            continue;
        };
        blocked |= reference.block_owner_deletion == Some(true);
        if !theirs.deleting {
            // Its other owners decide whether it goes; each dependent is looked at by itself.
            Box::pin(look_at(api, graph, &dependent)).await?;
        }
    }
    let left = graph
        .dependents(&links.uid)
        .into_iter()
        .filter_map(|key| api.store.get(&key))
        .any(|object| {
            Links::of(&object)
                .owners
                .iter()
                .any(|owner| owner.uid == links.uid && owner.block_owner_deletion == Some(true))
        });
    if blocked && left {
        return Ok(());
    }
    release(api, key, FOREGROUND).await
}

/// Makes the dependents forget their owner, then releases it.
async fn orphan(api: &Api, graph: &Graph, key: &Key, links: &Links) -> Result<(), ApiError> {
    for dependent in graph.dependents(&links.uid) {
        forget(api, &dependent, std::slice::from_ref(&links.uid)).await?;
    }
    release(api, key, ORPHAN).await
}

async fn forget(api: &Api, key: &Key, uids: &[String]) -> Result<(), ApiError> {
    if uids.is_empty() {
        return Ok(());
    }
    edit(api, key, |object| {
        let owners = object_meta::owners(object);
        let kept: Vec<Value> = owners
            .iter()
            .filter(|owner| !uids.iter().any(|uid| owner["uid"] == uid.as_str()))
            .cloned()
            .collect();
        let changed = kept.len() != owners.len();
        let kept = if kept.is_empty() {
            Value::Null
        } else {
            Value::Array(kept)
        };
        object_meta::set(object, "ownerReferences", kept);
        changed
    })
    .await
}
