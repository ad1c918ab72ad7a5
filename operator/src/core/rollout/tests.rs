use super::{Bounds, Plan, Set, Step, plan};
use proptest::prelude::*;

const THREE: Bounds = Bounds {
    desired: 3,
    surge: 1,
    unavailable: 0,
    recreate: false,
    paused: false,
    history: 10,
};

fn set(name: &str, revision: u32, replicas: usize, available: usize) -> Set {
    Set {
        name: name.into(),
        uid: format!("uid-{name}"),
        matches: false,
        replicas,
        available,
        existing: replicas,
        revision,
        created: i64::from(revision),
    }
}

fn current(set: Set) -> Set {
    Set {
        matches: true,
        ..set
    }
}

fn scale(name: &str, replicas: usize) -> Step {
    Step::Scale {
        name: name.into(),
        uid: format!("uid-{name}"),
        replicas,
    }
}

#[test]
fn a_first_template_starts_in_full() {
    assert_eq!(plan(&THREE, &[]).steps, [Step::Create { replicas: 3 }]);
}

#[test]
fn a_new_template_starts_within_the_surge_and_nothing_goes_before_it_is_available() {
    assert_eq!(
        plan(&THREE, &[set("v1", 1, 3, 3)]).steps,
        [Step::Create { replicas: 1 }]
    );
    let waiting = plan(&THREE, &[set("v1", 1, 3, 3), current(set("v2", 2, 1, 0))]);
    assert_eq!(waiting.steps, []);
    assert_eq!(
        (waiting.current.as_deref(), waiting.previous.as_deref()),
        (Some("v2"), Some("v1"))
    );
    assert_eq!(
        plan(&THREE, &[set("v1", 1, 3, 3), current(set("v2", 2, 1, 1))]).steps,
        [scale("v1", 2)]
    );
}

#[test]
fn a_broken_template_never_costs_the_last_available_one() {
    let sets = [
        set("v1", 1, 3, 3),
        set("v2", 2, 1, 0),
        current(set("v3", 3, 0, 0)),
    ];
    let plan = plan(&THREE, &sets);
    assert_eq!(plan.previous.as_deref(), Some("v1"));
    assert!(
        !plan
            .steps
            .iter()
            .any(|s| matches!(s, Step::Scale { name, .. } if name == "v1")),
        "{plan:?}"
    );
    assert!(plan.steps.contains(&scale("v2", 0)));
}

#[test]
fn going_back_re_adopts_the_old_set_with_a_new_revision() {
    let plan = plan(&THREE, &[current(set("v1", 1, 3, 3)), set("v2", 2, 1, 0)]);
    assert_eq!(plan.current.as_deref(), Some("v1"));
    assert_eq!(plan.revision, 3);
    assert_eq!(plan.steps, [scale("v2", 0)]);
}

#[test]
fn recreate_waits_until_the_last_old_one_is_gone() {
    let recreate = Bounds {
        recreate: true,
        ..THREE
    };
    assert_eq!(
        plan(&recreate, &[set("v1", 1, 3, 3)]).steps,
        [scale("v1", 0)]
    );
    let terminating = Set {
        existing: 1,
        ..set("v1", 1, 0, 0)
    };
    assert_eq!(
        plan(&recreate, std::slice::from_ref(&terminating)).steps,
        []
    );
    let gone = Set {
        existing: 0,
        ..terminating
    };
    assert_eq!(
        plan(&recreate, &[gone]).steps,
        [Step::Create { replicas: 3 }]
    );
}

#[test]
fn paused_resizes_what_serves_and_creates_nothing() {
    let paused = Bounds {
        paused: true,
        ..THREE
    };
    assert_eq!(plan(&paused, &[set("v1", 1, 2, 2)]).steps, [scale("v1", 3)]);
    assert_eq!(plan(&paused, &[]).steps, []);
}

#[test]
fn history_is_kept_within_its_limit_once_the_rollout_is_complete() {
    let empty = |name: &str, revision| Set {
        existing: 0,
        ..set(name, revision, 0, 0)
    };
    let sets = [empty("v1", 1), empty("v2", 2), current(set("v3", 3, 3, 3))];
    let limited = Bounds {
        history: 1,
        ..THREE
    };
    let plan_ = plan(&limited, &sets);
    assert!(plan_.complete);
    assert_eq!(
        plan_.steps,
        [Step::Delete {
            name: "v1".into(),
            uid: "uid-v1".into()
        }]
    );
    assert_eq!(plan(&THREE, &sets).steps, []);
}

/// Carries a plan out as the ReplicaSet controller would: unready replicas go first.
fn carry_out(sets: &mut Vec<Set>, plan: &Plan) {
    for step in &plan.steps {
        match step {
            Step::Create { replicas } => {
                sets.push(current(set("new", plan.revision, *replicas, 0)));
            }
            Step::Scale { name, replicas, .. } => {
                let set = sets.iter_mut().find(|s| s.name == *name).unwrap();
                set.replicas = *replicas;
                set.available = set.available.min(*replicas);
                set.existing = *replicas;
            }
            Step::Delete { name, .. } => sets.retain(|s| s.name != *name),
        }
    }
}

proptest! {
    /// From any state, with one new replica becoming available at a time: availability never falls below what
    /// was there or what must be, the total stays within the surge, and the rollout ends.
    #[test]
    fn every_rollout_keeps_its_bounds_and_ends(
        desired in 0_usize..8,
        surge in 0_usize..4,
        unavailable in 0_usize..3,
        olds in proptest::collection::vec((0_usize..6, 0_usize..6), 0..3),
    ) {
        let bounds = Bounds {
            desired,
            surge,
            unavailable: if surge == 0 { unavailable.max(1) } else { unavailable }.min(desired),
            recreate: false,
            paused: false,
            history: 10,
        };
        prop_assume!(desired == 0 || bounds.surge + bounds.unavailable > 0);
        let mut sets: Vec<Set> = olds
            .iter()
            .zip(1..)
            .map(|((replicas, available), revision)| set(&format!("old{revision}"), revision, *replicas, (*available).min(*replicas)))
            .collect();
        for _ in 0..100 {
            let available = |sets: &[Set]| sets.iter().map(|s| s.available).sum::<usize>();
            let total = |sets: &[Set]| sets.iter().map(|s| s.replicas).sum::<usize>();
            let (available_before, total_before) = (available(&sets), total(&sets));
            let next = plan(&bounds, &sets);
            carry_out(&mut sets, &next);
            prop_assert!(available(&sets) >= available_before.min(bounds.desired - bounds.unavailable));
            prop_assert!(total(&sets) <= total_before.max(bounds.desired + bounds.surge));
            if next.complete {
                prop_assert_eq!(total(&sets), desired);
                return Ok(());
            }
            if let Some(new) = sets.iter_mut().find(|s| s.matches && s.available < s.replicas) {
                new.available += 1;
            }
        }
        prop_assert!(false, "the rollout does not end: {sets:?}");
    }
}
