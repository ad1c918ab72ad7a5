//! A fake host's end of the bus: takes commands, answers them, and says what changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::StreamExt;
use parking_lot::Mutex;
use protocol::bus::{Headers, Message, SharedBus, Subscription};
use protocol::subject::{self, Command, Parsed};
use protocol::v2::WorkloadState;
use protocol::{Reason, ext, json, v2};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::behaviour::{Faults, Network, OnStart, OnStop, Way};
use super::options::{HostOptions, Speaks};
use super::shelf::{Held, Shelf, Taken, report, said};

pub(super) struct Wire {
    pub(super) id: String,
    pub(super) bus: SharedBus,
    pub(super) options: Mutex<HostOptions>,
    pub(super) shelf: Mutex<Shelf>,
    pub(super) network: Network,
    pub(super) unsent: AtomicU64,
    pub(super) beats: AtomicU64,
    pub(super) started: SystemTime,
}

/// The answer to a command, in the words of its sender's protocol.
#[derive(Clone, Copy)]
enum Words {
    Start,
    Status,
    Stop,
    Extension,
}

impl Wire {
    pub(super) fn new(bus: SharedBus, options: HostOptions) -> Self {
        Self {
            id: uuid::Uuid::new_v4().to_string(),
            bus,
            options: Mutex::new(options),
            shelf: Mutex::default(),
            network: Network::new(Faults::default()),
            unsent: AtomicU64::new(0),
            beats: AtomicU64::new(0),
            started: SystemTime::now(),
        }
    }

    /// Takes commands until told to stop.
    pub(super) async fn serve(
        self: Arc<Self>,
        mut commands: Subscription,
        stop: CancellationToken,
    ) {
        loop {
            let message = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                message = commands.next() => message,
            };
            let Some(message) = message else { return };
            for delay in self.network.copies(Way::Command) {
                let message = message.clone();
                if delay.is_zero() {
                    self.obey(message, &stop).await;
                } else {
                    let (wire, token) = (self.clone(), stop.clone());
                    later(
                        delay,
                        &stop,
                        async move { wire.obey(message, &token).await },
                    );
                }
            }
        }
    }

    /// An announcement, if the host has the extension, and a heartbeat, in this order as ours.
    pub(super) async fn speak(self: &Arc<Self>, stop: &CancellationToken) {
        if self.options.lock().speaks == Speaks::Extension
            && let Ok(to) = subject::announcement(&self.id)
        {
            let announced = json::encode(&self.announcement(false));
            self.send(Way::Beat, to, announced, stop).await;
        }
        self.beats.fetch_add(1, Ordering::Relaxed);
        let beat = json::encode(&self.heartbeat());
        match subject::heartbeat(&self.id) {
            Ok(to) => self.send(Way::Beat, to, beat, stop).await,
            Err(_) => self.lost(),
        }
    }

    pub(super) async fn say_goodbye(&self) {
        let announced = json::encode(&self.announcement(true));
        self.publish(subject::announcement(&self.id), announced)
            .await;
    }

    /// Tells of a workload's state, over the same network as answers.
    pub(super) async fn tell(self: &Arc<Self>, id: &str, held: &Held, stop: &CancellationToken) {
        if self.options.lock().speaks == Speaks::Base {
            return;
        }
        let workload = held.start.workload.clone().unwrap_or_default();
        let changed = ext::WorkloadStateChanged {
            host_id: self.id.clone(),
            namespace: workload.namespace,
            name: workload.name,
            control_plane: held.extension.control_plane.clone(),
            report: Some(report(id, held)),
        };
        match subject::workload_state(&self.id, id) {
            Ok(to) => {
                self.send(Way::Answer, to, json::encode(&changed), stop)
                    .await;
            }
            Err(_) => self.lost(),
        }
    }

    async fn publish(&self, to: Result<String, subject::InvalidToken>, payload: Vec<u8>) {
        let Ok(to) = to else { return self.lost() };
        let sent = self.bus.publish(&to, Headers::new(), Bytes::from(payload));
        if sent.await.is_err() {
            self.lost();
        }
    }

    fn lost(&self) {
        self.unsent.fetch_add(1, Ordering::Relaxed);
    }

    /// Sends over the network with its faults. What is under way when the host goes is not sent.
    async fn send(
        self: &Arc<Self>,
        way: Way,
        to: String,
        payload: Vec<u8>,
        stop: &CancellationToken,
    ) {
        for delay in self.network.copies(way) {
            let (to, payload) = (to.clone(), payload.clone());
            if delay.is_zero() {
                self.publish(Ok(to), payload).await;
            } else {
                let wire = self.clone();
                later(
                    delay,
                    stop,
                    async move { wire.publish(Ok(to), payload).await },
                );
            }
        }
    }

    async fn obey(self: &Arc<Self>, message: Message, stop: &CancellationToken) {
        let Some(Parsed::Command { command, .. }) = subject::parse(&message.subject) else {
            return;
        };
        let extended = self.options.lock().speaks == Speaks::Extension;
        let base = [
            Command::Heartbeat,
            Command::Start,
            Command::Status,
            Command::Stop,
        ];
        let Some(command) = command.filter(|c| extended || base.contains(c)) else {
            return;
        };
        let to = message.reply.clone();
        let payload = match command {
            Command::Heartbeat => {
                self.shelf.lock().probes += 1;
                json::encode(&self.heartbeat())
            }
            Command::List => {
                self.shelf.lock().inventories += 1;
                json::encode(&self.shelf.lock().page(&read(&message)))
            }
            Command::Status => {
                self.shelf.lock().looks += 1;
                let asked: v2::WorkloadStatusRequest = read(&message);
                Words::Status.say(self.shelf.lock().report(&asked.workload_id))
            }
            Command::StatusV1 => {
                self.shelf.lock().looks += 1;
                let asked: ext::WorkloadStatusV1 = read(&message);
                Words::Extension.say(self.shelf.lock().report(&asked.workload_id))
            }
            Command::Start => return self.start(read(&message), None, to, stop).await,
            Command::StartV1 => {
                let asked: ext::WorkloadStartV1 = read(&message);
                let start = asked.base.unwrap_or_default();
                return self.start(start, asked.extension, to, stop).await;
            }
            Command::Stop => {
                let asked: v2::WorkloadStopRequest = read(&message);
                return self.stop(asked.workload_id, Words::Stop, to, stop).await;
            }
            Command::StopV1 => {
                let asked: ext::WorkloadStopV1 = read(&message);
                return self
                    .stop(asked.workload_id, Words::Extension, to, stop)
                    .await;
            }
        };
        self.reply(to, payload, stop).await;
    }

    async fn reply(
        self: &Arc<Self>,
        to: Option<String>,
        payload: Vec<u8>,
        stop: &CancellationToken,
    ) {
        if let Some(to) = to {
            self.send(Way::Answer, to, payload, stop).await;
        }
    }

    async fn start(
        self: &Arc<Self>,
        start: v2::WorkloadStartRequest,
        extension: Option<ext::StartExtension>,
        to: Option<String>,
        stop: &CancellationToken,
    ) {
        let id = start.workload_id.clone();
        let words = if extension.is_some() {
            Words::Extension
        } else {
            Words::Start
        };
        let failed = |reason: Reason, message: &str| {
            words.say(said(&id, WorkloadState::Error, message, Some(reason)))
        };
        if extension
            .as_ref()
            .is_some_and(|e| e.control_plane.is_empty())
        {
            let refusal = failed(Reason::InvalidMessage, "controlPlane is missing");
            return self.reply(to, refusal, stop).await;
        }
        let taken = self.shelf.lock().take(start, extension.unwrap_or_default());
        let now = match taken {
            Taken::There { same: true } if matches!(words, Words::Extension) => {
                words.say(self.shelf.lock().report(&id))
            }
            Taken::There { .. } => failed(
                Reason::AlreadyExists,
                &format!("Workload ID [{id}] already exists"),
            ),
            Taken::New(OnStart::Silent) => return,
            Taken::New(OnStart::Refused(reason, message)) => failed(reason, &message),
            Taken::New(what) => return self.begin(id, what, words, to, stop).await,
        };
        self.reply(to, now, stop).await;
    }

    /// An extension command is answered at once and its outcome told; a base command is answered with its outcome.
    async fn begin(
        self: &Arc<Self>,
        id: String,
        what: OnStart,
        words: Words,
        to: Option<String>,
        stop: &CancellationToken,
    ) {
        let to = if matches!(words, Words::Extension) {
            let accepted = words.say(self.shelf.lock().report(&id));
            self.reply(to, accepted, stop).await;
            None
        } else {
            to
        };
        match what {
            OnStart::RunsAfter(delay) => {
                let (wire, token) = (self.clone(), stop.clone());
                later(delay, stop, async move {
                    wire.outcome(&id, None, "Workload started successfully", to, &token)
                        .await;
                });
            }
            OnStart::Fails(reason, message) => {
                self.outcome(&id, Some(reason), &message, to, stop).await;
            }
            OnStart::Runs => {
                self.outcome(&id, None, "Workload started successfully", to, stop)
                    .await;
            }
            OnStart::Hangs | OnStart::Silent | OnStart::Refused(..) => {}
        }
    }

    async fn outcome(
        self: &Arc<Self>,
        id: &str,
        reason: Option<Reason>,
        message: &str,
        to: Option<String>,
        stop: &CancellationToken,
    ) {
        let state = match reason {
            Some(_) => WorkloadState::Error,
            None => WorkloadState::Running,
        };
        let held = self.shelf.lock().enter(id, state, reason, message);
        if let Some(held) = &held {
            self.tell(id, held, stop).await;
        }
        let mut answer = self.shelf.lock().report(id);
        if reason.is_some() && to.is_some() {
            // A base host whose pull failed has not taken the id.
            self.shelf.lock().entries.remove(id);
        }
        if held.is_none() {
            answer = said(
                id,
                WorkloadState::Stopping,
                "Workload was stopped while starting",
                None,
            );
        }
        self.reply(to, Words::Start.say(answer), stop).await;
    }

    async fn stop(
        self: &Arc<Self>,
        id: String,
        words: Words,
        to: Option<String>,
        stop: &CancellationToken,
    ) {
        let what = self.shelf.lock().on_stop;
        if matches!(what, OnStop::Silent) {
            return;
        }
        let text = match what {
            OnStop::StopsAfter(_) => "Workload is stopping",
            OnStop::Stops | OnStop::Silent => "Workload stopped successfully",
        };
        let first = self
            .shelf
            .lock()
            .enter(&id, WorkloadState::Stopping, None, text);
        let answer = words.say(self.shelf.lock().report(&id));
        self.reply(to, answer, stop).await;
        let Some(held) = first else { return };
        self.tell(&id, &held, stop).await;
        let (wire, token) = (self.clone(), stop.clone());
        let end = async move {
            let gone = wire.shelf.lock().end(&id);
            if let Some(held) = gone {
                wire.tell(&id, &held, &token).await;
            }
        };
        match what {
            OnStop::StopsAfter(delay) => later(delay, stop, end),
            OnStop::Stops | OnStop::Silent => end.await,
        }
    }
}

/// Does something after a while, unless the host is off the bus by then.
fn later(
    delay: Duration,
    stop: &CancellationToken,
    work: impl Future<Output = ()> + Send + 'static,
) {
    let stop = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(delay) => {}
        }
        work.await;
    });
}

impl Words {
    fn say(self, report: ext::WorkloadReport) -> Vec<u8> {
        if let Self::Extension = self {
            return json::encode(&ext::WorkloadReply {
                report: Some(report),
            });
        }
        let workload_status = report.status;
        match self {
            Self::Start => json::encode(&v2::WorkloadStartResponse { workload_status }),
            Self::Stop => json::encode(&v2::WorkloadStopResponse { workload_status }),
            Self::Status | Self::Extension => {
                json::encode(&v2::WorkloadStatusResponse { workload_status })
            }
        }
    }
}

/// The command's message; nonsense is the empty message, which names no workload.
fn read<M: DeserializeOwned + Default>(message: &Message) -> M {
    json::decode(&message.payload).unwrap_or_default()
}
