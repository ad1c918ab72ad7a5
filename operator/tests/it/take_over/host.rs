//! The recorded host: it says what it said, byte by byte, and remembers what it was told.

use bytes::Bytes;
use futures::StreamExt;
use parking_lot::Mutex;
use protocol::bus::{Headers, Message, SharedBus, respond};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio_util::sync::{CancellationToken, DropGuard};

const WIRE: &str = include_str!("../../../../protocol/tests/fixtures/wire.json");
const ABSENT: &str = "samples/absent";

/// What it was told so far.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Ids that run.
    pub running: BTreeSet<String>,
    /// Ids it was told to start.
    pub starts: Vec<String>,
    /// Ids it was told to stop.
    pub stops: Vec<String>,
    /// Ids that were asked after.
    pub looks: Vec<String>,
    /// Commands it does not know, and does not answer.
    pub unknown: BTreeSet<String>,
}

/// The recorded host; gone when dropped.
pub struct RecordedHost {
    told: Arc<Mutex<Told>>,
    heartbeat: Arc<Mutex<String>>,
    beat: String,
    bus: SharedBus,
    _stop: DropGuard,
}

impl RecordedHost {
    /// On the bus, running these workloads.
    pub async fn start(bus: &SharedBus, running: impl IntoIterator<Item = String>) -> Self {
        let (id, heartbeat) = recorded_heartbeat();
        let heartbeat = Arc::new(Mutex::new(heartbeat));
        let beat = format!("runtime.operator.heartbeat.{id}");
        let told = Arc::new(Mutex::new(Told {
            running: running.into_iter().collect(),
            ..Told::default()
        }));
        let token = CancellationToken::new();
        let mut commands = bus
            .subscribe(&format!("runtime.host.{id}.>"))
            .await
            .unwrap();
        let new = Self {
            told: told.clone(),
            heartbeat: heartbeat.clone(),
            beat: beat.clone(),
            bus: bus.clone(),
            _stop: token.clone().drop_guard(),
        };
        let (stop, state, bus) = (token, told, bus.clone());
        tokio::spawn(async move {
            let mut tick = tokio::time::interval(std::time::Duration::from_secs(1));
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    _ = tick.tick() => {
                        let payload = Bytes::from(heartbeat.lock().clone());
                        bus.publish(&beat, Headers::new(), payload).await.unwrap();
                    }
                    message = commands.next() => {
                        let Some(message) = message else { return };
                        let heartbeat = heartbeat.lock().clone();
                        serve(&bus, &state, &heartbeat, &message).await;
                    }
                }
            }
        });
        new
    }

    /// Says this of itself from now on, and says so at once.
    pub async fn say(&self, change: impl FnOnce(&mut Value)) {
        let payload = {
            let mut heartbeat = self.heartbeat.lock();
            let mut beat: Value = serde_json::from_str(&heartbeat).unwrap();
            change(&mut beat);
            *heartbeat = beat.to_string();
            Bytes::from(heartbeat.clone())
        };
        let sent = self.bus.publish(&self.beat, Headers::new(), payload);
        sent.await.unwrap();
    }

    /// What it was told so far.
    pub fn told(&self) -> Told {
        self.told.lock().clone()
    }
}

fn recorded_heartbeat() -> (String, String) {
    let wire: Vec<Value> = serde_json::from_str(WIRE).unwrap();
    let prefix = "runtime.operator.heartbeat.";
    let beat = wire
        .iter()
        .find(|m| m["subject"].as_str().unwrap().starts_with(prefix))
        .unwrap();
    let id = beat["subject"].as_str().unwrap()[prefix.len()..].to_owned();
    (id, beat["data"].as_str().unwrap().to_owned())
}

/// As the reference: what it does not know or cannot read, it does not answer.
async fn serve(bus: &SharedBus, told: &Mutex<Told>, heartbeat: &str, message: &Message) {
    let command = message.subject.splitn(4, '.').nth(3).unwrap_or_default();
    let body: Value = serde_json::from_slice(&message.payload).unwrap_or_default();
    let id = body["workloadId"].as_str().unwrap_or_default().to_owned();
    let reply = {
        let mut told = told.lock();
        match command {
            "heartbeat" => heartbeat.to_owned(),
            "workload.start" => {
                told.starts.push(id.clone());
                if body.to_string().contains(ABSENT) {
                    say(
                        &id,
                        "ERROR",
                        "failed to pull image for component 'c': manifest unknown",
                    )
                } else {
                    told.running.insert(id.clone());
                    say(&id, "RUNNING", "Workload started successfully")
                }
            }
            "workload.status" => {
                told.looks.push(id.clone());
                if told.running.contains(&id) {
                    say(&id, "RUNNING", "Workload is Running")
                } else {
                    say(&id, "NOT_FOUND", &format!("Workload not found: {id}"))
                }
            }
            "workload.stop" => {
                told.stops.push(id.clone());
                if told.running.remove(&id) {
                    say(&id, "STOPPING", "Workload stopped successfully")
                } else {
                    say(&id, "NOT_FOUND", "Workload not found")
                }
            }
            other => {
                told.unknown.insert(other.to_owned());
                return;
            }
        }
    };
    respond(bus.as_ref(), message, Bytes::from(reply))
        .await
        .unwrap();
}

fn say(id: &str, state: &str, message: &str) -> String {
    let status = json!({"workloadId": id, "workloadState": format!("WORKLOAD_STATE_{state}"), "message": message});
    serde_json::to_string_pretty(&json!({"workloadStatus": status})).unwrap()
}
