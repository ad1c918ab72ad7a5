//! Who a caller is and what they may do.
//!
//! Callers of the in-memory service are administrators: whoever holds the service holds the store.
//! Callers over TLS show a client certificate of our CA (common name: user, organisations: groups)
//! or a ServiceAccount token. `system:masters` may do everything; all others what stored RBAC roles
//! grant; nobody who is unknown may see more than health and version.

mod escalation;
mod identity;
mod impersonation;
mod kubeconfig;
mod pki;
mod rbac;
mod tokens;

pub use escalation::{Granting, may_grant};
pub use identity::Identity;
pub use impersonation::impersonate;
pub use kubeconfig::{KubeconfigError, write as write_kubeconfig};
pub use pki::{Pki, PkiError, tokens as open_tokens};
pub use rbac::{Access, allows, rules};
pub use tokens::{Account, Bound, Grant, TokenError, Tokens};

use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use jiff::Timestamp;

use crate::status::ApiError;
use crate::store::Store;

/// Authentication and authorization.
pub struct Auth {
    tokens: Tokens,
    anonymous: Arc<Identity>,
}

impl Auth {
    pub fn new(tokens: Tokens) -> Self {
        Self {
            tokens,
            anonymous: Arc::new(Identity::anonymous()),
        }
    }

    /// The caller of a request that came without a client certificate.
    pub fn authenticate(
        &self,
        store: &Store,
        headers: &HeaderMap,
    ) -> Result<Arc<Identity>, ApiError> {
        let Some(header) = headers.get(AUTHORIZATION) else {
            return Ok(Arc::clone(&self.anonymous));
        };
        let token = header
            .to_str()
            .ok()
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim());
        let Some(token) = token else {
            return Err(ApiError::unauthorized());
        };
        match self.token(store, token, &[]) {
            Ok((identity, _)) => Ok(Arc::new(identity)),
            Err(_) => Err(ApiError::unauthorized()),
        }
    }

    /// The ServiceAccount a token speaks for, and for which audiences.
    pub fn token(
        &self,
        store: &Store,
        token: &str,
        audiences: &[&str],
    ) -> Result<(Identity, Vec<String>), TokenError> {
        self.tokens
            .verify(store, token, audiences, Timestamp::now())
    }

    /// A new token; answers also with the audiences it is good for.
    pub fn issue(&self, grant: Grant<'_>) -> Result<(String, Vec<String>), TokenError> {
        self.tokens.issue(grant, Timestamp::now())
    }
}

/// Refuses what the caller may not do.
pub fn authorize(store: &Store, identity: &Identity, access: &Access<'_>) -> Result<(), ApiError> {
    if access.is_public() || allows(store, identity, access).is_some() {
        return Ok(());
    }
    Err(access.refuse(identity))
}
