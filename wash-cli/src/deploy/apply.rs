//! Server-side apply of a manifest's objects.

use std::fmt;

use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::discovery::{self, Scope};

use super::manifest::type_of;
use crate::failure::Failure;

/// Field manager of what `wash` applies.
const FIELD_MANAGER: &str = "wash";

/// An object as the API server stored it, and how to read it again.
pub struct Applied {
    /// Reads the object's kind where it lives.
    pub api: Api<DynamicObject>,
    /// The object after it was applied.
    pub object: DynamicObject,
    kind: String,
    name: String,
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.to_lowercase(), self.name)
    }
}

/// Applies the objects in order. An object that names no namespace goes into `namespace`.
pub async fn apply(
    client: &kube::Client,
    namespace: &str,
    objects: &[DynamicObject],
    force: bool,
) -> Result<Vec<Applied>, Failure> {
    let params = PatchParams {
        force,
        field_validation: Some(kube::api::ValidationDirective::Strict),
        ..PatchParams::apply(FIELD_MANAGER)
    };
    let mut applied = Vec::with_capacity(objects.len());
    for object in objects {
        let types = type_of(object);
        let name = object.metadata.name.clone().unwrap_or_default();
        let api = api_of(client, namespace, object).await?;
        let stored = api
            .patch(&name, &params, &Patch::Apply(object))
            .await
            .map_err(|error| explain(error, &types.kind, &name))?;
        applied.push(Applied {
            api,
            object: stored,
            kind: types.kind,
            name,
        });
    }
    Ok(applied)
}

async fn api_of(
    client: &kube::Client,
    namespace: &str,
    object: &DynamicObject,
) -> Result<Api<DynamicObject>, Failure> {
    let types = type_of(object);
    let gvk = GroupVersionKind::try_from(types)?;
    let (resource, capabilities) = match discovery::pinned_kind(client, &gvk).await {
        Ok(found) => found,
        Err(kube::Error::Discovery(_)) => {
            return Err(Failure::with_hint(
                anyhow::anyhow!(
                    "the cluster does not know {} of {}",
                    gvk.kind,
                    gvk.api_version()
                ),
                "install wasmCloud's kinds with `runtime-operator install-crds`; `wash up` brings them along",
            ));
        }
        Err(kube::Error::Api(status)) if status.code == 404 => {
            return Err(Failure::with_hint(
                anyhow::anyhow!("the cluster does not serve {}", gvk.api_version()),
                "install wasmCloud's kinds with `runtime-operator install-crds`; `wash up` brings them along",
            ));
        }
        Err(error) => {
            return Err(anyhow::Error::from(error)
                .context("cannot ask the cluster which kinds it serves")
                .into());
        }
    };
    Ok(match capabilities.scope {
        Scope::Cluster => Api::all_with(client.clone(), &resource),
        Scope::Namespaced => {
            let namespace = object.metadata.namespace.as_deref().unwrap_or(namespace);
            Api::namespaced_with(client.clone(), namespace, &resource)
        }
    })
}

fn explain(error: kube::Error, kind: &str, name: &str) -> Failure {
    let what = format!("cannot apply {kind} {name}");
    match error {
        kube::Error::Api(status) if status.code == 409 => Failure::with_hint(
            anyhow::anyhow!("{what}: {}", status.message),
            "another manager owns these fields; take them over with --force-conflicts",
        ),
        kube::Error::Api(status) => anyhow::anyhow!("{what}: {}", status.message).into(),
        other => anyhow::Error::from(other).context(what).into(),
    }
}
