//! Fake hosts behave as hosts do, over either bus.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use futures::StreamExt;
use protocol::bus::memory::MemoryBus;
use protocol::bus::nats::{NatsOptions, connect};
use protocol::bus::{BusError, Headers, SharedBus};
use protocol::subject::{ALL_HEARTBEATS, ALL_WORKLOAD_STATES, Command, host_command};
use protocol::v2::WorkloadState;
use protocol::{Reason, ext, json, v2};
use testbed::fake_hosts::{Did, FakeFleet, FakeHost, Faults, HostOptions, OnStart, OnStop, Speaks};
use testbed::nats::NatsServer;
use testbed::wait::{TEST, until, within};

const SHORT: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(10);

async fn ask<A: serde::Serialize, R: serde::de::DeserializeOwned>(
    bus: &SharedBus,
    host: &str,
    command: Command,
    ask: &A,
) -> Result<R, BusError> {
    let subject = host_command(host, command).expect("an id");
    let payload = Bytes::from(json::encode(ask));
    let reply = bus
        .request(&subject, Headers::new(), payload, SHORT)
        .await?;
    Ok(json::decode(&reply.payload).expect("an answer"))
}

fn start(id: &str, control_plane: &str) -> ext::WorkloadStartV1 {
    ext::WorkloadStartV1 {
        base: Some(v2::WorkloadStartRequest {
            workload_id: id.into(),
            workload: Some(v2::Workload::default()),
        }),
        extension: Some(ext::StartExtension {
            control_plane: control_plane.into(),
            ..ext::StartExtension::default()
        }),
    }
}

async fn begin(bus: &SharedBus, host: &FakeHost, id: &str) -> Result<WorkloadState, BusError> {
    let reply: ext::WorkloadReply = ask(bus, &host.id, Command::StartV1, &start(id, "us")).await?;
    Ok(state(reply.report))
}

fn state(report: Option<ext::WorkloadReport>) -> WorkloadState {
    let status = report.unwrap_or_default().status.unwrap_or_default();
    status.workload_state()
}

async fn end(bus: &SharedBus, host: &FakeHost, id: &str) -> Result<WorkloadState, BusError> {
    let stop = ext::WorkloadStopV1 {
        workload_id: id.into(),
        drain_seconds: None,
    };
    let reply: ext::WorkloadReply = ask(bus, &host.id, Command::StopV1, &stop).await?;
    Ok(state(reply.report))
}

#[tokio::test]
async fn a_start_is_accepted_and_its_outcome_told() -> Result<()> {
    let bus: SharedBus = MemoryBus::new();
    let host = FakeHost::start(&bus, "a", Speaks::Extension).await?;
    let mut states = bus.subscribe(ALL_WORKLOAD_STATES).await?;
    let mut told = async || -> Result<(WorkloadState, String)> {
        let message = states.next().await.context("a state")?;
        let changed: ext::WorkloadStateChanged = json::decode(&message.payload)?;
        let report = changed.report.context("a report")?;
        Ok((state(Some(report.clone())), report.reason))
    };
    ensure!(begin(&bus, &host, "w").await? == WorkloadState::Starting);
    ensure!(told().await?.0 == WorkloadState::Running);
    ensure!(
        begin(&bus, &host, "w").await? == WorkloadState::Running,
        "the same again"
    );
    ensure!(end(&bus, &host, "w").await? == WorkloadState::Stopping);
    ensure!(told().await?.0 == WorkloadState::Stopping);
    ensure!(told().await?.0 == WorkloadState::NotFound);
    ensure!(end(&bus, &host, "w").await? == WorkloadState::NotFound);
    ensure!(host.log() == [Did::Started("w".into()), Did::Stopped("w".into())]);

    host.on_start(OnStart::Fails(
        Reason::ImageNotFound,
        "no such image".into(),
    ));
    begin(&bus, &host, "x").await?;
    ensure!(told().await? == (WorkloadState::Error, "ImageNotFound".into()));
    ensure!(host.running().is_empty() && host.held().len() == 1);
    let unnamed: ext::WorkloadReply =
        ask(&bus, &host.id, Command::StartV1, &start("y", "")).await?;
    ensure!(
        state(unnamed.report) == WorkloadState::Error,
        "every start says whose it is"
    );
    Ok(())
}

#[tokio::test]
async fn a_base_host_leaves_the_extension_unanswered() -> Result<()> {
    let bus: SharedBus = MemoryBus::new();
    let host = FakeHost::start(&bus, "a", Speaks::Base).await?;
    ensure!(matches!(
        begin(&bus, &host, "w").await,
        Err(BusError::Timeout { .. })
    ));
    let base = start("w", "us").base.context("a start")?;
    let reply: v2::WorkloadStartResponse = ask(&bus, &host.id, Command::Start, &base).await?;
    let status = reply.workload_status.context("a status")?;
    ensure!(status.workload_state() == WorkloadState::Running);
    let again: v2::WorkloadStartResponse = ask(&bus, &host.id, Command::Start, &base).await?;
    let status = again.workload_status.context("a status")?;
    ensure!(
        status.workload_state() == WorkloadState::Error
            && status.message.contains("already exists")
    );
    Ok(())
}

#[tokio::test]
async fn a_host_dies_leaves_the_bus_and_comes_back() -> Result<()> {
    let bus: SharedBus = MemoryBus::new();
    let host = FakeHost::start(&bus, "a", Speaks::Extension).await?;
    begin(&bus, &host, "w").await?;
    host.disconnect();
    until(PATIENCE, "nobody to answer", || async {
        let answer = begin(&bus, &host, "x").await;
        ensure!(
            matches!(answer, Err(BusError::NoResponders { .. })),
            "{answer:?}"
        );
        Ok(())
    })
    .await?;
    host.reconnect().await?;
    ensure!(host.running().len() == 1, "it kept what it had");
    host.plant("foreign", "them");
    let all: ext::Inventory = ask(
        &bus,
        &host.id,
        Command::List,
        &ext::InventoryRequest::default(),
    )
    .await?;
    let owners: Vec<_> = all.items.iter().map(|i| i.control_plane.as_str()).collect();
    ensure!(owners == ["them", "us"], "{owners:?}");
    let page = ext::InventoryRequest {
        limit: 1,
        ..ext::InventoryRequest::default()
    };
    let first: ext::Inventory = ask(&bus, &host.id, Command::List, &page).await?;
    ensure!(first.items.len() == 1 && first.r#continue == first.items[0].id);
    let new = host.restart().await?;
    ensure!(new.id != host.id && new.name() == host.name() && new.running().is_empty());
    host.on_stop(OnStop::Silent);
    Ok(())
}

#[tokio::test]
async fn a_bad_network_loses_doubles_and_delays() -> Result<()> {
    let bus: SharedBus = MemoryBus::new();
    let fleet = FakeFleet::new(&bus);
    let host = fleet.add(HostOptions::named("a")).await?;
    fleet.faults(Faults {
        lost: 1.0,
        ..Faults::default()
    });
    ensure!(begin(&bus, &host, "w").await.is_err(), "the answer is lost");
    ensure!(host.running().len() == 1, "the command was not");
    fleet.faults(Faults {
        doubled: 1.0,
        ..Faults::default()
    });
    let mut states = bus.subscribe(ALL_WORKLOAD_STATES).await?;
    begin(&bus, &host, "x").await?;
    let mut messages = Vec::new();
    for _ in 0..2 {
        messages.push(states.next().await.context("a state")?.payload);
    }
    ensure!(messages[0] == messages[1]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_hosts_speak_over_nats() -> Result<()> {
    within(TEST, "2,000 hosts", async {
        const HOSTS: usize = 2000;
        let server = NatsServer::start().await?;
        let bus: SharedBus = connect(&NatsOptions::server(server.url())).await?;
        let operator: SharedBus = connect(&NatsOptions::server(server.url())).await?;
        let mut beats = operator.subscribe(ALL_HEARTBEATS).await?;
        operator.flush().await?;
        let fleet = FakeFleet::new(&bus);
        fleet
            .add_many(HOSTS, |n| HostOptions::named(format!("host-{n}")))
            .await?;
        fleet.beat_every(Duration::from_secs(1));
        for n in 0..2 * HOSTS {
            let beat = tokio::time::timeout(PATIENCE, beats.next()).await;
            beat.with_context(|| format!("{n} heartbeats came"))?;
        }
        for host in fleet.hosts() {
            begin(&operator, &host, &format!("on-{}", host.name())).await?;
        }
        let running = fleet.running();
        ensure!(running.len() == HOSTS && running.values().all(|hosts| hosts.len() == 1));
        Ok(())
    })
    .await?
}
