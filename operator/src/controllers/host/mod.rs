//! Hosts: the object follows what the host reports. Identity by server-side apply, status when it is worth a
//! write; a host that has been lost for a while loses its object.

pub mod build;
pub mod pods;
mod tell;

use super::queue::Next;
use super::{Context, writes};
use crate::bus::HostView;
use crate::core::host_status::{Urgency, urgency};
use crate::error::{Attempt, ReconcileError};
use crate::watch::Key;
use crd_types::Host;
use crd_types::names::{HOST_FINALIZER, LEGACY_FINALIZERS};
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use std::sync::Arc;
use std::time::{Duration, Instant};

const MANAGER: &str = "host-status-updater";
/// How often load figures are looked at.
const LOOK: Duration = Duration::from_secs(15);

/// One look at a Host, by the name of its object.
pub async fn reconcile(context: Arc<Context>, key: Key) -> Result<Next, ReconcileError> {
    let api: Api<Host> = Api::namespaced(context.client(), &key.namespace);
    let object = context.caches.hosts.get(&key);
    if let Some(leaving) = object
        .as_ref()
        .filter(|o| o.meta().deletion_timestamp.is_some())
    {
        // Nothing hangs on the object: its workloads follow the host, and it comes back with the next heartbeat.
        strip(&api, leaving, |f| f == HOST_FINALIZER || legacy(f)).await?;
        return Ok(Next::After(LOOK));
    }
    let Some(view) = context.fleet.named(&key.name) else {
        // A process that now goes by another name left this object behind.
        if let Some(object) = object
            && context.fleet.get(&object.host_id).is_some()
        {
            writes::delete(&api, &key.name, &object.uid().unwrap_or_default()).await?;
        }
        return Ok(Next::Wait);
    };
    let Some(object) = object else {
        return if view.heard && view.lost_since.is_none() {
            identity(&api, &view).await?;
            Ok(Next::After(Duration::from_secs(1)))
        } else {
            Ok(Next::Wait)
        };
    };
    // Those of earlier releases would keep Pods and namespaces from going while no operator runs.
    strip(&api, &object, legacy).await?;
    if let Some(next) = retire(&context, &api, &object, &view).await? {
        return Ok(next);
    }
    if view.heard && !build::same_identity(&object, &view) {
        identity(&api, &view).await?;
    }
    status(&context, &api, &object, &view).await?;
    Ok(Next::After(LOOK))
}

fn legacy(finalizer: &str) -> bool {
    LEGACY_FINALIZERS.contains(&finalizer)
}

async fn strip(
    api: &Api<Host>,
    object: &Host,
    unwanted: impl Fn(&str) -> bool,
) -> Result<(), ReconcileError> {
    let held = object.finalizers();
    let rest: Vec<String> = held.iter().filter(|f| !unwanted(f)).cloned().collect();
    if rest.len() < held.len() {
        writes::finalizers(api, object, &rest, MANAGER).await?;
    }
    Ok(())
}

async fn identity(api: &Api<Host>, view: &HostView) -> Result<(), ReconcileError> {
    let params = PatchParams::apply(MANAGER).force();
    let body = build::identity(view);
    api.patch(&view.beat.name, &params, &Patch::Apply(&body))
        .await
        .attempt("applying a Host")?;
    Ok(())
}

/// Deletes the object of a host that has been lost for long enough.
async fn retire(
    context: &Context,
    api: &Api<Host>,
    object: &Host,
    view: &HostView,
) -> Result<Option<Next>, ReconcileError> {
    let Some(since) = view.lost_since else {
        return Ok(None);
    };
    if object.unschedulable {
        // Whoever cordoned it has not said that it may take work again.
        return Ok(None);
    }
    let age = Instant::now().saturating_duration_since(since);
    if let Some(rest) = context
        .options
        .retention(!view.owed.is_empty())
        .checked_sub(age)
        .filter(|r| !r.is_zero())
    {
        status(context, api, object, view).await?;
        return Ok(Some(Next::After(rest)));
    }
    writes::delete(api, &object.name_any(), &object.uid().unwrap_or_default()).await?;
    context.fleet.forget(&view.beat.id);
    Ok(Some(Next::After(Duration::from_secs(1))))
}

async fn status(
    context: &Context,
    api: &Api<Host>,
    object: &Host,
    view: &HostView,
) -> Result<(), ReconcileError> {
    if !view.heard && view.lost_since.is_none() {
        return Ok(());
    }
    let known = build::status(object, view);
    let write = match urgency(object.status.as_ref(), &known) {
        Urgency::None => false,
        Urgency::Now => true,
        Urgency::Budgeted => context.host_budget.lock().take(Instant::now()),
    };
    if write {
        let mut wanted = object.clone();
        wanted.status = Some(known.clone());
        writes::status(&context.schemas, api, object, wanted, MANAGER).await?;
        tell::transition(context, object, &known).await;
    }
    Ok(())
}
