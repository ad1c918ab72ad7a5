//! Routes: the EndpointSlices of Services that Workloads name.

use super::queue::Next;
use super::{Context, writes};
use crate::core::routes::{self, Backend};
use crate::error::{Attempt, ReconcileError};
use crate::watch::{self, Key};
use crd_types::names::{ROUTE_MANAGER_LABEL, SERVICE_NAME_LABEL};
use crd_types::{Workload, condition};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::ListParams;
use kube::{Api, Resource, ResourceExt};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

const MANAGER: &str = "workload-route";

/// One look at a Service.
pub async fn reconcile(context: Arc<Context>, key: Key) -> Result<Next, ReconcileError> {
    let Some(service) = context.caches.services.get(&key) else {
        return Ok(Next::Wait);
    };
    if service.meta().deletion_timestamp.is_some() {
        return Ok(Next::Wait);
    }
    let workloads = context
        .caches
        .workloads
        .find(&watch::behind(&key.namespace, &key.name));
    let api: Api<EndpointSlice> = Api::namespaced(context.client(), &key.namespace);
    let selector = format!(
        "{SERVICE_NAME_LABEL}={},{ROUTE_MANAGER_LABEL}=true",
        key.name
    );
    let held = api
        .list(&ListParams::default().labels(&selector))
        .await
        .attempt("listing EndpointSlices")?
        .items;
    if workloads.is_empty() && held.is_empty() {
        return Ok(Next::Wait);
    }
    if !workloads.is_empty() && has_selector(&service) {
        let note = "the Service has a selector, so Kubernetes writes its endpoints; remove the selector to have it lead to Workloads";
        context
            .events
            .warning(service.as_ref(), "ServiceHasSelector", "Route", note)
            .await;
        return Ok(Next::Wait);
    }
    let backends: Vec<Backend> = workloads
        .iter()
        .filter_map(|w| backend(&context, w))
        .collect();
    let routes = routes::build(&service, &backends);
    if !routes.not_routable.is_empty() {
        let addresses: Vec<String> = routes.not_routable.iter().map(IpAddr::to_string).collect();
        let note = format!(
            "hosts at {} cannot be reached from other machines and are left out",
            addresses.join(", ")
        );
        context
            .events
            .warning(service.as_ref(), "AddressNotRoutable", "Route", &note)
            .await;
    }
    apply(&api, held, routes.slices).await?;
    Ok(Next::Wait)
}

fn has_selector(service: &Service) -> bool {
    service
        .spec
        .as_ref()
        .and_then(|s| s.selector.as_ref())
        .is_some_and(|s| !s.is_empty())
}

/// The host of a Workload, when requests can go there.
fn backend(context: &Context, workload: &Workload) -> Option<Backend> {
    let status = workload.status.as_ref()?;
    let host = context.fleet.get(status.host_id.as_deref()?)?;
    if host.lost_since.is_some_and(|at| at <= Instant::now())
        || !condition::is_true(&status.conditions, "Ready")
    {
        return None;
    }
    let announced = host.announced.iter().flat_map(|a| &a.addresses);
    let address: IpAddr = std::iter::once(&host.beat.hostname)
        .chain(announced)
        .find_map(|text| text.parse().ok())?;
    let terminating = workload.meta().deletion_timestamp.is_some();
    (host.beat.http_port > 0).then(|| Backend {
        address,
        port: host.beat.http_port,
        ready: !terminating,
        serving: true,
        terminating,
        workload: (workload.name_any(), workload.uid().unwrap_or_default()),
    })
}

/// Creates, replaces and deletes until what is held is what is wanted.
async fn apply(
    api: &Api<EndpointSlice>,
    held: Vec<EndpointSlice>,
    wanted: Vec<EndpointSlice>,
) -> Result<(), ReconcileError> {
    let mut held: BTreeMap<String, EndpointSlice> =
        held.into_iter().map(|s| (s.name_any(), s)).collect();
    for slice in wanted {
        match held.remove(&slice.name_any()) {
            None => {
                writes::create(api, &slice, MANAGER).await?;
            }
            // The family of a slice cannot change.
            Some(old) if old.address_type != slice.address_type => {
                writes::delete(api, &old.name_any(), &old.uid().unwrap_or_default()).await?;
                writes::create(api, &slice, MANAGER).await?;
            }
            Some(old) if differs(&old, &slice) => {
                let mut next = slice;
                next.metadata.uid = old.uid();
                next.metadata.resource_version = old.resource_version();
                let params = kube::api::PostParams {
                    dry_run: false,
                    field_manager: Some(MANAGER.to_owned()),
                };
                api.replace(&next.name_any(), &params, &next)
                    .await
                    .attempt("replacing an EndpointSlice")?;
            }
            Some(_) => {}
        }
    }
    for old in held.into_values() {
        writes::delete(api, &old.name_any(), &old.uid().unwrap_or_default()).await?;
    }
    Ok(())
}

fn differs(old: &EndpointSlice, new: &EndpointSlice) -> bool {
    old.endpoints != new.endpoints
        || old.ports != new.ports
        || old.metadata.owner_references != new.metadata.owner_references
        || new
            .labels()
            .iter()
            .any(|(key, value)| old.labels().get(key) != Some(value))
}
