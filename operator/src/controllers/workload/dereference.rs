//! Reads by name, uncached: ConfigMaps, Secrets, pull secrets. Nothing is listed, nothing is kept.

use super::default_secrets::DefaultSecrets;
use crate::controllers::Context;
use crate::core::config_layers::{self, LayerError, Source};
use crate::core::pull_secret::{Keyring, Login};
use crate::error::{Attempt, ReconcileError};
use crd_types::{ConfigRef, LocalResources, Workload};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
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

/// Reads everything; the inner error is the user's to mend.
pub(super) async fn resolve(
    context: &Context,
    workload: &Workload,
) -> Result<Result<Resolved, Unresolved>, ReconcileError> {
    let namespace = workload.namespace().unwrap_or_default();
    let client = context.client();
    let mut reader = Reader {
        defaults_of: DefaultSecrets::of(context, &namespace),
        defaults: None,
        config_maps: Api::namespaced(client.clone(), &namespace),
        secrets: Api::namespaced(client, &namespace),
        maps: BTreeMap::new(),
        held: BTreeMap::new(),
    };
    let mut resolved = Resolved::default();
    macro_rules! usable {
        ($what:expr) => {
            match $what {
                Ok(value) => value,
                Err(unresolved) => return Ok(Err(unresolved)),
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
        resolved
            .logins
            .push(usable!(reader.login(&component.image, secret).await?));
    }
    if let Some(service) = &workload.spec.service {
        resolved.service = usable!(reader.environment(service.local_resources.as_ref()).await?);
        let secret = service.image_pull_secret.as_ref().map(|s| s.name.as_str());
        resolved.service_login = usable!(reader.login(&service.image, secret).await?);
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
    defaults_of: DefaultSecrets<'a>,
    defaults: Option<Keyring>,
    config_maps: Api<ConfigMap>,
    secrets: Api<Secret>,
    maps: BTreeMap<String, Option<BTreeMap<String, String>>>,
    held: BTreeMap<String, Option<Secret>>,
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
            let data = match self.secret(&reference.name).await? {
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

    /// From the secret that is named, which has to be there; else from those of the namespace's default account, as
    /// far as they are.
    async fn login(
        &mut self,
        image: &str,
        secret: Option<&str>,
    ) -> Result<Result<Option<Login>, Unresolved>, ReconcileError> {
        let Some(name) = secret.filter(|name| !name.is_empty()) else {
            if self.defaults.is_none() {
                self.defaults = Some(self.default_keyring().await?);
            }
            let defaults = self.defaults.as_ref().map(|ring| ring.find(image));
            return Ok(Ok(match defaults {
                Some(Ok(login)) => login,
                Some(Err(error)) => {
                    tracing::warn!(image, %error, "a pull secret of the default account cannot be used");
                    None
                }
                None => None,
            }));
        };
        let Some(secret) = self.secret(name).await? else {
            let message = format!("Secret {name}, named by imagePullSecret, does not exist");
            return Ok(Err(Unresolved {
                reason: Reason::ConfigNotFound,
                message,
            }));
        };
        let mut keyring = Keyring::default();
        let found = keyring
            .add(&secret.data.clone().unwrap_or_default())
            .and_then(|()| keyring.find(image));
        Ok(found.map_err(|error| Unresolved {
            reason: Reason::ConfigInvalid,
            message: format!("Secret {name}, named by imagePullSecret, {error}"),
        }))
    }

    /// Pull secrets of the default account. One that is missing or of no use is passed over, as by the kubelet.
    async fn default_keyring(&mut self) -> Result<Keyring, ReconcileError> {
        let mut keyring = Keyring::default();
        for name in self.defaults_of.names().await? {
            let Some(secret) = self.secret(&name).await? else {
                tracing::debug!(secret = %name, "a pull secret of the default account does not exist");
                continue;
            };
            if let Err(error) = keyring.add(&secret.data.clone().unwrap_or_default()) {
                tracing::warn!(secret = %name, %error, "a pull secret of the default account cannot be used");
            }
        }
        Ok(keyring)
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

    async fn secret(&mut self, name: &str) -> Result<Option<&Secret>, ReconcileError> {
        if !self.held.contains_key(name) {
            let read = self
                .secrets
                .get_opt(name)
                .await
                .attempt("reading a Secret")?;
            self.held.insert(name.to_owned(), read);
        }
        Ok(self.held.get(name).and_then(Option::as_ref))
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
