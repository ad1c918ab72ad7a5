use protocol::{ext::StartExtension, v2};

use super::*;

fn request(id: &str, name: &str) -> StartRequest {
    StartRequest {
        id: id.to_owned(),
        workload: v2::Workload {
            namespace: "default".to_owned(),
            name: name.to_owned(),
            ..v2::Workload::default()
        },
        extension: StartExtension {
            control_plane: "plane".to_owned(),
            ..StartExtension::default()
        },
    }
}

fn reserve(registry: &Registry, id: &str) -> Seat {
    let request = request(id, id);
    match registry.reserve(&request, fingerprint(&request), 2) {
        Registered::Reserved(seat) => seat,
        _ => panic!("{id} is free"),
    }
}

fn state(registry: &Registry, id: &str) -> Option<WorkloadState> {
    registry.report(id).map(|report| state_of(&report))
}

#[test]
fn an_id_is_taken_from_its_start_to_its_end() {
    let registry = Registry::default();
    let mut changes = registry.changes();
    let seat = reserve(&registry, "a");
    assert_eq!(state(&registry, "a"), Some(WorkloadState::Starting));
    let same = request("a", "a");
    assert!(matches!(
        registry.find("a", fingerprint(&same)),
        Some(Started::AlreadyThere { same: true, .. })
    ));
    let other = request("a", "other");
    assert!(matches!(
        registry.reserve(&other, fingerprint(&other), 1),
        Registered::Taken(Started::AlreadyThere { same: false, .. })
    ));
    seat.set(WorkloadState::Running, None, "running");
    assert_eq!(
        registry.counts(),
        Counts {
            workloads: 1,
            components: 2
        }
    );
    drop(seat);
    assert_eq!(
        (state(&registry, "a"), registry.counts()),
        (None, Counts::default())
    );
    let told: Vec<_> = std::iter::from_fn(|| changes.try_recv().ok()).collect();
    let states: Vec<_> = told.iter().map(|change| state_of(&change.report)).collect();
    assert_eq!(
        states,
        [
            WorkloadState::Starting,
            WorkloadState::Running,
            WorkloadState::NotFound
        ]
    );
    assert!(told.is_sorted_by(|a, b| a.report.sequence < b.report.sequence));
    assert!(told.iter().all(|change| change.control_plane == "plane"));
}

#[tokio::test]
async fn nothing_but_the_end_follows_an_order_to_stop() {
    let registry = Registry::default();
    let mut seat = reserve(&registry, "a");
    assert_eq!(
        registry
            .stop("unknown", None)
            .map(|report| state_of(&report)),
        None
    );
    let report = registry.stop("a", Some(Duration::from_secs(1))).unwrap();
    assert_eq!(state_of(&report), WorkloadState::Stopping);
    registry.stop("a", Some(Duration::from_secs(9))).unwrap();
    assert_eq!(
        seat.stopped().await,
        Some(Duration::from_secs(1)),
        "the first order counts"
    );
    seat.set(WorkloadState::Running, None, "too late");
    assert_eq!(state(&registry, "a"), Some(WorkloadState::Stopping));
}

#[test]
fn a_closed_room_takes_nobody() {
    let registry = Registry::default();
    let _seat = reserve(&registry, "a");
    registry.close();
    let late = request("b", "b");
    assert!(matches!(
        registry.reserve(&late, fingerprint(&late), 1),
        Registered::Closed
    ));
    registry.stop_all(None);
    assert_eq!(state(&registry, "a"), Some(WorkloadState::Stopping));
}

#[test]
fn the_inventory_is_paged_in_order() {
    let registry = Registry::default();
    let _seats: Vec<_> = ["c", "a", "b"].map(|id| reserve(&registry, id)).into();
    let page = |from: &str, limit| {
        registry.inventory(&InventoryRequest {
            r#continue: from.to_owned(),
            limit,
            ..InventoryRequest::default()
        })
    };
    let ids = |page: &Inventory| {
        page.items
            .iter()
            .map(|item| item.id.clone())
            .collect::<Vec<_>>()
    };
    let first = page("", 2);
    assert_eq!(
        (ids(&first), &*first.r#continue),
        (vec!["a".to_owned(), "b".to_owned()], "b")
    );
    let second = page(&first.r#continue, 2);
    assert_eq!(
        (ids(&second), &*second.r#continue),
        (vec!["c".to_owned()], "")
    );
    assert_eq!(ids(&page("", 0)).len(), 3);
}

#[test]
fn a_reported_time_is_that_of_the_state() {
    let registry = Registry::default();
    let seat = reserve(&registry, "a");
    seat.set_service(WorkloadState::Running, None, "one".to_owned(), 0);
    let first = registry.report("a").unwrap();
    seat.set_service(WorkloadState::Running, None, "two".to_owned(), 1);
    let second = registry.report("a").unwrap();
    assert_eq!((first.since, second.restarts), (second.since, 1));
    assert!(second.sequence > first.sequence);
}
