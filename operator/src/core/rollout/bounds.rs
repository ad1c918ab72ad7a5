//! What a rollout must keep to, with defaults applied.

use crd_types::{DeployPolicy, RollingUpdate, WorkloadDeploymentSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// Bounds of a rollout in replicas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// Replicas asked for.
    pub desired: usize,
    /// Replicas above that.
    pub surge: usize,
    /// Replicas that may be missing.
    pub unavailable: usize,
    /// Old ones stop before new ones start.
    pub recreate: bool,
    /// Template changes wait.
    pub paused: bool,
    /// Old ReplicaSets kept.
    pub history: usize,
}

impl Bounds {
    /// Reads a Deployment: surge 25 % (rounded up), unavailable 0 (rounded down), history 10.
    pub fn of(spec: &WorkloadDeploymentSpec) -> Self {
        let desired = usize::try_from(spec.desired()).unwrap_or_default();
        let rolling = spec.rolling_update.clone().unwrap_or_default();
        let (surge, unavailable) = resolve(&rolling, desired);
        Self {
            desired,
            surge,
            unavailable: unavailable.min(desired),
            recreate: spec.policy() == DeployPolicy::Recreate,
            paused: spec.paused,
            history: usize::try_from(spec.revision_history_limit.unwrap_or(10)).unwrap_or_default(),
        }
    }

    /// Most replicas there may be at a time. A Deployment of none has none.
    pub fn most(&self) -> usize {
        if self.desired == 0 {
            0
        } else {
            self.desired + self.surge
        }
    }

    /// Fewest replicas that must be available, once that many were.
    pub fn least(&self) -> usize {
        self.desired.saturating_sub(self.unavailable)
    }
}

/// Surge and unavailable of so many replicas.
fn resolve(rolling: &RollingUpdate, desired: usize) -> (usize, usize) {
    let surge =
        share(rolling.max_surge.as_ref(), desired, true).unwrap_or_else(|| desired.div_ceil(4));
    let unavailable = share(rolling.max_unavailable.as_ref(), desired, false).unwrap_or(0);
    if surge == 0 && unavailable == 0 {
        // Percentages of a small count can both come to nothing; then the rollout could not move.
        return (0, 1);
    }
    (surge, unavailable)
}

fn share(value: Option<&IntOrString>, of: usize, up: bool) -> Option<usize> {
    match value? {
        IntOrString::Int(n) => usize::try_from(*n).ok(),
        IntOrString::String(text) => {
            let percent: usize = text.strip_suffix('%')?.parse().ok()?;
            let scaled = of.saturating_mul(percent);
            Some(if up {
                scaled.div_ceil(100)
            } else {
                scaled / 100
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Bounds;

    fn bounds(spec: &serde_json::Value) -> Bounds {
        let mut full = serde_json::json!({"template": {"spec": {"components": []}}});
        full.as_object_mut()
            .unwrap()
            .extend(spec.as_object().unwrap().clone());
        Bounds::of(&serde_json::from_value(full).unwrap())
    }

    #[test]
    fn defaults_and_rounding_are_those_of_apps_v1_but_never_less_than_asked() {
        let b = bounds(&serde_json::json!({"replicas": 10}));
        assert_eq!(
            (b.desired, b.surge, b.unavailable, b.history),
            (10, 3, 0, 10)
        );
        assert_eq!((b.least(), b.most()), (10, 13));
        let b = bounds(
            &serde_json::json!({"replicas": 3, "rollingUpdate": {"maxSurge": "50%", "maxUnavailable": "50%"}}),
        );
        assert_eq!((b.surge, b.unavailable), (2, 1));
        let b = bounds(
            &serde_json::json!({"replicas": 3, "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "10%"}}),
        );
        assert_eq!((b.surge, b.unavailable), (0, 1));
        assert_eq!(bounds(&serde_json::json!({})).desired, 1);
        let b = bounds(&serde_json::json!({"replicas": 0, "rollingUpdate": {"maxSurge": 2}}));
        assert_eq!((b.least(), b.most()), (0, 0));
    }
}
