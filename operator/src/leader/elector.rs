//! Takes and keeps the Lease.

use super::evaluate::{Action, Observation, evaluate};
use crate::error::code;
use crd_types::names::LEADER_LEASE;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How long a Lease lasts without renewal.
const DURATION: Duration = Duration::from_secs(15);
/// A holder that could not renew for so long gives up before anyone else can take over.
const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// Between renewals: two may fail before the deadline. Each is a write, and a fleet at rest should cause few.
const RENEW: Duration = Duration::from_secs(4);
/// After a write that met another's: the Lease may have been annotated, or taken.
const RACED: Duration = Duration::from_millis(100);
/// The last write of a process that ends may take so long.
const RELEASE: Duration = Duration::from_secs(2);
/// Between tries.
const RETRY: Duration = Duration::from_secs(2);

/// Whether we lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// The Lease is ours.
    Acquired,
    /// It was ours and is not any more.
    Lost,
    /// We were asked to stop.
    Stopped,
}

/// What came of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tried {
    /// The Lease is ours.
    Ours,
    /// Somebody else holds it.
    Theirs,
    /// Somebody wrote it between our reading and our writing: whose it is, the next look tells.
    Raced,
}

/// Takes and keeps the Lease for one identity.
#[derive(Clone)]
pub struct Elector {
    api: Api<Lease>,
    identity: String,
}

impl Elector {
    /// For the Lease in this namespace.
    pub fn new(client: Client, namespace: &str, identity: String) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            identity,
        }
    }

    /// Waits until the Lease is ours.
    pub async fn acquire(&self, token: &CancellationToken) -> Held {
        let mut observed = None;
        loop {
            match self.attempt(&mut observed).await {
                Ok(Tried::Ours) => return Held::Acquired,
                Ok(Tried::Theirs | Tried::Raced) => {}
                Err(error) => tracing::warn!(%error, "the lease cannot be taken; trying again"),
            }
            tokio::select! {
                () = token.cancelled() => return Held::Stopped,
                () = tokio::time::sleep(RETRY) => {}
            }
        }
    }

    /// Renews until the token is cancelled, then lets go; or until the Lease is lost.
    pub async fn keep(&self, token: &CancellationToken) -> Held {
        let mut observed = None;
        let mut renewed = Instant::now();
        let mut pause = RENEW;
        loop {
            tokio::select! {
                () = token.cancelled() => {
                    match tokio::time::timeout(RELEASE, self.release()).await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => tracing::warn!(%error, "the lease could not be released; it runs out by itself"),
                        Err(_) => tracing::warn!("the lease could not be released in time; it runs out by itself"),
                    }
                    return Held::Stopped;
                }
                () = tokio::time::sleep(pause) => {}
            }
            let left = RENEW_DEADLINE.saturating_sub(renewed.elapsed());
            match tokio::time::timeout(left, self.attempt(&mut observed)).await {
                Ok(Ok(Tried::Ours)) => (renewed, pause) = (Instant::now(), RENEW),
                Ok(Ok(Tried::Raced)) => pause = RACED,
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the lease cannot be renewed; trying again");
                    pause = RETRY;
                }
                Ok(Ok(Tried::Theirs)) | Err(_) => return Held::Lost,
            }
            if renewed.elapsed() >= RENEW_DEADLINE {
                return Held::Lost;
            }
        }
    }

    /// One try.
    async fn attempt(&self, observed: &mut Option<Observation>) -> Result<Tried, kube::Error> {
        let now = Instant::now();
        let Some(lease) = self.api.get_opt(LEADER_LEASE).await? else {
            let lease = Lease {
                metadata: ObjectMeta {
                    name: Some(LEADER_LEASE.into()),
                    ..ObjectMeta::default()
                },
                spec: Some(self.spec(&LeaseSpec::default(), true)),
            };
            return won(self.api.create(&PostParams::default(), &lease).await);
        };
        let held = lease.spec.clone().unwrap_or_default();
        let seen = Observation::update(observed.take(), &held, now);
        let action = evaluate(Some(&seen), &self.identity, now);
        *observed = Some(seen);
        let spec = match action {
            Action::Yield => return Ok(Tried::Theirs),
            Action::Renew => self.spec(&held, false),
            Action::Acquire => self.spec(&held, true),
        };
        let next = Lease {
            spec: Some(spec),
            ..lease
        };
        won(self
            .api
            .replace(LEADER_LEASE, &PostParams::default(), &next)
            .await)
    }

    fn spec(&self, held: &LeaseSpec, taking: bool) -> LeaseSpec {
        let now = MicroTime(jiff::Timestamp::now());
        let transitions = held.lease_transitions.unwrap_or_default();
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            acquire_time: if taking {
                Some(now.clone())
            } else {
                held.acquire_time.clone()
            },
            renew_time: Some(now),
            lease_transitions: Some(if taking {
                transitions.saturating_add(1)
            } else {
                transitions
            }),
            ..held.clone()
        }
    }

    /// Lets go, so that another need not wait.
    async fn release(&self) -> Result<(), kube::Error> {
        let Some(mut lease) = self.api.get_opt(LEADER_LEASE).await? else {
            return Ok(());
        };
        let Some(spec) = lease
            .spec
            .as_mut()
            .filter(|spec| spec.holder_identity.as_deref() == Some(self.identity.as_str()))
        else {
            return Ok(());
        };
        spec.holder_identity = Some(String::new());
        let params = PostParams::default();
        self.api.replace(LEADER_LEASE, &params, &lease).await?;
        Ok(())
    }
}

fn won(result: Result<Lease, kube::Error>) -> Result<Tried, kube::Error> {
    match result {
        Ok(_) => Ok(Tried::Ours),
        Err(error) if code(&error) == Some(409) => Ok(Tried::Raced),
        Err(error) => Err(error),
    }
}
