//! The rolling update.

use super::{Bounds, Set, Step};
use std::collections::BTreeMap;

pub(super) fn step(bounds: &Bounds, current: Option<&Set>, others: &[&Set], steps: &mut Vec<Step>) {
    // Replicas that were given up and are still there take up room until they are on their way out.
    let taken: usize = others.iter().map(|s| s.claimed()).sum();
    let room = bounds.most().saturating_sub(taken);
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
        steps.push(current.scale(wanted));
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
    let least = bounds.least();
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
    let available = current.kept() + others.iter().map(|s| s.kept()).sum::<usize>();
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
            steps.push(set.scale(replicas));
        }
    }
}
