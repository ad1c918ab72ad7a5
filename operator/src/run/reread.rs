//! Objects as the API server has them after a change of the CRDs.
//!
//! A watch that was opened before goes through the old schema for a moment: it shows an object, at its present
//! resourceVersion, without the new fields, and never again. What we want and what we hold would differ for ever.

use crate::controllers::Context;
use crate::watch::{Cache, Key};
use kube::api::ListParams;
use kube::core::{DeserializeGuard, NamespaceResourceScope};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::sync::Arc;

/// Replaces what is held at the same resourceVersion; anything else is the watches' business.
pub(super) async fn all(context: &Context) -> Result<(), kube::Error> {
    let options = &context.options;
    let own = [Some(options.namespace.clone())];
    let served: Vec<Option<String>> = match options.watch_namespaces.as_slice() {
        [] => vec![None],
        some => some.iter().cloned().map(Some).collect(),
    };
    let caches = &context.caches;
    kind(context, &own, &caches.hosts).await?;
    kind(context, &served, &caches.artifacts).await?;
    kind(context, &served, &caches.deployments).await?;
    kind(context, &served, &caches.replica_sets).await?;
    kind(context, &served, &caches.workloads).await
}

async fn kind<K>(
    context: &Context,
    namespaces: &[Option<String>],
    cache: &Cache<K>,
) -> Result<(), kube::Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    K: Clone + DeserializeOwned + Debug + Send + Sync + 'static,
{
    for namespace in namespaces {
        let api: Api<DeserializeGuard<K>> = match namespace {
            Some(namespace) => Api::namespaced(context.client(), namespace),
            None => Api::all(context.client()),
        };
        for object in api.list(&ListParams::default()).await? {
            // One that cannot be read is named in the log by the watch.
            let Ok(object) = object.0 else { continue };
            let held = cache.get(&Key::of(&object));
            if held.is_some_and(|held| held.resource_version() == object.resource_version()) {
                cache.insert(&Arc::new(object));
            }
        }
    }
    Ok(())
}
