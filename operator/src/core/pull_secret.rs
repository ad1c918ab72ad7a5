//! Credentials for an image out of docker configuration files, matched as the kubelet does: by registry with
//! wildcards for labels of its name, and by path.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::collections::BTreeMap;
use thiserror::Error;

/// A user name and a password. Neither is shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// User name.
    pub username: String,
    /// Password.
    pub password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}

/// Why a pull secret cannot be used. No text carries any of its content.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum PullSecretError {
    /// Not a JSON document with `auths`.
    #[error("is not a docker configuration: expected JSON with an `auths` object")]
    NotDockerConfig,
    /// `auth` is not base64 of `user:password`.
    #[error("has an `auth` entry that is not base64 of user:password")]
    BadAuth,
}

#[derive(Deserialize)]
struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    auth: String,
}

/// The login for an image, from the entry with the longest path that matches; `None` when no entry does, and then
/// nothing is to be sent.
pub fn find(image: &str, docker_config: &[u8]) -> Result<Option<Login>, PullSecretError> {
    let config: DockerConfig =
        serde_json::from_slice(docker_config).map_err(|_| PullSecretError::NotDockerConfig)?;
    let (registry, path) = split(image);
    let best = config
        .auths
        .iter()
        .filter_map(|(key, entry)| Some((matched_length(key, registry, &path)?, entry)))
        .max_by_key(|(length, _)| *length);
    let Some((_, entry)) = best else {
        return Ok(None);
    };
    let login = if entry.auth.is_empty() {
        Login {
            username: entry.username.clone(),
            password: entry.password.clone(),
        }
    } else {
        let bytes = STANDARD
            .decode(entry.auth.trim())
            .map_err(|_| PullSecretError::BadAuth)?;
        let text = String::from_utf8(bytes).map_err(|_| PullSecretError::BadAuth)?;
        let (username, password) = text.split_once(':').ok_or(PullSecretError::BadAuth)?;
        Login {
            username: username.to_owned(),
            password: password.trim_end_matches('\0').to_owned(),
        }
    };
    Ok((!login.username.is_empty() || !login.password.is_empty()).then_some(login))
}

/// Registry and repository path of an image reference, with Docker Hub's defaults.
fn split(image: &str) -> (&str, String) {
    let without_digest = image.split('@').next().unwrap_or(image);
    let last = without_digest.rfind('/').map_or(0, |slash| slash + 1);
    let end = without_digest[last..]
        .find(':')
        .map_or(without_digest.len(), |colon| last + colon);
    let name = &without_digest[..end];
    match name.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => {
            (first, rest.to_owned())
        }
        Some(_) => ("docker.io", name.to_owned()),
        None => ("docker.io", format!("library/{name}")),
    }
}

/// Length of the key's path when it matches; longer is more specific.
fn matched_length(key: &str, registry: &str, path: &str) -> Option<usize> {
    let key = key
        .trim_start_matches("https://")
        .trim_start_matches("http://");
    let (host, key_path) = key.split_once('/').unwrap_or((key, ""));
    let key_path = key_path.trim_end_matches('/');
    let hub = |host: &str| {
        matches!(
            host,
            "index.docker.io" | "docker.io" | "registry-1.docker.io"
        )
    };
    let key_path = if hub(host) && matches!(key_path, "v1" | "v2") {
        ""
    } else {
        key_path
    };
    let same_host = (hub(host) && hub(registry)) || host_matches(host, registry);
    let below = key_path.is_empty()
        || path == key_path
        || path
            .strip_prefix(key_path)
            .is_some_and(|rest| rest.starts_with('/'));
    (same_host && below).then_some(key_path.len())
}

fn host_matches(pattern: &str, host: &str) -> bool {
    let port = |text: &str| text.rsplit_once(':').map(|(_, port)| port.to_owned());
    let name = |text: &str| text.split(':').next().unwrap_or(text).to_ascii_lowercase();
    if port(pattern) != port(host) {
        return false;
    }
    let (pattern, host) = (name(pattern), name(host));
    let (pattern, host): (Vec<&str>, Vec<&str>) =
        (pattern.split('.').collect(), host.split('.').collect());
    pattern.len() == host.len() && pattern.iter().zip(&host).all(|(p, h)| label_matches(p, h))
}

/// A label of a host name against a pattern with `*` for any run of characters.
fn label_matches(pattern: &str, label: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == label,
        Some((head, tail)) => label.strip_prefix(head).is_some_and(|rest| {
            (0..=rest.len()).any(|at| rest.is_char_boundary(at) && label_matches(tail, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(image: &str, config: &serde_json::Value) -> Option<String> {
        find(image, config.to_string().as_bytes())
            .unwrap()
            .map(|l| l.username)
    }

    #[test]
    fn w14_the_longest_matching_path_wins_and_no_match_sends_nothing() {
        let entry = |name: &str| serde_json::json!({"username": name, "password": "p"});
        let config = serde_json::json!({"auths": {
            "registry.example": entry("all"),
            "registry.example/team": entry("team"),
            "*.internal.example:5000": entry("wild"),
            "https://index.docker.io/v1/": entry("hub"),
        }});
        for (image, expected) in [
            ("registry.example/other/app:1", Some("all")),
            ("registry.example/team/app:1", Some("team")),
            ("registry.example/teammate/app", Some("all")),
            ("registry.example/team", Some("team")),
            ("eu.internal.example:5000/app@sha256:00", Some("wild")),
            ("eu.internal.example/app", None),
            ("a.b.internal.example:5000/app", None),
            ("nginx", Some("hub")),
            ("user/app:1", Some("hub")),
            ("ghcr.io/x/y:1", None),
        ] {
            assert_eq!(user(image, &config).as_deref(), expected, "{image}");
        }
    }

    #[test]
    fn auth_is_decoded_and_emptiness_sends_nothing() {
        let config = serde_json::json!({"auths": {"r.example": {"auth": STANDARD.encode("u:p:q")}, "e.example": {}}});
        let login = find("r.example/a", config.to_string().as_bytes())
            .unwrap()
            .unwrap();
        assert_eq!(
            (login.username.as_str(), login.password.as_str()),
            ("u", "p:q")
        );
        assert_eq!(user("e.example/a", &config), None);
        assert!(!format!("{login:?}").contains('q'));
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        assert_eq!(
            find("r.example/a", b"user:pass"),
            Err(PullSecretError::NotDockerConfig)
        );
        let config = serde_json::json!({"auths": {"r.example": {"auth": "!"}}});
        assert_eq!(
            find("r.example/a", config.to_string().as_bytes()),
            Err(PullSecretError::BadAuth)
        );
    }
}
