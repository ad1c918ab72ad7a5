//! Docker's configuration as pull secrets hold it.

use super::{Login, PullSecretError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::ByteString;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Key of the type `kubernetes.io/dockerconfigjson`.
const CONFIG: &str = ".dockerconfigjson";
/// Key of the older type `kubernetes.io/dockercfg`: the entries alone.
const OLD_CONFIG: &str = ".dockercfg";

#[derive(Deserialize)]
struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

/// What is known of one registry, or of a path in it.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) struct Entry {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    auth: String,
    #[serde(default)]
    identitytoken: String,
    #[serde(default)]
    registrytoken: String,
}

/// Entries by registry, out of a Secret's data.
pub(super) fn entries(
    data: &BTreeMap<String, ByteString>,
) -> Result<BTreeMap<String, Entry>, PullSecretError> {
    let bad = |_| PullSecretError::NotDockerConfig;
    match (data.get(CONFIG), data.get(OLD_CONFIG)) {
        (Some(config), _) => serde_json::from_slice::<DockerConfig>(&config.0)
            .map(|c| c.auths)
            .map_err(bad),
        (None, Some(entries)) => serde_json::from_slice(&entries.0).map_err(bad),
        (None, None) => Err(PullSecretError::NotDockerConfig),
    }
}

/// The login of an entry; `None` when it holds nothing.
pub(super) fn login(entry: &Entry) -> Result<Option<Login>, PullSecretError> {
    if !entry.registrytoken.is_empty() {
        return Ok(Some(Login {
            registry_token: Some(entry.registrytoken.clone()),
            ..Login::default()
        }));
    }
    let (mut username, mut password) = if entry.auth.trim().is_empty() {
        (entry.username.clone(), entry.password.clone())
    } else {
        decoded(&entry.auth)?
    };
    if !entry.identitytoken.is_empty() {
        // Registries take it in place of the password; where docker left no user, this is the one it stands for.
        if username.is_empty() {
            "<token>".clone_into(&mut username);
        }
        password.clone_from(&entry.identitytoken);
    }
    let holds = !username.is_empty() || !password.is_empty();
    Ok(holds.then_some(Login {
        username,
        password,
        registry_token: None,
    }))
}

fn decoded(auth: &str) -> Result<(String, String), PullSecretError> {
    let bytes = STANDARD
        .decode(auth.trim())
        .map_err(|_| PullSecretError::BadAuth)?;
    let text = String::from_utf8(bytes).map_err(|_| PullSecretError::BadAuth)?;
    let (username, password) = text.split_once(':').ok_or(PullSecretError::BadAuth)?;
    let password = password.trim_end_matches('\0');
    Ok((username.to_owned(), password.to_owned()))
}
