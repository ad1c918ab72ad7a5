//! A change of the count while ReplicaSets of several templates have replicas, and what a paused Deployment does.

use super::{Bounds, Set, Step};

/// Whether a ReplicaSet with replicas was sized for another count than the present one.
pub(super) fn is_due(bounds: &Bounds, sets: &[Set]) -> bool {
    sets.iter()
        .any(|s| s.replicas > 0 && s.sized_for.is_some_and(|count| count != bounds.desired))
}

/// Brings all sizes to the present count. Where several templates have replicas each keeps its share, so that a
/// rollout neither jumps ahead nor falls back because somebody scaled.
pub(super) fn resize(
    bounds: &Bounds,
    current: Option<&Set>,
    others: &[&Set],
    steps: &mut Vec<Step>,
) {
    let active: Vec<&Set> = others
        .iter()
        .copied()
        .chain(current)
        .filter(|s| s.replicas > 0)
        .collect();
    if let [only] = active.as_slice() {
        steps.push(only.scale(alone(bounds, only, current, others)));
        return;
    }
    if retire_others(bounds, current, others, steps) {
        return;
    }
    let all = others.iter().copied().chain(current);
    let leaving = all.map(|s| s.claimed() - s.replicas).sum();
    for (set, replicas) in shares(bounds, &active, leaving) {
        if replicas != set.replicas || set.sized_for != Some(bounds.desired) {
            steps.push(set.scale(replicas));
        }
    }
}

/// While paused nothing is created and no template gains on another; the one that serves alone follows the count.
pub(super) fn while_paused(
    bounds: &Bounds,
    current: Option<&Set>,
    others: &[&Set],
    steps: &mut Vec<Step>,
) {
    let mut active = others
        .iter()
        .copied()
        .chain(current)
        .filter(|s| s.replicas > 0);
    let serving = match (active.next(), active.next()) {
        (Some(only), None) => Some(only),
        (None, _) => current.or_else(|| others.iter().copied().max_by_key(|s| s.revision)),
        (Some(_), Some(_)) => {
            retire_others(bounds, current, others, steps);
            return;
        }
    };
    let Some(serving) = serving else { return };
    let wanted = alone(bounds, serving, current, others);
    if wanted != serving.replicas {
        steps.push(serving.scale(wanted));
    }
}

/// The size of the only set with replicas: the count, as soon as replicas of others that were given up are gone.
fn alone(bounds: &Bounds, only: &Set, current: Option<&Set>, others: &[&Set]) -> usize {
    if bounds.desired <= only.replicas {
        return bounds.desired;
    }
    let mut rest = others
        .iter()
        .copied()
        .chain(current)
        .filter(|s| s.name != only.name);
    let room = if bounds.recreate && rest.clone().any(|s| s.existing > 0) {
        0
    } else {
        bounds
            .most()
            .saturating_sub(rest.by_ref().map(Set::claimed).sum())
    };
    bounds.desired.min(room).max(only.replicas)
}

/// When the present template does all the work already, nothing of the others is worth a share.
fn retire_others(
    bounds: &Bounds,
    current: Option<&Set>,
    others: &[&Set],
    steps: &mut Vec<Step>,
) -> bool {
    let does_it_all =
        current.is_some_and(|s| s.replicas == bounds.desired && s.available >= bounds.desired);
    if does_it_all {
        steps.extend(others.iter().filter(|s| s.replicas > 0).map(|s| s.scale(0)));
    }
    does_it_all
}

/// The new size of each set. Those sized for the present count already, by a plan that was carried out in part,
/// keep theirs; what is left goes to the rest in proportion, and sums up exactly. `leaving` replicas were given up
/// before and are still there.
fn shares<'a>(bounds: &Bounds, active: &[&'a Set], leaving: usize) -> Vec<(&'a Set, usize)> {
    let (settled, mut stale): (Vec<&Set>, Vec<&Set>) = active
        .iter()
        .copied()
        .partition(|s| s.sized_for == Some(bounds.desired));
    // Of equal remainders the newest template's counts first.
    stale.reverse();
    let present: usize = active.iter().map(|s| s.replicas).sum();
    let allowed = if bounds.most() > present {
        // Not above the limit together with replicas that are still to go.
        bounds.most().saturating_sub(leaving).max(present)
    } else {
        bounds.most()
    };
    let settled_total: usize = settled.iter().map(|s| s.replicas).sum();
    let pool = allowed.saturating_sub(settled_total);
    let weight: usize = stale.iter().map(|s| s.replicas).sum();
    if weight == 0 {
        return Vec::new();
    }
    let mut sizes: Vec<usize> = stale.iter().map(|s| s.replicas * pool / weight).collect();
    let mut order: Vec<usize> = (0..stale.len()).collect();
    order.sort_by_key(|i| std::cmp::Reverse(stale[*i].replicas * pool % weight));
    let rest = pool - sizes.iter().sum::<usize>();
    for i in order.into_iter().take(rest) {
        sizes[i] += 1;
    }
    sizes.extend(settled.iter().map(|s| s.replicas));
    stale.extend(settled);
    keep_available(bounds, &stale, &mut sizes);
    stale.into_iter().zip(sizes).collect()
}

/// Moves replicas from sets whose surplus is not available to sets that would give up available ones, as long as
/// fewer than must be would stay available.
fn keep_available(bounds: &Bounds, sets: &[&Set], sizes: &mut [usize]) {
    let now: usize = sets.iter().map(|s| s.kept()).sum();
    let needed = now.min(bounds.least());
    loop {
        let stays: usize = sets
            .iter()
            .zip(sizes.iter())
            .map(|(s, size)| s.kept().min(*size))
            .sum();
        if stays >= needed {
            return;
        }
        let donor = (0..sets.len()).find(|i| sizes[*i] > sets[*i].kept());
        let taker = (0..sets.len()).find(|i| sizes[*i] < sets[*i].kept());
        let (Some(donor), Some(taker)) = (donor, taker) else {
            return;
        };
        sizes[donor] -= 1;
        sizes[taker] += 1;
    }
}
