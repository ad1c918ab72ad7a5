//! Workloads as the bus side sees them: by id, with states and reasons.

use super::support::{Bed, guest};
use host::{
    agent::{StartRequest, Started, Workloads as _, workloads::state_of},
    workload::{Runner, RunnerOptions},
};
use oci::{DockerConfig, Images, ImagesOptions, LocalStore};
use protocol::{
    Reason,
    ext::{InventoryRequest, StartExtension, WorkloadReport},
    v2::{self, WorkloadState},
};
use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};
use testbed::wait;
use tokio::sync::broadcast;

struct Host {
    runner: Runner,
    address: SocketAddr,
    _bed: (tempfile::TempDir, host::http::Ingress),
    _store: tempfile::TempDir,
}

fn host(guests: &[&str]) -> Host {
    let Bed {
        platform,
        ingress,
        scratch,
    } = Bed::new();
    let dir = tempfile::tempdir().unwrap();
    let store = LocalStore::open(dir.path()).unwrap();
    for name in guests {
        let reference = image(name).parse().unwrap();
        store.put_component(&reference, guest(name).into()).unwrap();
    }
    let options = ImagesOptions {
        docker_config: DockerConfig::Ignore,
        ..ImagesOptions::default()
    };
    let images = Arc::new(Images::new(store, options).unwrap());
    let options = RunnerOptions {
        endpoint_delay: Duration::ZERO,
        memory: 1 << 30,
        cpu_millis: 2000,
    };
    Host {
        runner: Runner::new(platform, images, options),
        address: ingress.address().unwrap(),
        _bed: (scratch, ingress),
        _store: dir,
    }
}

fn image(name: &str) -> String {
    format!("registry.invalid/test/{name}:1")
}

fn request(id: &str, guest: &str) -> StartRequest {
    let component = v2::Component {
        name: "acts".to_owned(),
        image: image(guest),
        image_pull_policy: v2::ImagePullPolicy::Never.into(),
        ..v2::Component::default()
    };
    let http = v2::WitInterface {
        namespace: "wasi".to_owned(),
        package: "http".to_owned(),
        interfaces: vec!["incoming-handler".to_owned()],
        config: BTreeMap::from([("host".to_owned(), "test.local".to_owned())]),
        ..v2::WitInterface::default()
    };
    StartRequest {
        id: id.to_owned(),
        workload: v2::Workload {
            namespace: "default".to_owned(),
            name: "test".to_owned(),
            wit_world: Some(v2::WitWorld {
                components: vec![component],
                host_interfaces: vec![http],
            }),
            ..v2::Workload::default()
        },
        extension: StartExtension {
            control_plane: "cp".to_owned(),
            ..StartExtension::default()
        },
    }
}

fn service(id: &str, act: &str) -> StartRequest {
    let mut request = request(id, "service-acts");
    request.workload.wit_world = None;
    request.workload.service = Some(v2::Service {
        image: image("service-acts"),
        image_pull_policy: v2::ImagePullPolicy::Never.into(),
        local_resources: Some(v2::LocalResources {
            environment: BTreeMap::from([("ACT".to_owned(), act.to_owned())]),
            ..v2::LocalResources::default()
        }),
        max_restarts: 1,
        ..v2::Service::default()
    });
    request
}

/// The next change of `id` into `state`; sequences only ever grow.
async fn until(
    changes: &mut broadcast::Receiver<host::agent::StateChange>,
    id: &str,
    state: WorkloadState,
) -> WorkloadReport {
    let mut last = 0;
    let seen = async {
        loop {
            let report = changes.recv().await.unwrap().report;
            if report
                .status
                .as_ref()
                .is_none_or(|status| status.workload_id != id)
            {
                continue;
            }
            assert!(report.sequence > last);
            last = report.sequence;
            if state_of(&report) == state {
                return report;
            }
        }
    };
    wait::within(wait::TEST, &format!("{id} to be {state:?}"), seen)
        .await
        .unwrap()
}

fn message(report: &WorkloadReport) -> &str {
    report
        .status
        .as_ref()
        .map_or("", |status| status.message.as_str())
}

async fn status(address: SocketAddr) -> u16 {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: test.local\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    wait::within(wait::TEST, "an answer", read)
        .await
        .unwrap()
        .unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_workload_lives_from_starting_to_gone() {
    let host = host(&["http-acts"]);
    let mut changes = host.runner.changes();
    match host.runner.start(request("1", "http-acts")).await {
        Started::Accepted(report) => assert_eq!(state_of(&report), WorkloadState::Starting),
        other => panic!("{other:?}"),
    }
    let running = until(&mut changes, "1", WorkloadState::Running).await;
    assert!(
        running.images[0].digest.starts_with("sha256:"),
        "{running:?}"
    );
    assert_eq!(status(host.address).await, 200);
    assert_eq!(
        (
            host.runner.counts().workloads,
            host.runner.counts().components
        ),
        (1, 1)
    );
    for (again, expected) in [
        (request("1", "http-acts"), true),
        (request("1", "other"), false),
    ] {
        match host.runner.start(again).await {
            Started::AlreadyThere { same, .. } => assert_eq!(same, expected),
            other => panic!("{other:?}"),
        }
    }

    let stopping = host.runner.stop("1", Some(Duration::from_secs(1))).unwrap();
    assert_eq!(state_of(&stopping), WorkloadState::Stopping);
    until(&mut changes, "1", WorkloadState::NotFound).await;
    assert!(host.runner.report("1").is_none() && host.runner.stop("1", None).is_none());
    assert_eq!(status(host.address).await, 404);
}

#[tokio::test]
async fn failures_have_a_reason_and_keep_the_id_until_the_stop() {
    let host = host(&["http-config"]);
    let mut changes = host.runner.changes();
    for (guest, reason, text) in [
        (
            "missing",
            Reason::ImageNotPresent,
            "registry.invalid/test/missing",
        ),
        ("http-config", Reason::MissingInterface, "wasi:config/store"),
    ] {
        assert!(matches!(
            host.runner.start(request("1", guest)).await,
            Started::Accepted(_)
        ));
        let report = until(&mut changes, "1", WorkloadState::Error).await;
        assert_eq!(report.reason, reason.as_str());
        assert!(message(&report).contains(text), "{report:?}");
        assert!(host.runner.report("1").is_some());
        host.runner.stop("1", None).unwrap();
        until(&mut changes, "1", WorkloadState::NotFound).await;
    }
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_the_id_stays_free() {
    let host = host(&[]);
    let mut nonsense = request("1", "http-acts");
    nonsense.workload.namespace.clear();
    match host.runner.start(nonsense).await {
        Started::Refused { reason, message } => {
            assert_eq!(reason, Reason::InvalidSpec);
            assert!(message.contains("namespace"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    assert!(host.runner.report("1").is_none());
}

#[tokio::test]
async fn services_report_how_they_ended() {
    let host = host(&["service-acts"]);
    let mut changes = host.runner.changes();
    assert!(matches!(
        host.runner.start(service("1", "done")).await,
        Started::Accepted(_)
    ));
    let report = until(&mut changes, "1", WorkloadState::Completed).await;
    assert_eq!(report.reason, Reason::Completed.as_str());
    assert!(matches!(
        host.runner.start(service("2", "fail")).await,
        Started::Accepted(_)
    ));
    let report = until(&mut changes, "2", WorkloadState::Error).await;
    assert_eq!(
        (report.reason.as_str(), report.restarts),
        (Reason::CrashLoop.as_str(), 1)
    );
    assert!(message(&report).contains("service fails"), "{report:?}");
    assert!(matches!(
        host.runner.start(service("3", "run")).await,
        Started::Accepted(_)
    ));
    until(&mut changes, "3", WorkloadState::Running).await;
    host.runner.stop_all(None).await;
    assert_eq!(host.runner.counts().workloads, 0);
    assert!(matches!(
        host.runner.start(service("4", "run")).await,
        Started::Refused {
            reason: Reason::HostDraining,
            ..
        }
    ));
}

#[tokio::test]
async fn the_inventory_comes_in_pages() {
    let host = host(&[]);
    for id in ["1", "2", "3"] {
        host.runner.start(request(id, "missing")).await;
    }
    let mut seen = Vec::new();
    let mut page = InventoryRequest {
        limit: 2,
        ..InventoryRequest::default()
    };
    loop {
        let inventory = host.runner.inventory(&page);
        assert!(inventory.items.len() <= 2);
        seen.extend(
            inventory
                .items
                .iter()
                .map(|item| (item.id.clone(), item.control_plane.clone())),
        );
        page.r#continue = inventory.r#continue;
        if page.r#continue.is_empty() {
            break;
        }
    }
    assert_eq!(
        seen,
        ["1", "2", "3"].map(|id| (id.to_owned(), "cp".to_owned()))
    );
    host.runner.stop_all(None).await;
}

#[tokio::test]
async fn a_stop_waits_for_requests_in_flight_and_not_longer_than_it_may() {
    let host = host(&["http-acts"]);
    let mut changes = host.runner.changes();
    host.runner.start(request("1", "http-acts")).await;
    until(&mut changes, "1", WorkloadState::Running).await;
    let endless = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = tokio::net::TcpStream::connect(host.address).await.unwrap();
        stream
            .write_all(b"GET /silent HTTP/1.1\r\nHost: test.local\r\n\r\n")
            .await
            .unwrap();
        let mut begun = [0; 512];
        let read = stream.read(&mut begun).await.unwrap();
        assert!(read > 0);
        host.runner
            .stop("1", Some(Duration::from_millis(200)))
            .unwrap();
        let mut rest = Vec::new();
        // Cut off: an error, or an end without the last chunk.
        let _ = stream.read_to_end(&mut rest).await;
        host
    });
    until(&mut changes, "1", WorkloadState::NotFound).await;
    wait::within(wait::TEST, "the client to be cut off", endless)
        .await
        .unwrap()
        .unwrap();
}
