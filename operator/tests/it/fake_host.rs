//! A host that speaks the wire and runs nothing: it accepts, reports, and can be told to fail.

use bytes::Bytes;
use futures::StreamExt;
use parking_lot::Mutex;
use protocol::bus::{Headers, Message, SharedBus, respond};
use protocol::subject::{
    Command, Parsed, announcement, heartbeat, host_commands, parse, workload_state,
};
use protocol::{Reason, ext, json, v2};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Which protocol the host speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    /// As the reference: base messages, no answer to others.
    Base,
    /// As ours.
    Extension,
}

/// What a host has.
#[derive(Default)]
struct State {
    running: BTreeMap<String, v2::WorkloadStartRequest>,
    failing_images: BTreeMap<String, (Reason, String)>,
    starts: usize,
}

/// A running fake host; gone without a word when dropped.
pub struct FakeHost {
    pub id: String,
    wire: Arc<Wire>,
    state: Arc<Mutex<State>>,
    _stop: DropGuard,
}

impl FakeHost {
    pub async fn start(bus: &SharedBus, name: &str, speaks: Speaks) -> Self {
        let id = uuid::Uuid::new_v4().to_string();
        let held = id.clone();
        let state = Arc::new(Mutex::new(State::default()));
        let token = CancellationToken::new();
        let mut commands = bus.subscribe(&host_commands(&id).unwrap()).await.unwrap();
        let host = Arc::new(Wire {
            bus: bus.clone(),
            id,
            name: name.into(),
            speaks,
            state: state.clone(),
        });
        host.beat().await;
        if speaks == Speaks::Extension {
            host.announce().await;
        }
        let stop = token.clone();
        let wire = host.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    message = commands.next() => match message {
                        Some(message) => host.serve(&message).await,
                        None => return,
                    },
                }
            }
        });
        Self {
            id: held,
            wire,
            state,
            _stop: token.drop_guard(),
        }
    }

    /// Sends one more heartbeat.
    pub async fn beat(&self) {
        self.wire.beat().await;
    }

    /// From now on starts with this image fail.
    pub fn fail(&self, image: &str, reason: Reason, message: &str) {
        self.state
            .lock()
            .failing_images
            .insert(image.into(), (reason, message.into()));
    }

    /// Workloads that run, with their command.
    pub fn running(&self) -> Vec<v2::WorkloadStartRequest> {
        self.state.lock().running.values().cloned().collect()
    }

    /// Starts that were asked for.
    pub fn starts(&self) -> usize {
        self.state.lock().starts
    }
}

struct Wire {
    bus: SharedBus,
    id: String,
    name: String,
    speaks: Speaks,
    state: Arc<Mutex<State>>,
}

impl Wire {
    fn heartbeat(&self) -> v2::HostHeartbeat {
        v2::HostHeartbeat {
            id: self.id.clone(),
            hostname: "10.1.2.3".into(),
            friendly_name: self.name.clone(),
            version: "1.0.0".into(),
            labels: BTreeMap::from([("hostgroup".to_owned(), "default".to_owned())]),
            os_name: "linux".into(),
            os_arch: "x86_64".into(),
            os_kernel: "unix".into(),
            workload_count: self.state.lock().running.len() as u64,
            http_port: 8000,
            ..v2::HostHeartbeat::default()
        }
    }

    async fn beat(&self) {
        self.publish(
            &heartbeat(&self.id).unwrap(),
            json::encode(&self.heartbeat()),
        )
        .await;
    }

    async fn announce(&self) {
        let announced = ext::HostAnnouncement {
            id: self.id.clone(),
            friendly_name: self.name.clone(),
            protocol: 1,
            ..ext::HostAnnouncement::default()
        };
        self.publish(&announcement(&self.id).unwrap(), json::encode(&announced))
            .await;
    }

    async fn publish(&self, subject: &str, payload: Vec<u8>) {
        self.bus
            .publish(subject, Headers::new(), Bytes::from(payload))
            .await
            .unwrap();
    }

    async fn serve(&self, message: &Message) {
        let Some(Parsed::Command {
            command: Some(command),
            ..
        }) = parse(&message.subject)
        else {
            return;
        };
        let base = matches!(
            command,
            Command::Heartbeat | Command::Start | Command::Status | Command::Stop
        );
        if !base && self.speaks == Speaks::Base {
            return;
        }
        let mut changed = None;
        let payload = match command {
            Command::Heartbeat => json::encode(&self.heartbeat()),
            Command::Start => {
                let (status, _) = self.begin(json::decode(&message.payload).unwrap());
                json::encode(&v2::WorkloadStartResponse {
                    workload_status: Some(status),
                })
            }
            Command::StartV1 => {
                let start: ext::WorkloadStartV1 = json::decode(&message.payload).unwrap();
                assert!(!start.extension.unwrap().control_plane.is_empty());
                let base = start.base.unwrap();
                let id = base.workload_id.clone();
                let (status, reason) = self.begin(base);
                changed = Some(report(status, reason));
                reply(report(
                    say(&id, v2::WorkloadState::Starting, "starting"),
                    None,
                ))
            }
            Command::Status => {
                let ask: v2::WorkloadStatusRequest = json::decode(&message.payload).unwrap();
                json::encode(&v2::WorkloadStatusResponse {
                    workload_status: Some(self.look(&ask.workload_id)),
                })
            }
            Command::StatusV1 => {
                let ask: ext::WorkloadStatusV1 = json::decode(&message.payload).unwrap();
                reply(report(self.look(&ask.workload_id), None))
            }
            Command::Stop => {
                let ask: v2::WorkloadStopRequest = json::decode(&message.payload).unwrap();
                json::encode(&v2::WorkloadStopResponse {
                    workload_status: Some(self.end(&ask.workload_id)),
                })
            }
            Command::StopV1 => {
                let ask: ext::WorkloadStopV1 = json::decode(&message.payload).unwrap();
                reply(report(self.end(&ask.workload_id), None))
            }
            Command::List => json::encode(&ext::Inventory::default()),
        };
        respond(self.bus.as_ref(), message, Bytes::from(payload))
            .await
            .unwrap();
        if let Some(report) = changed {
            let workload = report.status.as_ref().unwrap().workload_id.clone();
            let event = ext::WorkloadStateChanged {
                host_id: self.id.clone(),
                report: Some(report),
                ..ext::WorkloadStateChanged::default()
            };
            self.publish(
                &workload_state(&self.id, &workload).unwrap(),
                json::encode(&event),
            )
            .await;
        }
    }

    fn begin(&self, start: v2::WorkloadStartRequest) -> (v2::WorkloadStatus, Option<Reason>) {
        let mut state = self.state.lock();
        state.starts += 1;
        let id = start.workload_id.clone();
        let world = start.workload.as_ref().unwrap().wit_world.as_ref().unwrap();
        let failure = world
            .components
            .iter()
            .find_map(|c| state.failing_images.get(&c.image).cloned());
        if let Some((reason, message)) = failure {
            return (say(&id, v2::WorkloadState::Error, &message), Some(reason));
        }
        state.running.insert(id.clone(), start);
        (say(&id, v2::WorkloadState::Running, "running"), None)
    }

    fn look(&self, id: &str) -> v2::WorkloadStatus {
        let state = if self.state.lock().running.contains_key(id) {
            v2::WorkloadState::Running
        } else {
            v2::WorkloadState::NotFound
        };
        say(id, state, "")
    }

    fn end(&self, id: &str) -> v2::WorkloadStatus {
        let had = self.state.lock().running.remove(id).is_some();
        say(
            id,
            if had {
                v2::WorkloadState::Stopping
            } else {
                v2::WorkloadState::NotFound
            },
            "",
        )
    }
}

fn say(id: &str, state: v2::WorkloadState, message: &str) -> v2::WorkloadStatus {
    v2::WorkloadStatus {
        workload_id: id.into(),
        workload_state: state.into(),
        message: message.into(),
    }
}

fn report(status: v2::WorkloadStatus, reason: Option<Reason>) -> ext::WorkloadReport {
    ext::WorkloadReport {
        status: Some(status),
        reason: reason.map(|r| r.as_str().to_owned()).unwrap_or_default(),
        ..ext::WorkloadReport::default()
    }
}

fn reply(report: ext::WorkloadReport) -> Vec<u8> {
    json::encode(&ext::WorkloadReply {
        report: Some(report),
    })
}
