//! Reads: the resolved template, the ReplicaSets, their Workloads.

use crate::controllers::Context;
use crate::controllers::queue::Next;
use crate::core::artifacts::{self, ArtifactError, Detail, Published};
use crate::core::rollout::Set;
use crate::error::{Attempt, ReconcileError};
use crate::watch::{self, Key};
use crd_types::names::{DEPLOYMENT_LABEL, DESIRED_REPLICAS_ANNOTATION, REVISION_ANNOTATION};
use crd_types::{
    Workload, WorkloadDeployment, WorkloadReplicaSet, WorkloadTemplate, condition, hash,
};
use kube::api::ListParams;
use kube::{Api, Resource, ResourceExt};
use std::sync::Arc;
use std::time::Duration;

/// The template with Artifacts resolved, in the ways there are, the best first.
#[derive(Debug)]
pub(super) struct Templates(Vec<WorkloadTemplate>);

impl Templates {
    /// Each of them.
    pub fn all_mut(&mut self) -> impl Iterator<Item = &mut WorkloadTemplate> {
        self.0.iter_mut()
    }

    /// The one that a ReplicaSet with replicas has, else the best: knowing more about an image rolls nothing out.
    fn choose(mut self, sets: &[Arc<WorkloadReplicaSet>]) -> WorkloadTemplate {
        let serves = |template: &WorkloadTemplate| {
            sets.iter()
                .any(|s| s.spec.desired() > 0 && hash::same_template(template, &s.spec.template))
        };
        let chosen = if self.0.len() > 1 {
            self.0.iter().position(serves).unwrap_or(0)
        } else {
            0
        };
        self.0.swap_remove(chosen)
    }
}

/// From the cache.
pub(super) fn templates(
    context: &Context,
    deployment: &WorkloadDeployment,
) -> Result<Templates, ArtifactError> {
    let namespace = deployment.namespace().unwrap_or_default();
    let resolve = |detail| {
        artifacts::resolve(&deployment.spec, |name| {
            let artifact = context.caches.artifacts.get(&Key::new(&namespace, name));
            artifact.map_or(Published::Missing, |a| Published::by(&a, detail))
        })
    };
    let mut all = Vec::with_capacity(Detail::ALL.len());
    for detail in Detail::ALL {
        let template = resolve(detail)?;
        if !all.contains(&template) {
            all.push(template);
        }
        if deployment.spec.artifacts.is_empty() {
            break;
        }
    }
    Ok(Templates(all))
}

/// A ReplicaSet and what there is of it.
#[derive(Debug)]
pub(super) struct Member {
    pub object: Arc<WorkloadReplicaSet>,
    pub matches: bool,
    pub workloads: Vec<Arc<Workload>>,
    pub ready: usize,
    pub available: usize,
}

/// The ReplicaSets of a Deployment.
#[derive(Debug, Default)]
pub(super) struct Family {
    pub members: Vec<Member>,
    available_in: Option<Duration>,
}

impl Family {
    /// As the rollout sees it.
    pub fn sets(&self) -> Vec<Set> {
        self.members.iter().map(Member::set).collect()
    }

    /// When a ready replica becomes available without anything else happening.
    pub fn next_look(&self) -> Next {
        self.available_in.map_or(Next::Wait, Next::After)
    }

    pub fn get(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|m| m.object.name_any() == name)
    }
}

impl Member {
    fn set(&self) -> Set {
        let meta = self.object.meta();
        Set {
            name: self.object.name_any(),
            uid: self.object.uid().unwrap_or_default(),
            matches: self.matches,
            replicas: usize::try_from(self.object.spec.desired()).unwrap_or_default(),
            available: self.available,
            alive: self.alive().count(),
            existing: self.workloads.len(),
            sized_for: self
                .object
                .annotations()
                .get(DESIRED_REPLICAS_ANNOTATION)
                .and_then(|count| count.parse().ok()),
            revision: revision(&self.object),
            created: meta
                .creation_timestamp
                .as_ref()
                .map_or(0, |t| t.0.as_second()),
        }
    }

    /// Workloads that are not on their way out.
    pub fn alive(&self) -> impl Iterator<Item = &Arc<Workload>> {
        self.workloads
            .iter()
            .filter(|w| w.meta().deletion_timestamp.is_none())
    }
}

/// Position in the history; 0 when never given, as by the reference.
pub(super) fn revision(set: &WorkloadReplicaSet) -> u32 {
    set.annotations()
        .get(REVISION_ANNOTATION)
        .and_then(|r| r.parse().ok())
        .unwrap_or(0)
}

/// From the cache.
pub(super) fn family(
    context: &Context,
    deployment: &WorkloadDeployment,
    templates: Templates,
) -> (WorkloadTemplate, Family) {
    let uid = deployment.uid().unwrap_or_default();
    let sets = context.caches.replica_sets.find(&watch::by_owner(&uid));
    let template = templates.choose(&sets);
    let family = gather(context, deployment, &template, sets);
    (template, family)
}

/// The Deployment as it is now; `None` when it is gone, going, or another of that name.
pub(super) async fn live(
    context: &Context,
    deployment: &WorkloadDeployment,
) -> Result<Option<WorkloadDeployment>, ReconcileError> {
    let api: Api<WorkloadDeployment> = Api::namespaced(
        context.client(),
        &deployment.namespace().unwrap_or_default(),
    );
    let found = api
        .get_opt(&deployment.name_any())
        .await
        .attempt("reading a Deployment")?;
    Ok(found.filter(|d| d.uid() == deployment.uid() && d.meta().deletion_timestamp.is_none()))
}

/// From the API server.
pub(super) async fn live_family(
    context: &Context,
    deployment: &WorkloadDeployment,
    templates: Templates,
) -> Result<(WorkloadTemplate, Family), ReconcileError> {
    let namespace = deployment.namespace().unwrap_or_default();
    let api: Api<WorkloadReplicaSet> = Api::namespaced(context.client(), &namespace);
    let selector = format!("{DEPLOYMENT_LABEL}={}", deployment.name_any());
    let listed = api
        .list(&ListParams::default().labels(&selector))
        .await
        .attempt("listing ReplicaSets")?;
    let uid = deployment.uid().unwrap_or_default();
    let owned: Vec<_> = listed
        .items
        .into_iter()
        .filter(|set| watch::controller_of(set).is_some_and(|o| o.uid == uid))
        .map(Arc::new)
        .collect();
    let template = templates.choose(&owned);
    let family = gather(context, deployment, &template, owned);
    Ok((template, family))
}

fn gather(
    context: &Context,
    deployment: &WorkloadDeployment,
    template: &WorkloadTemplate,
    sets: Vec<Arc<WorkloadReplicaSet>>,
) -> Family {
    let wait = Duration::from_secs(
        u64::try_from(deployment.spec.min_ready_seconds.unwrap_or_default()).unwrap_or_default(),
    );
    let mut family = Family::default();
    for object in sets
        .into_iter()
        .filter(|s| s.meta().deletion_timestamp.is_none())
    {
        let workloads = context
            .caches
            .workloads
            .find(&watch::by_owner(&object.uid().unwrap_or_default()));
        let mut member = Member {
            matches: hash::same_template(template, &object.spec.template),
            object,
            workloads,
            ready: 0,
            available: 0,
        };
        let pending: Vec<Option<Duration>> = member
            .alive()
            .filter_map(|w| ready_for(w))
            .map(|age| wait.checked_sub(age))
            .collect();
        member.ready = pending.len();
        for rest in pending {
            match rest.filter(|r| !r.is_zero()) {
                None => member.available += 1,
                Some(rest) => {
                    family.available_in =
                        Some(family.available_in.map_or(rest, |held| held.min(rest)));
                }
            }
        }
        family.members.push(member);
    }
    family
}

/// For how long a Workload has been ready; `None` when it is not.
fn ready_for(workload: &Workload) -> Option<Duration> {
    let ready = condition::find(&workload.status.as_ref()?.conditions, "Ready")?;
    if ready.status != crd_types::ConditionStatus::True {
        return None;
    }
    let since = ready
        .last_transition_time
        .as_ref()
        .map_or(0, |t| t.0.as_second());
    let seconds = jiff::Timestamp::now().as_second().saturating_sub(since);
    Some(Duration::from_secs(
        u64::try_from(seconds).unwrap_or_default(),
    ))
}
