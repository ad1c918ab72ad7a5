use super::{Bounds, Set, Step, plan};

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
        alive: replicas,
        existing: replicas,
        sized_for: None,
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
        alive: 0,
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

#[test]
fn given_up_replicas_take_up_room_until_they_go() {
    let v1 = Set {
        alive: 3,
        ..set("v1", 1, 2, 2)
    };
    assert_eq!(
        plan(&THREE, &[v1.clone(), current(set("v2", 2, 1, 1))]).steps,
        [],
        "three and one are four already"
    );
    let gone = Set { alive: 2, ..v1 };
    assert_eq!(
        plan(&THREE, &[gone, current(set("v2", 2, 1, 1))]).steps,
        [scale("v2", 2)]
    );
}

fn sized(count: usize, set: Set) -> Set {
    Set {
        sized_for: Some(count),
        ..set
    }
}

#[test]
fn a_scaled_rollout_keeps_its_proportions_and_sums_up_exactly() {
    let ten = Bounds {
        desired: 20,
        surge: 5,
        ..THREE
    };
    let sets = [
        sized(10, set("v1", 1, 8, 8)),
        sized(10, current(set("v2", 2, 5, 2))),
    ];
    let first = plan(&ten, &sets);
    assert_eq!(first.steps, [scale("v2", 10), scale("v1", 15)]);
    // Carried out in part, the rest is what it was.
    let half = [
        sized(10, set("v1", 1, 8, 8)),
        sized(20, current(set("v2", 2, 10, 2))),
    ];
    assert_eq!(plan(&ten, &half).steps, [scale("v1", 15)]);
    // Also while paused; and nothing else happens then.
    let paused = Bounds {
        paused: true,
        ..ten
    };
    assert_eq!(plan(&paused, &sets).steps, first.steps);
    let done = [
        sized(20, set("v1", 1, 15, 15)),
        sized(20, current(set("v2", 2, 10, 10))),
    ];
    assert_eq!(plan(&paused, &done).steps, []);
}

#[test]
fn scaling_down_keeps_what_is_available() {
    let two = Bounds {
        desired: 2,
        surge: 1,
        ..THREE
    };
    let sets = [
        sized(4, set("v1", 1, 2, 2)),
        sized(4, current(set("v2", 2, 3, 0))),
    ];
    assert_eq!(plan(&two, &sets).steps, [scale("v2", 1), scale("v1", 2)]);
}

#[test]
fn a_size_that_is_right_already_is_noted() {
    let four = Bounds {
        desired: 4,
        ..THREE
    };
    let sets = [sized(3, current(set("v1", 1, 4, 4)))];
    assert_eq!(plan(&four, &sets).steps, [scale("v1", 4)]);
    let noted = [sized(4, current(set("v1", 1, 4, 4)))];
    assert!(plan(&four, &noted).complete);
}

#[test]
fn paused_with_the_present_template_in_full_lets_the_others_go() {
    let paused = Bounds {
        paused: true,
        ..THREE
    };
    let sets = [set("v1", 1, 1, 1), current(set("v2", 2, 3, 3))];
    assert_eq!(plan(&paused, &sets).steps, [scale("v1", 0)]);
    let partly = [set("v1", 1, 2, 2), current(set("v2", 2, 1, 1))];
    assert_eq!(plan(&paused, &partly).steps, []);
}

mod world;
