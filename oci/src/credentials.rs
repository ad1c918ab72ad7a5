//! What opens a registry.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use oci_client::secrets::RegistryAuth;

/// Credentials of one registry. Debug output never shows the secret part.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Credentials {
    /// A user and a password (or an access token in its place).
    Basic {
        /// The user.
        username: String,
        /// The password or token.
        password: String,
    },
    /// A token sent to the registry as it is.
    Bearer(String),
}

impl Credentials {
    /// Credentials of user and password.
    pub fn basic(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self::Basic {
            username: username.into(),
            password: password.into(),
        }
    }

    /// Credentials of a bearer token.
    pub fn bearer(token: impl Into<String>) -> Self {
        Self::Bearer(token.into())
    }

    /// The user's name, for messages.
    pub fn username(&self) -> Option<&str> {
        match self {
            Self::Basic { username, .. } => Some(username),
            Self::Bearer(_) => None,
        }
    }

    pub(crate) fn for_client(credentials: Option<&Self>) -> RegistryAuth {
        match credentials {
            None => RegistryAuth::Anonymous,
            Some(Self::Basic { username, password }) => {
                RegistryAuth::Basic(username.clone(), password.clone())
            }
            Some(Self::Bearer(token)) => RegistryAuth::Bearer(token.clone()),
        }
    }

    /// Tells callers with different rights apart without keeping their secrets as a map's key.
    pub(crate) fn fingerprint(credentials: Option<&Self>) -> u64 {
        let mut hasher = DefaultHasher::new();
        credentials.hash(&mut hasher);
        hasher.finish()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic { username, .. } => f
                .debug_struct("Basic")
                .field("username", username)
                .field("password", &"<redacted>")
                .finish(),
            Self::Bearer(_) => f.debug_tuple("Bearer").field(&"<redacted>").finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_shows_no_secret() {
        let shown = format!(
            "{:?} {:?}",
            Credentials::basic("me", "hunter2"),
            Credentials::bearer("hunter2")
        );
        assert!(
            shown.contains("me") && !shown.contains("hunter2"),
            "{shown}"
        );
    }

    #[test]
    fn fingerprints_differ_by_secret() {
        let one = Credentials::basic("me", "a");
        let other = Credentials::basic("me", "b");
        assert_ne!(
            Credentials::fingerprint(Some(&one)),
            Credentials::fingerprint(Some(&other))
        );
        assert_ne!(
            Credentials::fingerprint(Some(&one)),
            Credentials::fingerprint(None)
        );
    }
}
