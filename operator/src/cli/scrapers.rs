//! Who may scrape metrics: whoever the API server knows and lets get `/metrics`, or whoever has a token that is in a
//! file.

use async_trait::async_trait;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, UserInfo};
use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client};
use parking_lot::Mutex;
use service::admin::{Admission, Guard};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long an admission holds: a scraper asks every 15 to 60 s.
const ADMITTED: Duration = Duration::from_mins(1);
/// How long a refusal holds: whoever has just been granted the right waits no longer than this.
const REFUSED: Duration = Duration::from_secs(10);
/// Longest wait for a judgement; scrapers give up after 10 s.
const PATIENCE: Duration = Duration::from_secs(8);
/// Judgements kept at a time. Scrapers are few; strangers who try tokens must not take memory.
const KEPT: usize = 256;

type Digested = [u8; 32];

fn digest(token: &str) -> Digested {
    Sha256::digest(token.as_bytes()).into()
}

/// Asks the API server: TokenReview says who it is, SubjectAccessReview whether they may. Tokens are kept as digests.
pub(super) struct Reviews {
    client: Client,
    judged: Mutex<HashMap<Digested, (Admission, Instant)>>,
}

impl fmt::Debug for Reviews {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reviews")
    }
}

impl Reviews {
    pub fn new(client: Client) -> Self {
        Self {
            client,
            judged: Mutex::default(),
        }
    }

    fn remembered(&self, token: &Digested) -> Option<Admission> {
        let judged = self.judged.lock();
        let (admission, until) = judged.get(token)?;
        (Instant::now() < *until).then(|| admission.clone())
    }

    fn remember(&self, token: Digested, admission: &Admission) {
        let holds = match admission {
            Admission::Admitted => ADMITTED,
            Admission::Denied { .. } | Admission::Unauthenticated => REFUSED,
            Admission::Unknown => return,
        };
        let now = Instant::now();
        let mut judged = self.judged.lock();
        judged.retain(|_, (_, until)| *until > now);
        if judged.len() < KEPT {
            judged.insert(token, (admission.clone(), now + holds));
        }
    }

    async fn judge(&self, token: &str) -> Result<Admission, kube::Error> {
        let review = TokenReview {
            spec: TokenReviewSpec {
                token: token.to_owned(),
                audiences: None,
            },
            ..TokenReview::default()
        };
        let reviews: Api<TokenReview> = Api::all(self.client.clone());
        let answer = reviews.create(&PostParams::default(), &review).await?;
        let known = answer
            .status
            .filter(|s| s.authenticated == Some(true))
            .and_then(|s| s.user);
        let Some(user) = known else {
            return Ok(Admission::Unauthenticated);
        };
        let name = user.username.clone().unwrap_or_default();
        let asked = may_scrape(user);
        let reviews: Api<SubjectAccessReview> = Api::all(self.client.clone());
        let answer = reviews.create(&PostParams::default(), &asked).await?;
        Ok(if answer.status.is_some_and(|s| s.allowed) {
            Admission::Admitted
        } else {
            Admission::Denied { user: name }
        })
    }
}

fn may_scrape(user: UserInfo) -> SubjectAccessReview {
    SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: user.username,
            uid: user.uid,
            groups: user.groups,
            extra: user.extra,
            non_resource_attributes: Some(NonResourceAttributes {
                path: Some("/metrics".to_owned()),
                verb: Some("get".to_owned()),
            }),
            resource_attributes: None,
        },
        ..SubjectAccessReview::default()
    }
}

#[async_trait]
impl Guard for Reviews {
    async fn admit(&self, token: &str) -> Admission {
        let digested = digest(token);
        if let Some(known) = self.remembered(&digested) {
            return known;
        }
        let admission = match tokio::time::timeout(PATIENCE, self.judge(token)).await {
            Ok(Ok(admission)) => admission,
            Ok(Err(error)) => {
                tracing::warn!(
                    %error,
                    "a scraper could not be judged; the operator needs create on tokenreviews and \
                     subjectaccessreviews, or --metrics-token-file or --metrics-client-ca"
                );
                Admission::Unknown
            }
            Err(_) => {
                tracing::warn!("a scraper could not be judged: the API server does not answer");
                Admission::Unknown
            }
        };
        self.remember(digested, &admission);
        admission
    }
}

/// Admits the token that a file holds at that moment, so that it can be replaced without a restart.
#[derive(Debug)]
pub(super) struct TokenFile(pub PathBuf);

#[async_trait]
impl Guard for TokenFile {
    async fn admit(&self, token: &str) -> Admission {
        match tokio::fs::read_to_string(&self.0).await {
            Ok(held) if held.trim().is_empty() => {
                tracing::warn!(file = %self.0.display(), "the token of scrapers is empty; nobody may scrape");
                Admission::Unknown
            }
            // Digests are compared, so that the time it takes says nothing of how much was right.
            Ok(held) if digest(held.trim()) == digest(token) => Admission::Admitted,
            Ok(_) => Admission::Unauthenticated,
            Err(error) => {
                tracing::warn!(file = %self.0.display(), %error, "the token of scrapers cannot be read");
                Admission::Unknown
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_token_file_may_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let guard = TokenFile(path.clone());
        assert_eq!(guard.admit("one").await, Admission::Unknown);
        std::fs::write(&path, "one\n").unwrap();
        assert_eq!(guard.admit("one").await, Admission::Admitted);
        assert_eq!(guard.admit("two").await, Admission::Unauthenticated);
        std::fs::write(&path, "two").unwrap();
        assert_eq!(guard.admit("two").await, Admission::Admitted);
        std::fs::write(&path, " \n").unwrap();
        assert_eq!(guard.admit("").await, Admission::Unknown);
    }

    #[test]
    fn the_question_is_about_the_path_of_metrics() {
        let user = UserInfo {
            username: Some("system:serviceaccount:m:prometheus".into()),
            groups: Some(vec!["system:serviceaccounts".into()]),
            ..UserInfo::default()
        };
        let asked = serde_json::to_value(may_scrape(user)).unwrap();
        assert_eq!(
            asked["spec"],
            serde_json::json!({
                "user": "system:serviceaccount:m:prometheus",
                "groups": ["system:serviceaccounts"],
                "nonResourceAttributes": {"path": "/metrics", "verb": "get"},
            })
        );
    }
}
