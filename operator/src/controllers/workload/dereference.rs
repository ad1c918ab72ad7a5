//! Reads by name, uncached: ConfigMaps, Secrets, pull secrets. Nothing is listed, nothing is kept.

use crate::controllers::Context;
use crate::controllers::pull_secrets::{Logins, Unusable};
use crate::core::config_layers::{self, LayerError, Source};
use crate::core::pull_secret::Login;
use crate::error::{Attempt, ReconcileError};
use crd_types::{ConfigRef, LocalResources, Workload};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, ResourceExt};
use protocol::Reason;
use std::collections::BTreeMap;

/// Everything a Workload refers to, read.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    /// Configuration of each host interface, in their order.
    pub interfaces: Vec<BTreeMap<String, String>>,
    /// Environment of each component, in their order.
    pub components: Vec<BTreeMap<String, String>>,
    /// Environment of the service.
    pub service: BTreeMap<String, String>,
    /// Login for each component's image, in their order.
    pub logins: Vec<Option<Login>>,
    /// Login for the service's image.
    pub service_login: Option<Login>,
}

/// A reference that does not lead to anything usable.
#[derive(Debug)]
pub(super) struct Unresolved {
    pub reason: Reason,
    pub message: String,
}

impl From<Unusable> for Unresolved {
    fn from(Unusable { reason, message }: Unusable) -> Self {
        Self { reason, message }
    }
}

/// Reads everything; the inner error is the user's to mend.
pub(super) async fn resolve(
    context: &Context,
    workload: &Workload,
) -> Result<Result<Resolved, Unresolved>, ReconcileError> {
    let namespace = workload.namespace().unwrap_or_default();
    let client = context.client();
    let mut reader = Reader {
        logins: Logins::of(context, &namespace),
        config_maps: Api::namespaced(client.clone(), &namespace),
        maps: BTreeMap::new(),
    };
    let mut resolved = Resolved::default();
    macro_rules! usable {
        ($what:expr) => {
            match $what {
                Ok(value) => value,
                Err(unresolved) => return Ok(Err(unresolved.into())),
            }
        };
    }
    for interface in &workload.spec.host_interfaces {
        let layers = (
            &interface.config,
            interface.config_from.as_slice(),
            interface.secret_from.as_slice(),
        );
        resolved
            .interfaces
            .push(usable!(reader.merge(layers).await?));
    }
    for component in &workload.spec.components {
        resolved.components.push(usable!(
            reader
                .environment(component.local_resources.as_ref())
                .await?
        ));
        let secret = component
            .image_pull_secret
            .as_ref()
            .map(|s| s.name.as_str());
        resolved.logins.push(usable!(
            reader.logins.login(&component.image, secret).await?
        ));
    }
    if let Some(service) = &workload.spec.service {
        resolved.service = usable!(reader.environment(service.local_resources.as_ref()).await?);
        let secret = service.image_pull_secret.as_ref().map(|s| s.name.as_str());
        resolved.service_login = usable!(reader.logins.login(&service.image, secret).await?);
    }
    Ok(Ok(resolved))
}

type Layers<'a> = (
    &'a BTreeMap<String, String>,
    &'a [ConfigRef],
    &'a [ConfigRef],
);

/// Reads each object once for one resolution.
struct Reader<'a> {
    logins: Logins<'a>,
    config_maps: Api<ConfigMap>,
    maps: BTreeMap<String, Option<BTreeMap<String, String>>>,
}

impl Reader<'_> {
    async fn environment(
        &mut self,
        resources: Option<&LocalResources>,
    ) -> Result<Result<BTreeMap<String, String>, Unresolved>, ReconcileError> {
        match resources.and_then(|r| r.environment.as_ref()) {
            None => Ok(Ok(BTreeMap::new())),
            Some(e) => {
                self.merge((&e.config, &e.config_from, &e.secret_from))
                    .await
            }
        }
    }

    async fn merge(
        &mut self,
        (literal, config_from, secret_from): Layers<'_>,
    ) -> Result<Result<BTreeMap<String, String>, Unresolved>, ReconcileError> {
        let mut config_maps = Vec::with_capacity(config_from.len());
        for reference in config_from {
            let data = match self.config_map(&reference.name).await? {
                Ok(data) => data,
                Err(unresolved) => return Ok(Err(unresolved)),
            };
            config_maps.push(Source {
                name: reference.name.clone(),
                optional: reference.optional,
                data,
            });
        }
        let mut secrets = Vec::with_capacity(secret_from.len());
        for reference in secret_from {
            let data = match self.logins.secrets.get(&reference.name).await? {
                None => None,
                Some(secret) => {
                    let data = secret.data.clone().unwrap_or_default();
                    match config_layers::secret_text(&reference.name, &data) {
                        Ok(text) => Some(text),
                        Err(error) => return Ok(Err(unusable(&error))),
                    }
                }
            };
            secrets.push(Source {
                name: reference.name.clone(),
                optional: reference.optional,
                data,
            });
        }
        Ok(config_layers::merge(literal, config_maps, secrets).map_err(|error| unusable(&error)))
    }

    async fn config_map(
        &mut self,
        name: &str,
    ) -> Result<Result<Option<BTreeMap<String, String>>, Unresolved>, ReconcileError> {
        if let Some(held) = self.maps.get(name) {
            return Ok(Ok(held.clone()));
        }
        let read = self
            .config_maps
            .get_opt(name)
            .await
            .attempt("reading a ConfigMap")?;
        let data = match read
            .map(|map| config_layers::map_text(name, map))
            .transpose()
        {
            Ok(data) => data,
            Err(error) => return Ok(Err(unusable(&error))),
        };
        self.maps.insert(name.to_owned(), data.clone());
        Ok(Ok(data))
    }
}

fn unusable(error: &LayerError) -> Unresolved {
    let reason = match error {
        LayerError::NotFound { .. } => Reason::ConfigNotFound,
        LayerError::NotText { .. } | LayerError::Binary { .. } => Reason::ConfigInvalid,
    };
    Unresolved {
        reason,
        message: error.to_string(),
    }
}
