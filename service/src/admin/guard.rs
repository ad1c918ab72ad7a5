//! Who may read metrics. Health is for everybody: a kubelet sends no credentials.

use async_trait::async_trait;
use http::{HeaderMap, header};

/// What is known of somebody who asks for metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// May read them.
    Admitted,
    /// Showed nothing that says who they are, or nothing that is believed.
    Unauthenticated,
    /// Is known and may not.
    Denied {
        /// Who it is.
        user: String,
    },
    /// Could not be judged; the cause is in the log.
    Unknown,
}

/// Decides who may read metrics.
#[async_trait]
pub trait Guard: Send + Sync + std::fmt::Debug {
    /// Judges the bearer of a token.
    async fn admit(&self, token: &str) -> Admission;
}

/// The token of `Authorization: Bearer TOKEN`.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bearer_has_a_token() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            bearer(&headers).map(ToOwned::to_owned)
        };
        assert_eq!(of("Bearer a.b").as_deref(), Some("a.b"));
        assert_eq!(of("bearer  a").as_deref(), Some("a"));
        assert_eq!(of("Basic a"), None);
        assert_eq!(of("Bearer "), None);
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
