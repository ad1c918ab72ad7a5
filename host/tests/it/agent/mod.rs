//! The bus side of a host, over the bus in process and over a real NATS server, with a workload room of the test's own.

mod commands;
mod fake;
mod inventory;
mod life;
mod nonsense;
mod trace;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::StreamExt;
use host::agent::{self, AgentDeps, AgentError, Front, HostIdentity};
use protocol::bus::memory::MemoryBus;
use protocol::bus::nats::{self, NatsOptions};
use protocol::bus::{Headers, SharedBus, Subscription};
use protocol::ext::{HostAnnouncement, WorkloadReply, WorkloadReport, WorkloadStateChanged};
use protocol::json;
use protocol::subject::{self, Command, Parsed};
use protocol::v2::{HostHeartbeat, WorkloadState, WorkloadStatus, WorkloadStatusResponse};
use serde::Serialize;
use serde::de::DeserializeOwned;
use testbed::nats::NatsServer;
use testbed::wait::{TEST, within};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use fake::Fake;

/// Id of the host under test.
const HOST: &str = "host-1";
/// An answer that is known at once comes well within this.
const AT_ONCE: Duration = Duration::from_secs(5);
/// Longer than any test: only what is due besides the interval is heard.
const NEVER: Duration = Duration::from_hours(1);

/// Runs a test on each bus. It gets a connection for the host and one for the operator.
async fn on_both(test: impl AsyncFn(SharedBus, SharedBus)) {
    let memory = MemoryBus::new();
    within(TEST, "the test in process", test(memory.clone(), memory))
        .await
        .unwrap();
    let server = NatsServer::start().await.unwrap();
    let options = NatsOptions::server(server.url());
    let host = nats::connect(&options).await.unwrap();
    let operator = nats::connect(&options).await.unwrap();
    within(TEST, "the test over NATS", test(host, operator))
        .await
        .unwrap();
}

fn deps(bus: SharedBus, workloads: Arc<Fake>, interval: Duration) -> AgentDeps {
    AgentDeps {
        bus,
        workloads,
        identity: HostIdentity {
            id: HOST.to_owned(),
            name: "calm-otter".to_owned(),
            hostname: "10.0.0.7".to_owned(),
            labels: BTreeMap::from([("hostgroup".to_owned(), "default".to_owned())]),
            environment: "blue".to_owned(),
            started: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        },
        front: Front {
            port: 8080,
            addresses: vec!["10.0.0.7".to_owned()],
            workload_ports: "any:8081-8089".parse().unwrap(),
        },
        interval,
        handover: Duration::ZERO,
        drain: Some(Duration::from_secs(7)),
    }
}

/// A host whose agent takes commands.
struct Running {
    operator: SharedBus,
    workloads: Arc<Fake>,
    heard: Heard,
    token: CancellationToken,
    task: JoinHandle<Result<(), AgentError>>,
}

impl Running {
    /// Starts an agent, and waits for its first announcement and heartbeat.
    async fn start(host: SharedBus, operator: SharedBus, interval: Duration) -> Self {
        let mut running = Self::start_unheard(host, operator, interval).await;
        assert!(matches!(running.heard.next().await, Said::Announcement(_)));
        assert!(matches!(running.heard.next().await, Said::Heartbeat(_)));
        running
    }

    /// Starts an agent; everything it says is still to be heard.
    async fn start_unheard(host: SharedBus, operator: SharedBus, interval: Duration) -> Self {
        Self::start_with(operator, |workloads| deps(host, workloads, interval)).await
    }

    async fn start_with(operator: SharedBus, deps: impl FnOnce(Arc<Fake>) -> AgentDeps) -> Self {
        let heard = Heard(operator.subscribe("runtime.operator.>").await.unwrap());
        operator.flush().await.unwrap();
        let workloads = Fake::new();
        let token = CancellationToken::new();
        let task = tokio::spawn(agent::run(deps(Arc::clone(&workloads)), token.clone()));
        Self {
            operator,
            workloads,
            heard,
            token,
            task,
        }
    }

    /// The answer to a command with this payload, which must come at once.
    async fn ask_raw(&self, command: &str, payload: impl Into<Bytes>) -> Bytes {
        let subject = format!("runtime.host.{HOST}.{command}");
        self.operator
            .request(&subject, Headers::new(), payload.into(), AT_ONCE)
            .await
            .unwrap_or_else(|error| panic!("{command}: {error}"))
            .payload
    }

    async fn ask<R: DeserializeOwned>(&self, command: Command, request: &impl Serialize) -> R {
        let answer = self.ask_raw(command.as_str(), json::encode(request)).await;
        json::decode(&answer).unwrap()
    }

    /// The status a base command answers with.
    async fn ask_base(&self, command: Command, request: &impl Serialize) -> WorkloadStatus {
        let answer: WorkloadStatusResponse = self.ask(command, request).await;
        answer.workload_status.unwrap()
    }

    /// The report a command of the extension answers with.
    async fn ask_ext(&self, command: Command, request: &impl Serialize) -> WorkloadReport {
        let answer: WorkloadReply = self.ask(command, request).await;
        answer.report.unwrap()
    }
}

/// Something a host says without being asked.
#[derive(Debug)]
enum Said {
    Announcement(HostAnnouncement),
    Heartbeat(HostHeartbeat),
    State(WorkloadStateChanged),
}

/// What a host says, in order.
struct Heard(Subscription);

impl Heard {
    async fn next(&mut self) -> Said {
        let message = within(AT_ONCE, "hearing the host", self.0.next())
            .await
            .unwrap()
            .expect("the bus is open");
        match subject::parse(&message.subject) {
            Some(Parsed::Announcement { host: HOST }) => {
                Said::Announcement(json::decode(&message.payload).unwrap())
            }
            Some(Parsed::Heartbeat { host: HOST }) => {
                Said::Heartbeat(json::decode(&message.payload).unwrap())
            }
            Some(Parsed::WorkloadState {
                host: HOST,
                workload,
            }) => {
                let change: WorkloadStateChanged = json::decode(&message.payload).unwrap();
                assert_eq!(id_of(change.report.as_ref().unwrap()), workload);
                Said::State(change)
            }
            other => panic!("{}: {other:?}", message.subject),
        }
    }

    async fn announcement(&mut self) -> HostAnnouncement {
        loop {
            if let Said::Announcement(announcement) = self.next().await {
                return announcement;
            }
        }
    }

    async fn heartbeat(&mut self) -> HostHeartbeat {
        loop {
            if let Said::Heartbeat(heartbeat) = self.next().await {
                return heartbeat;
            }
        }
    }

    async fn state(&mut self) -> WorkloadStateChanged {
        loop {
            if let Said::State(change) = self.next().await {
                return change;
            }
        }
    }
}

fn id_of(report: &WorkloadReport) -> &str {
    &report.status.as_ref().unwrap().workload_id
}

fn state_of(report: &WorkloadReport) -> WorkloadState {
    report.status.as_ref().unwrap().workload_state()
}

fn message_of(report: &WorkloadReport) -> &str {
    &report.status.as_ref().unwrap().message
}
