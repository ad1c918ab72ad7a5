use super::*;
use crd_types::OwedStop;

fn beat(id: &str, name: &str, started: &str) -> Beat {
    Beat {
        id: id.into(),
        name: name.into(),
        started_at: Some(started.parse().unwrap()),
        ..Beat::default()
    }
}

#[test]
fn a_restarted_process_replaces_its_former_self_at_once() {
    let fleet = Fleet::new(Policy::default());
    let now = Instant::now();
    fleet.connection(true, now);
    assert_eq!(
        fleet
            .heard(beat("old", "n", "2026-11-21T00:00:00Z"), false, now)
            .0,
        Heard::Arrived
    );
    assert_eq!(
        fleet
            .heard(beat("old", "n", "2026-11-21T00:00:00Z"), false, now)
            .0,
        Heard::Same
    );
    let (heard, replaced) = fleet.heard(beat("new", "n", "2026-11-21T00:00:05Z"), false, now);
    assert_eq!((heard, replaced), (Heard::Arrived, vec!["old".to_owned()]));
    assert_eq!(fleet.standing("old", now), Standing::Lost);
    assert_eq!(fleet.named("n").unwrap().beat.id, "new");
}

#[test]
fn a_stranger_is_unknown_until_we_have_listened_long_enough() {
    let fleet = Fleet::new(Policy::default());
    let start = Instant::now();
    fleet.connection(true, start);
    assert_eq!(fleet.standing("x", start), Standing::Unknown);
    assert_eq!(
        fleet.standing("x", start + Duration::from_secs(45)),
        Standing::Lost
    );
    fleet.connection(false, start);
    assert_eq!(
        fleet.standing("x", start + Duration::from_secs(45)),
        Standing::Unknown
    );
}

#[test]
fn load_alone_is_no_news() {
    let fleet = Fleet::new(Policy::default());
    let now = Instant::now();
    let early = Announced {
        protocol: 1,
        ..Announced::default()
    };
    assert!(
        !fleet.announced("a", early.clone()),
        "its heartbeat brings the news"
    );
    fleet.heard(beat("a", "a", "2026-11-21T00:00:00Z"), false, now);
    assert_eq!(fleet.get("a").unwrap().announced.as_ref(), Some(&early));
    let busy = Announced {
        allocated_instances: Some(7),
        ..early
    };
    assert!(!fleet.announced("a", busy.clone()));
    assert_eq!(
        fleet
            .get("a")
            .unwrap()
            .announced
            .as_ref()
            .unwrap()
            .allocated_instances,
        Some(7)
    );
    assert!(fleet.announced(
        "a",
        Announced {
            draining: true,
            ..busy
        }
    ));
}

#[test]
fn an_expected_host_gets_a_full_window_and_then_is_lost() {
    let fleet = Fleet::new(Policy::default());
    let start = Instant::now();
    fleet.connection(true, start);
    fleet.expect(beat("a", "a", "2026-11-21T00:00:00Z"), Vec::new(), start);
    assert_eq!(fleet.standing("a", start), Standing::Alive);
    assert!(fleet.judge(start + Duration::from_secs(44)).is_empty());
    assert_eq!(fleet.judge(start + Duration::from_secs(45)), ["a"]);
    assert_eq!(
        fleet
            .heard(beat("a", "a", "2026-11-21T00:00:00Z"), false, start)
            .0,
        Heard::Arrived
    );
}

#[test]
fn a_goodbye_is_final_for_the_process_that_said_it() {
    let fleet = Fleet::new(Policy::default());
    let now = Instant::now();
    let first = "2026-11-21T00:00:00Z";
    fleet.heard(beat("a", "a", first), false, now);
    assert!(fleet.left("a", "goodbye", now));
    assert!(!fleet.left("a", "goodbye", now), "no news");
    fleet.heard(beat("a", "a", first), false, now);
    assert_eq!(fleet.standing("a", now), Standing::Lost);
    let (heard, _) = fleet.heard(beat("a", "a", "2026-11-21T01:00:00Z"), false, now);
    assert_eq!(heard, Heard::Arrived);
    assert_eq!(fleet.standing("a", now), Standing::Alive);
}

#[test]
fn refusals_of_one_moment_are_one_and_silence_is_noticed() {
    let fleet = Fleet::new(Policy::default());
    let start = Instant::now();
    fleet.connection(true, start);
    let at = |ms| start + Duration::from_millis(ms);
    fleet.heard(beat("a", "a", "2026-11-21T00:00:00Z"), false, at(10));
    for ms in [20, 21, 22] {
        fleet.refused("a", at(ms));
    }
    assert!(fleet.judge(at(30)).is_empty());
    fleet.refused("a", at(1000));
    assert_eq!(fleet.judge(at(1000)), ["a"]);
    let late = at(10) + Duration::from_secs(30);
    fleet.heard(beat("a", "a", "2026-11-21T00:00:00Z"), false, at(1100));
    let (heard, _) = fleet.heard(beat("a", "a", "2026-11-21T00:00:00Z"), false, late);
    assert_eq!(heard, Heard::Back);
}

#[test]
fn what_a_host_is_owed_outlives_its_silence() {
    let fleet = Fleet::new(Policy::default());
    let now = Instant::now();
    let stop = OwedStop {
        workload_id: "w".into(),
        namespace: "n".into(),
        name: "x".into(),
    };
    let owed = Owed {
        stop,
        starts: 1,
        until: now,
        since: now,
    };
    assert_eq!(fleet.owe("a", owed.clone()), None, "nobody knows it");
    fleet.expect(beat("a", "a", "2026-11-21T00:00:00Z"), Vec::new(), now);
    assert_eq!(fleet.owe("a", owed.clone()), Some(now));
    let again = Owed {
        since: now + Duration::from_secs(1),
        ..owed.clone()
    };
    assert_eq!(fleet.owe("a", again), Some(now), "it is owed since then");
    fleet.heard(beat("a", "a", "2026-11-21T00:00:00Z"), false, now);
    assert_eq!(fleet.owed("a"), [owed]);
    assert!(!fleet.tried("a", "w", Tried::Unknown, now));
    assert!(fleet.tried("a", "another", Tried::Stopped, now));
    assert!(fleet.tried("a", "w", Tried::Stopped, now));
    assert!(fleet.owed("a").is_empty());
}

#[test]
fn a_new_process_in_the_same_pod_replaces_the_old_one_whatever_its_name() {
    let at = |id: &str, port| Beat {
        hostname: "10.0.0.1".into(),
        http_port: port,
        ..beat(id, id, "2026-11-21T00:00:00Z")
    };
    let fleet = Fleet::new(Policy::default());
    let now = Instant::now();
    fleet.heard(at("old", 80), true, now);
    fleet.heard(at("sidecar", 81), true, now);
    let (_, replaced) = fleet.heard(at("stranger", 80), false, now);
    assert!(replaced.is_empty(), "outside a Pod, addresses say nothing");
    let (_, mut replaced) = fleet.heard(at("new", 80), true, now);
    replaced.sort();
    assert_eq!(replaced, ["old", "stranger"]);
}

#[test]
fn two_processes_of_one_name_do_not_take_turns() {
    let fleet = Fleet::new(Policy::default());
    let now = Instant::now();
    let unsaid = |id: &str| Beat {
        id: id.into(),
        name: "n".into(),
        ..Beat::default()
    };
    fleet.heard(unsaid("first"), false, now);
    let (heard, replaced) = fleet.heard(unsaid("second"), false, now);
    assert_eq!(
        (heard, replaced),
        (Heard::Arrived, vec!["first".to_owned()])
    );
    for _ in 0..3 {
        assert_eq!(
            fleet.heard(unsaid("first"), false, now).0,
            Heard::Superseded
        );
        assert_eq!(
            fleet.heard(unsaid("second"), false, now),
            (Heard::Same, Vec::new())
        );
    }
    fleet.left("second", "goodbye", now);
    assert_eq!(fleet.heard(unsaid("first"), false, now).0, Heard::Arrived);

    let (late, early) = ("2026-11-21T01:00:00Z", "2026-11-21T00:00:00Z");
    fleet.heard(beat("young", "m", late), false, now);
    let (heard, _) = fleet.heard(beat("old", "m", early), false, now);
    assert_eq!(heard, Heard::Superseded);
    assert_eq!(fleet.named("m").unwrap().beat.id, "young");
}
