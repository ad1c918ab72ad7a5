//! The rolling update.

use super::{Bounds, Set, Step};
use std::collections::BTreeMap;

pub(super) fn step(bounds: &Bounds, current: Option<&Set>, others: &[&Set], steps: &mut Vec<Step>) {
    let old_total: usize = others.iter().map(|s| s.replicas).sum();
    let room = (bounds.desired + bounds.surge).saturating_sub(old_total);
    let Some(current) = current else {
        steps.push(Step::Create {
            replicas: bounds.desired.min(room),
        });
        return;
    };
    let wanted = if current.replicas < bounds.desired {
        bounds.desired.min(room).max(current.replicas)
    } else {
        bounds.desired
    };
    if wanted != current.replicas {
        steps.push(scale(current, wanted));
    }
    scale_down_others(bounds, current, others, steps);
}

/// First replicas that are not available anyway, oldest set first, then available ones as far as the new
/// template's available replicas allow.
fn scale_down_others(bounds: &Bounds, current: &Set, others: &[&Set], steps: &mut Vec<Step>) {
    let old_total: usize = others.iter().map(|s| s.replicas).sum();
    if old_total == 0 {
        return;
    }
    let least = bounds.desired - bounds.unavailable;
    let new_missing = current.replicas.saturating_sub(current.available);
    let mut spare = (old_total + current.replicas).saturating_sub(least + new_missing);
    let mut target: BTreeMap<&str, usize> = others
        .iter()
        .map(|s| (s.name.as_str(), s.replicas))
        .collect();
    for set in others {
        let dead = set.replicas.saturating_sub(set.available).min(spare);
        *target.entry(&set.name).or_default() -= dead;
        spare -= dead;
    }
    let available: usize = current.available.min(current.replicas)
        + others
            .iter()
            .map(|s| s.available.min(s.replicas))
            .sum::<usize>();
    let mut spare = spare.min(available.saturating_sub(least));
    for set in others {
        let entry = target.entry(&set.name).or_default();
        let drop = (*entry).min(spare);
        *entry -= drop;
        spare -= drop;
    }
    for set in others {
        let replicas = target.get(set.name.as_str()).copied().unwrap_or_default();
        if replicas != set.replicas {
            steps.push(scale(set, replicas));
        }
    }
}

/// While paused: the set that serves is resized, nothing is created.
pub(super) fn resize_only(
    bounds: &Bounds,
    current: Option<&Set>,
    others: &[&Set],
    steps: &mut Vec<Step>,
) {
    let serving = others
        .iter()
        .copied()
        .chain(current)
        .filter(|s| s.replicas > 0)
        .max_by_key(|s| (s.matches, s.available, s.revision))
        .or(current);
    let Some(serving) = serving else { return };
    let rest: usize = others
        .iter()
        .copied()
        .chain(current)
        .filter(|s| s.name != serving.name)
        .map(|s| s.replicas)
        .sum();
    let wanted = bounds.desired.saturating_sub(rest);
    if wanted != serving.replicas {
        steps.push(scale(serving, wanted));
    }
}

fn scale(set: &Set, replicas: usize) -> Step {
    Step::Scale {
        name: set.name.clone(),
        uid: set.uid.clone(),
        replicas,
    }
}
