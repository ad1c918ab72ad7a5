//! Credentials for an image out of pull secrets, matched as the kubelet does: by registry with wildcards for labels of
//! its name, by port and by path; of several that match, the most specific.

mod docker;
mod matching;

use docker::Entry;
use k8s_openapi::ByteString;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use thiserror::Error;

/// What a registry is shown. Nothing of it is in `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Login {
    /// User name.
    pub username: String,
    /// Password.
    pub password: String,
    /// A token that is sent as it is, in place of both.
    pub registry_token: Option<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}

/// Why a pull secret cannot be used. No text carries any of its content.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum PullSecretError {
    /// Neither of the two formats.
    #[error(
        "is not a docker configuration: expected JSON with an `auths` object under .dockerconfigjson"
    )]
    NotDockerConfig,
    /// `auth` is not base64 of `user:password`.
    #[error("has an `auth` entry that is not base64 of user:password")]
    BadAuth,
}

/// The entries of several pull secrets.
#[derive(Default)]
pub struct Keyring(Vec<(String, Entry)>);

impl Keyring {
    /// Adds the entries of a Secret. Of entries that are equally specific the one added first is used.
    pub fn add(&mut self, data: &BTreeMap<String, ByteString>) -> Result<(), PullSecretError> {
        self.0.extend(docker::entries(data)?);
        Ok(())
    }

    /// The login for an image, from the most specific entry that matches and holds one; `None` when there is none, and
    /// then nothing is to be sent.
    pub fn find(&self, image: &str) -> Result<Option<Login>, PullSecretError> {
        let (registry, path) = matching::split(image);
        let mut matched: Vec<(matching::Rank, &Entry)> = self
            .0
            .iter()
            .filter_map(|(key, entry)| Some((matching::rank(key, registry, &path)?, entry)))
            .collect();
        matched.sort_by_key(|(rank, _)| Reverse(*rank));
        for (_, entry) in matched {
            if let Some(login) = docker::login(entry)? {
                return Ok(Some(login));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
