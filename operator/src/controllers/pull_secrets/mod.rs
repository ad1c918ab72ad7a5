//! Logins for registries: from the pull secret that is named, else from those of the namespace's default account. Read
//! by name, uncached.

mod default_account;

pub use default_account::Memory;

use super::Context;
use crate::core::pull_secret::{Keyring, Login};
use crate::error::{Attempt, ReconcileError};
use default_account::DefaultSecrets;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use protocol::Reason;
use std::collections::BTreeMap;

/// Secrets of a namespace, each read once.
#[derive(Debug)]
pub(super) struct Secrets {
    api: Api<Secret>,
    held: BTreeMap<String, Option<Secret>>,
}

impl Secrets {
    pub(super) async fn get(&mut self, name: &str) -> Result<Option<&Secret>, ReconcileError> {
        if !self.held.contains_key(name) {
            let read = self.api.get_opt(name).await.attempt("reading a Secret")?;
            self.held.insert(name.to_owned(), read);
        }
        Ok(self.held.get(name).and_then(Option::as_ref))
    }
}

/// A pull secret that is missing or of no use: the user's to mend.
#[derive(Debug)]
pub(super) struct Unusable {
    pub reason: Reason,
    pub message: String,
}

/// Logins in one namespace.
pub(super) struct Logins<'a> {
    pub secrets: Secrets,
    account: DefaultSecrets<'a>,
    defaults: Option<Keyring>,
}

impl<'a> Logins<'a> {
    pub(super) fn of(context: &'a Context, namespace: &str) -> Self {
        Self {
            secrets: Secrets {
                api: Api::namespaced(context.client(), namespace),
                held: BTreeMap::new(),
            },
            account: DefaultSecrets::of(context, namespace),
            defaults: None,
        }
    }

    /// From the secret that is named, which has to be there; else from those of the namespace's default account, as
    /// far as they are.
    pub(super) async fn login(
        &mut self,
        image: &str,
        secret: Option<&str>,
    ) -> Result<Result<Option<Login>, Unusable>, ReconcileError> {
        let Some(name) = secret.filter(|name| !name.is_empty()) else {
            return self.by_default(image).await.map(Ok);
        };
        let Some(secret) = self.secrets.get(name).await? else {
            return Ok(Err(Unusable {
                reason: Reason::ConfigNotFound,
                message: format!("Secret {name}, named by imagePullSecret, does not exist"),
            }));
        };
        let mut keyring = Keyring::default();
        let found = keyring
            .add(&secret.data.clone().unwrap_or_default())
            .and_then(|()| keyring.find(image));
        Ok(found.map_err(|error| Unusable {
            reason: Reason::ConfigInvalid,
            message: format!("Secret {name}, named by imagePullSecret, {error}"),
        }))
    }

    async fn by_default(&mut self, image: &str) -> Result<Option<Login>, ReconcileError> {
        let keyring = match self.defaults.take() {
            Some(held) => held,
            None => self.default_keyring().await?,
        };
        let found = self.defaults.insert(keyring).find(image);
        Ok(found.unwrap_or_else(|error| {
            tracing::warn!(image, %error, "a pull secret of the default account cannot be used");
            None
        }))
    }

    /// Pull secrets of the default account. One that is missing or of no use is passed over, as by the kubelet.
    async fn default_keyring(&mut self) -> Result<Keyring, ReconcileError> {
        let mut keyring = Keyring::default();
        for name in self.account.names().await? {
            let Some(secret) = self.secrets.get(&name).await? else {
                tracing::debug!(secret = %name, "a pull secret of the default account does not exist");
                continue;
            };
            if let Err(error) = keyring.add(&secret.data.clone().unwrap_or_default()) {
                tracing::warn!(secret = %name, %error, "a pull secret of the default account cannot be used");
            }
        }
        Ok(keyring)
    }
}
