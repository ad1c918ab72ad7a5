//! Makes the slices of a Service what they should be: first what is new or changed, then what goes, so that no
//! endpoint is out of every slice for a moment.

use super::MANAGER;
use crate::controllers::writes;
use crate::core::routes::Routes;
use crate::error::{Attempt, ReconcileError};
use crd_types::names::{ROUTE_MANAGER_LABEL, SERVICE_NAME_LABEL};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{ListParams, PostParams};
use kube::{Api, ResourceExt};

/// One write.
#[derive(Debug)]
enum Step {
    Create(EndpointSlice),
    Replace(EndpointSlice),
    Delete(EndpointSlice),
}

/// Whether what is held is what is wanted.
pub(super) fn settled(service: &Service, routes: &Routes, held: &[EndpointSlice]) -> bool {
    steps(held, routes.pack(service, held, &[]).0).is_empty()
}

/// Writes, from what the API server has now.
pub(super) async fn apply(
    api: &Api<EndpointSlice>,
    service: &Service,
    routes: &Routes,
) -> Result<(), ReconcileError> {
    let selector = format!(
        "{SERVICE_NAME_LABEL}={},{ROUTE_MANAGER_LABEL}=true",
        service.name_any()
    );
    let held = api
        .list(&ListParams::default().labels(&selector))
        .await
        .attempt("listing EndpointSlices")?
        .items;
    let mut taken: Vec<String> = Vec::new();
    for step in steps(&held, routes.pack(service, &held, &taken).0) {
        match step {
            Step::Create(slice) => create(api, slice, service, &mut taken).await?,
            Step::Replace(slice) => {
                let params = PostParams {
                    dry_run: false,
                    field_manager: Some(MANAGER.to_owned()),
                };
                api.replace(&slice.name_any(), &params, &slice)
                    .await
                    .attempt("replacing an EndpointSlice")?;
            }
            Step::Delete(old) => {
                writes::delete(api, &old.name_any(), &old.uid().unwrap_or_default()).await?;
            }
        }
    }
    Ok(())
}

/// Creates a slice, under another name when somebody who is not us has it.
async fn create(
    api: &Api<EndpointSlice>,
    mut slice: EndpointSlice,
    service: &Service,
    taken: &mut Vec<String>,
) -> Result<(), ReconcileError> {
    while writes::create(api, &slice, MANAGER).await?.is_none() {
        taken.push(slice.name_any());
        slice.metadata.name = Some(Routes::other_name(service, &slice, taken));
    }
    taken.push(slice.name_any());
    Ok(())
}

fn steps(held: &[EndpointSlice], wanted: Vec<EndpointSlice>) -> Vec<Step> {
    let mut gone: Vec<EndpointSlice> = held.to_vec();
    let mut steps = Vec::new();
    for slice in wanted {
        let Some(at) = gone.iter().position(|s| s.name_any() == slice.name_any()) else {
            steps.push(Step::Create(slice));
            continue;
        };
        let old = gone.swap_remove(at);
        if differs(&old, &slice) {
            let mut next = slice;
            next.metadata.uid = old.uid();
            next.metadata.resource_version = old.resource_version();
            // What others have added stays.
            let mut labels = old.metadata.labels.unwrap_or_default();
            labels.extend(next.metadata.labels.take().unwrap_or_default());
            next.metadata.labels = Some(labels);
            next.metadata.annotations = old.metadata.annotations;
            steps.push(Step::Replace(next));
        }
    }
    steps.extend(gone.into_iter().map(Step::Delete));
    steps
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
