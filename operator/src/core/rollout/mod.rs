//! How a Deployment goes from one template to the next: the contract of apps/v1 Deployments, where a replica
//! of another template is given up only for one of the new template that is available.

mod bounds;
pub mod progress;
mod rolling;
mod scaling;

pub use bounds::Bounds;

/// A ReplicaSet of the Deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    /// Name.
    pub name: String,
    /// Uid; later writes carry it.
    pub uid: String,
    /// Its template equals the Deployment's.
    pub matches: bool,
    /// Replicas it is asked for.
    pub replicas: usize,
    /// Replicas that have been ready for long enough.
    pub available: usize,
    /// Workloads that are not on their way out; more than `replicas` until a resize was carried out.
    pub alive: usize,
    /// Workloads that exist, terminating ones included.
    pub existing: usize,
    /// The Deployment's count when this set was last resized; absent where another maker noted none.
    pub sized_for: Option<usize>,
    /// Position in the history.
    pub revision: u32,
    /// Creation time in seconds.
    pub created: i64,
}

impl Set {
    /// Replicas it has or will have, whichever is more: what it takes from the room for others.
    fn claimed(&self) -> usize {
        self.replicas.max(self.alive)
    }

    /// Available replicas that its present size keeps.
    fn kept(&self) -> usize {
        self.available.min(self.replicas)
    }

    fn scale(&self, replicas: usize) -> Step {
        Step::Scale {
            name: self.name.clone(),
            uid: self.uid.clone(),
            replicas,
        }
    }
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Create the ReplicaSet of the present template with so many replicas.
    Create { replicas: usize },
    /// Resize a ReplicaSet, or note that its size is right for the present count.
    Scale {
        name: String,
        uid: String,
        replicas: usize,
    },
    /// Delete an empty ReplicaSet of the history.
    Delete { name: String, uid: String },
}

/// What to do now, and who is who.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Writes, in this order.
    pub steps: Vec<Step>,
    /// ReplicaSet of the present template, when it exists.
    pub current: Option<String>,
    /// ReplicaSet that was last available, while it still has replicas.
    pub previous: Option<String>,
    /// Revision that the present template has or gets.
    pub revision: u32,
    /// Whether every replica asked for is available and of the present template, and none of another serves.
    pub rolled_out: bool,
    /// The same, and no Workload of another template is left, terminating ones included.
    pub complete: bool,
}

impl Plan {
    /// Whether it creates a ReplicaSet.
    pub fn creates(&self) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(step, Step::Create { .. }))
    }
}

/// The next step of a rollout. Level-triggered: the same sets give the same plan, and a plan that was carried
/// out in part is completed by the next.
pub fn plan(bounds: &Bounds, sets: &[Set]) -> Plan {
    let mut ordered: Vec<&Set> = sets.iter().collect();
    ordered.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
    let current = ordered.iter().copied().find(|s| s.matches);
    let others: Vec<&Set> = ordered
        .iter()
        .copied()
        .filter(|s| current.is_none_or(|c| c.name != s.name))
        .collect();
    let newest = sets.iter().map(|s| s.revision).max().unwrap_or(0);
    let mut plan = Plan {
        current: current.map(|s| s.name.clone()),
        previous: others
            .iter()
            .filter(|s| s.replicas > 0 && s.available > 0)
            .max_by_key(|s| (s.revision, s.created))
            .map(|s| s.name.clone()),
        revision: match current {
            Some(set) if set.revision == newest && newest > 0 => newest,
            _ => newest + 1,
        },
        ..Plan::default()
    };
    if !bounds.recreate && scaling::is_due(bounds, sets) {
        scaling::resize(bounds, current, &others, &mut plan.steps);
    } else if bounds.paused {
        scaling::while_paused(bounds, current, &others, &mut plan.steps);
    } else if bounds.recreate {
        recreate(bounds, current, &others, &mut plan.steps);
    } else {
        rolling::step(bounds, current, &others, &mut plan.steps);
    }
    plan.rolled_out = plan.steps.is_empty()
        && current.is_some_and(|s| s.replicas == bounds.desired && s.available >= bounds.desired)
        && others.iter().all(|s| s.claimed() == 0);
    plan.complete = plan.rolled_out && others.iter().all(|s| s.existing == 0);
    if plan.complete {
        forget_history(bounds, &others, &mut plan.steps);
    }
    plan
}

/// Old ones go to zero; only when none of their Workloads is left, terminating ones included, new ones start.
fn recreate(bounds: &Bounds, current: Option<&Set>, others: &[&Set], steps: &mut Vec<Step>) {
    for set in others.iter().filter(|s| s.replicas > 0) {
        steps.push(set.scale(0));
    }
    if others.iter().any(|s| s.existing > 0 || s.replicas > 0) {
        return;
    }
    match current {
        None => steps.push(Step::Create {
            replicas: bounds.desired,
        }),
        Some(set) if set.replicas != bounds.desired => steps.push(set.scale(bounds.desired)),
        Some(_) => {}
    }
}

fn forget_history(bounds: &Bounds, others: &[&Set], steps: &mut Vec<Step>) {
    let mut history: Vec<&&Set> = others.iter().collect();
    history.sort_by_key(|s| (s.revision, s.created));
    let surplus = history.len().saturating_sub(bounds.history);
    steps.extend(history.into_iter().take(surplus).map(|s| Step::Delete {
        name: s.name.clone(),
        uid: s.uid.clone(),
    }));
}

#[cfg(test)]
mod tests;
