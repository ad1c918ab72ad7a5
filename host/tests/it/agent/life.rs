//! What a host says of itself, from its first word to its last.

use std::time::Duration;

use host::agent::workloads::{failed, report};
use host::agent::{self, AgentDeps, AgentError, StateChange};
use protocol::bus::memory::MemoryBus;
use protocol::bus::nats::{self, NatsOptions};
use protocol::bus::{BusError, BusStatus, Headers, SharedBus};
use protocol::subject::{Command, host_command};
use protocol::v2::{HostHeartbeat, WorkloadState};
use protocol::{EXTENSION_LEVEL, Reason};
use testbed::nats::NatsServer;
use testbed::wait::{TEST, until, within};
use tokio_util::sync::CancellationToken;

use super::commands::extended;
use super::fake::{Fake, Told};
use super::{AT_ONCE, HOST, NEVER, Running, Said, deps, id_of, on_both, state_of};

#[tokio::test]
async fn it_announces_itself_and_beats_at_once() {
    on_both(async |host, operator| {
        let mut running = Running::start_unheard(host, operator, NEVER).await;
        // First what it can do, then that it is there.
        let Said::Announcement(announcement) = running.heard.next().await else {
            panic!("an announcement comes first");
        };
        let Said::Heartbeat(heartbeat) = running.heard.next().await else {
            panic!("a heartbeat follows");
        };
        assert_eq!(announcement.id, HOST);
        assert_eq!(announcement.friendly_name, "calm-otter");
        assert_eq!(announcement.protocol, EXTENSION_LEVEL);
        assert!(!announcement.draining && !announcement.goodbye);
        assert_eq!(announcement.addresses, ["10.0.0.7"]);
        assert_eq!(announcement.workload_ports, "any:8081-8089");
        assert_eq!(announcement.http_port, 8080);
        assert_eq!(announcement.environment, "blue");
        assert_eq!(announcement.labels["hostgroup"], "default");
        assert_eq!(announcement.offers[0].package, "config");
        assert_eq!(announcement.started_at, heartbeat.started_at);
        let capacity = announcement.capacity.unwrap();
        assert_eq!(capacity.instances, 1000);
        assert!(
            capacity.cpu_millis > 0 && capacity.memory > 1 << 20,
            "{capacity:?}"
        );
        assert_eq!(announcement.allocated.unwrap().instances, 0);
        assert_eq!(heartbeat.id, HOST);
        assert!(heartbeat.system_memory_free <= heartbeat.system_memory_total);
        // Commands are heard before the first heartbeat invites them.
        let asked: HostHeartbeat = running.ask(Command::Heartbeat, &()).await;
        assert_eq!(asked.friendly_name, heartbeat.friendly_name);
    })
    .await;
}

#[tokio::test]
async fn it_beats_at_every_interval() {
    on_both(async |host, operator| {
        let mut running = Running::start(host, operator, Duration::from_millis(10)).await;
        for _ in 0..5 {
            let heartbeat = running.heard.heartbeat().await;
            assert_eq!(heartbeat.workload_count, 0);
        }
        running
            .ask_ext(Command::StartV1, &extended("w", "cart", "r1"))
            .await;
        while running.heard.heartbeat().await.workload_count != 1 {}
        while running
            .heard
            .announcement()
            .await
            .allocated
            .unwrap()
            .instances
            != 1
        {}
    })
    .await;
}

#[tokio::test]
async fn every_change_of_a_state_is_told_in_order() {
    on_both(async |host, operator| {
        let mut running = Running::start(host, operator, NEVER).await;
        running
            .ask_ext(Command::StartV1, &extended("w", "cart", "r1"))
            .await;
        // An id that cannot be part of a subject is not told, and stops nothing.
        running.workloads.tell(StateChange {
            namespace: String::new(),
            name: String::new(),
            control_plane: String::new(),
            report: report("a.b >", WorkloadState::Running, ""),
        });
        running
            .workloads
            .becomes(report("w", WorkloadState::Running, "ready"));
        let mut crashed = failed("w", Reason::CrashLoop, "exit code 3");
        crashed.restarts = 2;
        running.workloads.becomes(crashed.clone());
        let first = running.heard.state().await;
        assert_eq!(
            (first.host_id.as_str(), first.name.as_str()),
            (HOST, "cart")
        );
        assert_eq!(first.namespace, "shop");
        assert_eq!(first.control_plane, "cluster-a");
        assert_eq!(state_of(&first.report.unwrap()), WorkloadState::Running);
        assert_eq!(running.heard.state().await.report.unwrap(), crashed);
    })
    .await;
}

/// Interrupts a bus and lets it come back; the host must say again who it is, though no heartbeat is due.
async fn comes_back(bus: SharedBus, interrupt: impl AsyncFnOnce(), restore: impl AsyncFnOnce()) {
    // One connection for both sides: what is said after the reconnect cannot be missed.
    let mut running = Running::start(bus.clone(), bus.clone(), NEVER).await;
    let mut status = bus.status();
    interrupt().await;
    status.wait_for(|now| !now.is_connected()).await.unwrap();
    restore().await;
    status.wait_for(BusStatus::is_connected).await.unwrap();
    let announcement = running.heard.announcement().await;
    assert!(!announcement.draining);
    assert_eq!(running.heard.heartbeat().await.id, HOST);
    let answer = running
        .ask_ext(Command::StartV1, &extended("w", "cart", "r1"))
        .await;
    assert_eq!(state_of(&answer), WorkloadState::Starting);
}

#[tokio::test]
async fn it_announces_itself_again_when_the_bus_is_back() {
    let memory = MemoryBus::new();
    let there = comes_back(
        memory.clone(),
        async || memory.interrupt(),
        async || memory.restore(),
    );
    within(TEST, "the memory bus", there).await.unwrap();

    let mut server = NatsServer::start().await.unwrap();
    let bus = nats::connect(&NatsOptions::server(server.url()))
        .await
        .unwrap();
    let server = tokio::sync::Mutex::new(&mut server);
    let there = comes_back(
        bus,
        async || server.lock().await.stop(),
        async || server.lock().await.start_again().await.unwrap(),
    );
    within(TEST, "NATS", there).await.unwrap();
}

#[tokio::test]
async fn it_drains_stops_everything_and_says_goodbye() {
    on_both(async |host, operator| {
        let mut running = Running::start(host, operator, Duration::from_millis(20)).await;
        running
            .ask_ext(Command::StartV1, &extended("w", "cart", "r1"))
            .await;
        running.token.cancel();
        // From here on every announcement says so, those with a heartbeat too; heartbeats go on, or a host with a long
        // drain would be taken for lost.
        while !running.heard.announcement().await.draining {}
        for _ in 0..3 {
            let (announcement, _) = (
                running.heard.announcement().await,
                running.heard.heartbeat().await,
            );
            assert!(announcement.draining && !announcement.goodbye);
        }
        until(AT_ONCE, "stop_all", async || {
            let told = running.workloads.told();
            let drain = Some(Duration::from_secs(7));
            if told[1..] == [Told::Close, Told::StopAll(drain)] {
                Ok(())
            } else {
                Err(format!("{told:?}"))
            }
        })
        .await
        .unwrap();
        // It still answers, and takes nothing new.
        let refused = running
            .ask_ext(Command::StartV1, &extended("w-2", "cart", "r1"))
            .await;
        assert_eq!(refused.reason, Reason::HostDraining.as_str());
        let heartbeat: HostHeartbeat = running.ask(Command::Heartbeat, &()).await;
        assert_eq!(heartbeat.workload_count, 1);
        assert!(!running.task.is_finished());

        running.workloads.may_end.add_permits(1);
        let last = running.heard.state().await.report.unwrap();
        assert_eq!((id_of(&last), last.reason.as_str()), ("w", "HostDraining"));
        while !running.heard.announcement().await.goodbye {}
        let ended = within(AT_ONCE, "the agent's end", running.task)
            .await
            .unwrap();
        ended.unwrap().unwrap();
        // The goodbye was the last word, and nobody is there any more.
        let subject = host_command(HOST, Command::Heartbeat).unwrap();
        until(AT_ONCE, "nobody to answer", async || {
            let asked = running
                .operator
                .request(&subject, Headers::new(), "{}".into(), AT_ONCE)
                .await;
            match asked {
                Err(BusError::NoResponders { .. }) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await
        .unwrap();
        running
            .operator
            .publish(
                "runtime.operator.heartbeat.host-1",
                Headers::new(),
                "{}".into(),
            )
            .await
            .unwrap();
        let Said::Heartbeat(own) = running.heard.next().await else {
            panic!("something was said after the goodbye");
        };
        assert_eq!(own, HostHeartbeat::default());
    })
    .await;
}

#[tokio::test]
async fn w39_it_leaves_its_workloads_running_until_others_have_taken_over() {
    on_both(async |host, operator| {
        let mut running = Running::start_with(operator, |workloads| AgentDeps {
            handover: TEST,
            ..deps(host, workloads, NEVER)
        })
        .await;
        running.heard.heartbeat().await;
        for id in ["w-1", "w-2"] {
            let start = extended(id, "cart", "r1");
            running.ask_ext(Command::StartV1, &start).await;
        }
        running.token.cancel();
        while !running.heard.announcement().await.draining {}
        let there = |running: &Running| running.workloads.told()[2..].to_vec();
        // As the operator does when a replacement is ready elsewhere.
        running.workloads.forget("w-1");
        running.workloads.tell(gone("w-1"));
        while id_of(&running.heard.state().await.report.unwrap()) != "w-1" {}
        let asked: HostHeartbeat = running.ask(Command::Heartbeat, &()).await;
        assert_eq!(asked.workload_count, 1);
        assert_eq!(there(&running), [Told::Close]);
        running.workloads.forget("w-2");
        running.workloads.tell(gone("w-2"));
        until(AT_ONCE, "stop_all", async || {
            let told = there(&running);
            let all = [Told::Close, Told::StopAll(Some(Duration::from_secs(7)))];
            if told == all {
                Ok(())
            } else {
                Err(format!("{told:?}"))
            }
        })
        .await
        .unwrap();
        running.workloads.may_end.add_permits(1);
        while !running.heard.announcement().await.goodbye {}
        let ended = within(AT_ONCE, "the agent's end", running.task)
            .await
            .unwrap();
        ended.unwrap().unwrap();
    })
    .await;
}

fn gone(id: &str) -> StateChange {
    StateChange {
        namespace: "shop".to_owned(),
        name: "cart".to_owned(),
        control_plane: "cluster-a".to_owned(),
        report: report(id, WorkloadState::NotFound, "Workload has stopped"),
    }
}

#[tokio::test]
async fn a_bus_that_is_closed_ends_it() {
    let bus = MemoryBus::new();
    let running = Running::start(bus.clone(), bus.clone(), NEVER).await;
    bus.close();
    let ended = within(AT_ONCE, "the agent's end", running.task)
        .await
        .unwrap();
    let error = ended.unwrap().unwrap_err();
    assert!(
        matches!(error, AgentError::Bus(BusError::Closed)),
        "{error}"
    );
}

#[tokio::test]
async fn a_task_that_dies_ends_it() {
    let bus = MemoryBus::new();
    let running = Running::start(bus.clone(), bus, NEVER).await;
    running.workloads.die();
    let ended = within(AT_ONCE, "the agent's end", running.task)
        .await
        .unwrap();
    let error = ended.unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the task of state changes ended unexpectedly"
    );
}

#[tokio::test]
async fn an_id_that_cannot_be_addressed_is_refused() {
    let mut deps = deps(MemoryBus::new(), Fake::new(), NEVER);
    deps.identity.id = "a.b".to_owned();
    let ended = within(TEST, "run", agent::run(deps, CancellationToken::new()))
        .await
        .unwrap();
    let error = ended.unwrap_err();
    assert!(matches!(error, AgentError::Identity(_)), "{error}");
    assert!(error.to_string().contains("a.b"), "{error}");
}
