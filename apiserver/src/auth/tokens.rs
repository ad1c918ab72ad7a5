//! ServiceAccount tokens: JWTs signed with Ed25519.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use rcgen::{KeyPair, PKCS_ED25519, SigningKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Identity;
use crate::object_meta;
use crate::store::{Bucket, Key, Store};

const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
const HEADER: &str = r#"{"alg":"EdDSA","typ":"JWT"}"#;

#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("the token is not one of this server")]
    Foreign,
    #[error("the token has expired")]
    Expired,
    #[error("the token is for other audiences")]
    Audience,
    #[error("the token's service account is gone")]
    Gone,
    #[error("the {0} that the token is bound to is gone")]
    Unbound(&'static str),
    #[error("the token cannot be signed: {0}")]
    Sign(#[from] rcgen::Error),
}

/// Issues and verifies tokens with one key.
pub struct Tokens {
    key: KeyPair,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Vec<String>,
    iat: i64,
    nbf: i64,
    exp: i64,
    #[serde(default)]
    jti: String,
    #[serde(rename = "kubernetes.io")]
    kubernetes: Kubernetes,
}

#[derive(Serialize, Deserialize)]
struct Kubernetes {
    namespace: String,
    serviceaccount: Account,
    #[serde(flatten)]
    bound: Option<Bound>,
}

/// An object by its name and identity.
#[derive(Debug, Serialize, Deserialize)]
pub struct Account {
    pub name: String,
    pub uid: String,
}

/// What a token lives no longer than.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    Pod(Account),
    Secret(Account),
    Node(Account),
}

impl Bound {
    /// The name of the kind, and where its objects are stored.
    fn kind(&self) -> (&'static str, &'static str, &Account) {
        match self {
            Self::Pod(object) => ("pod", "pods", object),
            Self::Secret(object) => ("secret", "secrets", object),
            Self::Node(object) => ("node", "nodes", object),
        }
    }

    fn is_there(&self, store: &Store, namespace: &str) -> bool {
        let (kind, plural, object) = self.kind();
        let namespace = if kind == "node" { "" } else { namespace };
        let key = Key::new(&Bucket::new("", plural), namespace, &object.name);
        let live = store.get(&key).map_or(Value::Null, |object| object.value());
        object_meta::uid(&live) == object.uid
    }
}

/// What a token is to say.
pub struct Grant<'a> {
    pub namespace: &'a str,
    pub account: Account,
    /// None: those of this server.
    pub audiences: Vec<String>,
    pub bound: Option<Bound>,
    pub expires: Timestamp,
}

impl Tokens {
    /// A new key.
    pub fn generate() -> Result<Self, TokenError> {
        Ok(Self {
            key: KeyPair::generate_for(&PKCS_ED25519)?,
        })
    }

    /// The key of an earlier life.
    pub fn from_pem(pem: &str) -> Result<Self, TokenError> {
        Ok(Self {
            key: KeyPair::from_pem(pem)?,
        })
    }

    pub fn to_pem(&self) -> String {
        self.key.serialize_pem()
    }

    pub fn issue(
        &self,
        grant: Grant<'_>,
        now: Timestamp,
    ) -> Result<(String, Vec<String>), TokenError> {
        let audiences = if grant.audiences.is_empty() {
            vec![ISSUER.to_owned()]
        } else {
            grant.audiences
        };
        let claims = Claims {
            iss: ISSUER.into(),
            sub: format!(
                "system:serviceaccount:{}:{}",
                grant.namespace, grant.account.name
            ),
            aud: audiences.clone(),
            iat: now.as_second(),
            nbf: now.as_second(),
            exp: grant.expires.as_second(),
            jti: uuid::Uuid::new_v4().to_string(),
            kubernetes: Kubernetes {
                namespace: grant.namespace.into(),
                serviceaccount: grant.account,
                bound: grant.bound,
            },
        };
        let claims = serde_json::to_vec(&claims).map_err(|_| TokenError::Foreign)?;
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(HEADER),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(signed.as_bytes())?);
        Ok((format!("{signed}.{signature}"), audiences))
    }

    /// Whom a token speaks for. Ed25519 signatures are deterministic: a token is ours when signing
    /// its content again gives its signature.
    pub fn verify(
        &self,
        store: &Store,
        token: &str,
        audiences: &[&str],
        now: Timestamp,
    ) -> Result<(Identity, Vec<String>), TokenError> {
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Foreign)?;
        let expected = self.key.sign(signed.as_bytes())?;
        let found = URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_| TokenError::Foreign)?;
        if !same(&expected, &found) {
            return Err(TokenError::Foreign);
        }
        let claims = signed
            .split_once('.')
            .map(|(_, claims)| claims)
            .ok_or(TokenError::Foreign)?;
        let claims = URL_SAFE_NO_PAD
            .decode(claims)
            .map_err(|_| TokenError::Foreign)?;
        let claims: Claims = serde_json::from_slice(&claims).map_err(|_| TokenError::Foreign)?;
        if now.as_second() >= claims.exp {
            return Err(TokenError::Expired);
        }
        let wanted: &[&str] = if audiences.is_empty() {
            &[ISSUER]
        } else {
            audiences
        };
        let shared: Vec<String> = claims
            .aud
            .iter()
            .filter(|audience| wanted.contains(&audience.as_str()))
            .cloned()
            .collect();
        if shared.is_empty() {
            return Err(TokenError::Audience);
        }
        let account = &claims.kubernetes.serviceaccount;
        let namespace = claims.kubernetes.namespace.clone();
        let key = Key::new(
            &Bucket::new("", "serviceaccounts"),
            &namespace,
            &account.name,
        );
        let live = store.get(&key).map_or(Value::Null, |object| object.value());
        if object_meta::uid(&live) != account.uid {
            return Err(TokenError::Gone);
        }
        let mut identity = Identity::service_account(&namespace, &account.name, &account.uid);
        let mut extra = |name: &str, value: String| {
            let name = format!("authentication.kubernetes.io/{name}");
            identity.extra.insert(name, vec![value]);
        };
        extra("credential-id", format!("JTI={}", claims.jti));
        if let Some(bound) = &claims.kubernetes.bound {
            let (kind, _, object) = bound.kind();
            if !bound.is_there(store, &namespace) {
                return Err(TokenError::Unbound(kind));
            }
            if kind != "secret" {
                extra(&format!("{kind}-name"), object.name.clone());
                extra(&format!("{kind}-uid"), object.uid.clone());
            }
        }
        Ok((identity, shared))
    }
}

/// Compares in a time that does not depend on where the two differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |diff, (a, b)| diff | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use serde_json::json;

    use super::*;
    use crate::store::{Expect, Op, Write};

    #[tokio::test]
    async fn a_token_is_good_until_it_expires_or_its_account_goes() {
        let store = Store::in_memory(10);
        let key = Key::new(&Bucket::new("", "serviceaccounts"), "ns", "bot");
        let op = Op::Put(json!({"metadata": {"name": "bot", "uid": "u"}}));
        let account = store
            .write(Write {
                key: key.clone(),
                expect: Expect::Absent,
                op,
                guard: None,
            })
            .await
            .unwrap();
        let tokens = Tokens::generate().unwrap();
        let now = Timestamp::now();
        let later = now + SignedDuration::from_secs(600);
        let account_of = || Account {
            name: "bot".into(),
            uid: "u".into(),
        };
        let grant = |bound| Grant {
            namespace: "ns",
            account: account_of(),
            audiences: Vec::new(),
            bound,
            expires: later,
        };
        let (token, _) = tokens.issue(grant(None), now).unwrap();
        // Bound to a Pod that is not there (any more).
        let pod = Account {
            name: "p".into(),
            uid: "x".into(),
        };
        let (bound, _) = tokens.issue(grant(Some(Bound::Pod(pod))), now).unwrap();
        assert!(matches!(
            tokens.verify(&store, &bound, &[], now),
            Err(TokenError::Unbound("pod"))
        ));
        let (identity, _) = tokens.verify(&store, &token, &[], now).unwrap();
        assert_eq!(identity.user, "system:serviceaccount:ns:bot");
        assert!(identity.is_in("system:serviceaccounts:ns"));
        let again = Tokens::from_pem(&tokens.to_pem()).unwrap();
        assert!(again.verify(&store, &token, &[], now).is_ok());
        assert!(matches!(
            tokens.verify(&store, &token, &[], later),
            Err(TokenError::Expired)
        ));
        assert!(matches!(
            tokens.verify(&store, &token, &["other"], now),
            Err(TokenError::Audience)
        ));
        let other = Tokens::generate().unwrap();
        assert!(matches!(
            other.verify(&store, &token, &[], now),
            Err(TokenError::Foreign)
        ));
        let mut forged = token.clone().into_bytes();
        forged[40] ^= 1;
        assert!(
            tokens
                .verify(&store, &String::from_utf8(forged).unwrap(), &[], now)
                .is_err()
        );
        let gone = Write {
            key,
            expect: Expect::Revision(account.revision),
            op: Op::Remove(account.value()),
            guard: None,
        };
        store.write(gone).await.unwrap();
        assert!(matches!(
            tokens.verify(&store, &token, &[], now),
            Err(TokenError::Gone)
        ));
    }
}
