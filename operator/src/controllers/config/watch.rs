//! Notices changes at once, where the operator may list and watch ConfigMaps and Secrets (`--watch-config`). Only
//! metadata is asked for and nothing of it is kept.

use super::{saw, state};
use crate::controllers::Context;
use crate::core::config_refs::{Kind, Reference};
use futures::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::Event;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Resource, ResourceExt};
use std::pin::pin;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Watches one namespace, or all, until the token is cancelled.
pub async fn watch(context: Arc<Context>, namespace: Option<String>, stop: CancellationToken) {
    let place = namespace.as_deref();
    let both = async {
        tokio::join!(
            follow::<ConfigMap>(&context, place, Kind::ConfigMap),
            follow::<Secret>(&context, place, Kind::Secret),
        )
    };
    stop.run_until_cancelled(both).await;
}

async fn follow<K>(context: &Context, namespace: Option<&str>, kind: Kind)
where
    K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    K: Clone + serde::de::DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    let api: Api<PartialObjectMeta<K>> = match namespace {
        Some(namespace) => Api::namespaced(context.client(), namespace),
        None => Api::all(context.client()),
    };
    let events = watcher(api, watcher::Config::default()).default_backoff();
    let mut events = pin!(events);
    while let Some(event) = events.next().await {
        let (object, gone) = match event {
            Ok(Event::Apply(object) | Event::InitApply(object)) => (object, false),
            Ok(Event::Delete(object)) => (object, true),
            // What went while nobody watched is found by the reads by name.
            Ok(Event::Init | Event::InitDone) => continue,
            Err(error) => {
                tracing::warn!(?kind, %error, "watch interrupted; trying again");
                continue;
            }
        };
        let reference = Reference {
            kind,
            name: object.name_any(),
        };
        let version = if gone {
            String::new()
        } else {
            state(&object.metadata)
        };
        let namespace = object.namespace().unwrap_or_default();
        saw(context, &namespace, &reference, &version);
    }
}
