//! Commands to one host. A host that announced the extension gets extension commands; any other gets base
//! commands only and never meets a field it would reject.

use super::fleet::Fleet;
use super::host::Beat;
use super::intake::beat_of;
use crate::metrics::BusCalls;
use bytes::Bytes;
use protocol::bus::{BusError, Headers, SharedBus};
use protocol::subject::{Command, InvalidToken, host_command};
use protocol::{Reason, ext, json, v2};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::{Duration, Instant};
use thiserror::Error;

/// How long an answer is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// To a start, by a base host: it answers only when it has pulled.
    pub start: Duration,
    /// To a stop, by a base host: it answers when it is done.
    pub stop: Duration,
    /// To everything that is answered at once.
    pub answer: Duration,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            start: Duration::from_mins(1),
            stop: Duration::from_secs(30),
            answer: Duration::from_secs(5),
        }
    }
}

/// State of a workload on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// Accepted, not running yet.
    Starting,
    /// Running.
    Running,
    /// Ended without error.
    Completed,
    /// On its way out.
    Stopping,
    /// Failed.
    Error,
    /// The host does not have it.
    NotFound,
}

/// What a host says of a workload.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// State.
    pub state: RunState,
    /// Why it failed, when the host says so in a word.
    pub reason: Option<Reason>,
    /// Words for people.
    pub message: String,
    /// (component, reference, digest) of what runs.
    pub images: Vec<(String, String, String)>,
    /// Restarts on this host.
    pub restarts: u32,
}

impl Report {
    /// It runs, and there is nothing else to say.
    pub fn running() -> Self {
        Self {
            state: RunState::Running,
            reason: None,
            message: String::new(),
            images: Vec::new(),
            restarts: 0,
        }
    }
}

/// Why a command has no answer.
#[derive(Clone, Debug, Error)]
pub enum CallError {
    /// The host is not on the bus.
    #[error("the host is not connected to the bus")]
    NoResponders,
    /// No answer in time; the command may have been carried out.
    #[error("the host did not answer within {} s", .0.as_secs())]
    Timeout(Duration),
    /// The command does not fit a message.
    #[error("the workload with its configuration has {size} bytes; the bus carries at most {max}")]
    TooLarge {
        /// Bytes of the message.
        size: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// The answer makes no sense.
    #[error("the host's answer cannot be read: {0}")]
    Answer(String),
    /// The host's id cannot be addressed.
    #[error(transparent)]
    Id(#[from] InvalidToken),
    /// The bus failed.
    #[error("{0}")]
    Bus(String),
}

impl From<BusError> for CallError {
    fn from(error: BusError) -> Self {
        match error {
            BusError::NoResponders { .. } => Self::NoResponders,
            BusError::Timeout { timeout, .. } => Self::Timeout(timeout),
            BusError::TooLarge { size, max, .. } => Self::TooLarge { size, max },
            other => Self::Bus(other.to_string()),
        }
    }
}

/// Sends commands. Clones share the connection.
#[derive(Clone, Debug)]
pub struct HostClient {
    bus: SharedBus,
    fleet: Arc<Fleet>,
    pub(super) waits: Waits,
    calls: BusCalls,
}

impl HostClient {
    /// Over this bus, to these hosts.
    pub fn new(bus: SharedBus, fleet: Arc<Fleet>) -> Self {
        Self {
            bus,
            fleet,
            waits: Waits::default(),
            calls: BusCalls::default(),
        }
    }

    /// Waits so long for answers.
    #[must_use]
    pub fn waiting(self, waits: Waits) -> Self {
        Self { waits, ..self }
    }

    /// Counts its calls here.
    #[must_use]
    pub fn counted(self, calls: BusCalls) -> Self {
        Self { calls, ..self }
    }

    /// Whether a host understands the extension.
    pub fn extended(&self, host: &str) -> bool {
        self.fleet.get(host).is_some_and(|h| h.announced.is_some())
    }

    /// Starts a workload. A host with the extension answers at once; a base host when it has pulled and started.
    pub async fn start(
        &self,
        host: &str,
        start: ext::WorkloadStartV1,
    ) -> Result<Report, CallError> {
        if self.extended(host) {
            let reply: ext::WorkloadReply = self
                .call(host, Command::StartV1, &start, self.waits.answer)
                .await?;
            return extended_report(reply);
        }
        let base = start.base.unwrap_or_default();
        let reply: v2::WorkloadStartResponse = self
            .call(host, Command::Start, &base, self.waits.start)
            .await?;
        base_report(reply.workload_status)
    }

    /// Asks how a workload does.
    pub async fn status(&self, host: &str, workload: &str) -> Result<Report, CallError> {
        let workload_id = workload.to_owned();
        if self.extended(host) {
            let ask = ext::WorkloadStatusV1 { workload_id };
            return extended_report(
                self.call(host, Command::StatusV1, &ask, self.waits.answer)
                    .await?,
            );
        }
        let ask = v2::WorkloadStatusRequest { workload_id };
        let reply: v2::WorkloadStatusResponse = self
            .call(host, Command::Status, &ask, self.waits.answer)
            .await?;
        base_report(reply.workload_status)
    }

    /// Stops a workload. `NotFound` and, from a base host, `Stopping` mean that it is gone.
    pub async fn stop(&self, host: &str, workload: &str) -> Result<Report, CallError> {
        Ok(self.stop_told(host, workload).await?.0)
    }

    /// The same, with whether the host had it.
    pub async fn stop_told(&self, host: &str, workload: &str) -> Result<(Report, bool), CallError> {
        let workload_id = workload.to_owned();
        if self.extended(host) {
            let ask = ext::WorkloadStopV1 {
                workload_id,
                drain_seconds: None,
            };
            let report = extended_report(
                self.call(host, Command::StopV1, &ask, self.waits.answer)
                    .await?,
            )?;
            let had = report.state != RunState::NotFound;
            return Ok((report, had));
        }
        let ask = v2::WorkloadStopRequest { workload_id };
        let reply: v2::WorkloadStopResponse = self
            .call(host, Command::Stop, &ask, self.waits.stop)
            .await?;
        let report = base_report(reply.workload_status)?;
        let had = report.state != RunState::NotFound;
        let state = match report.state {
            RunState::Stopping => RunState::NotFound,
            state => state,
        };
        Ok((Report { state, ..report }, had))
    }

    /// Asks a host for a heartbeat.
    pub async fn probe(&self, host: &str) -> Result<Beat, CallError> {
        let beat: v2::HostHeartbeat = self
            .call(
                host,
                Command::Heartbeat,
                &serde_json::Map::new(),
                self.waits.answer,
            )
            .await?;
        if beat.id == host {
            Ok(beat_of(beat))
        } else {
            Err(CallError::Answer("it is of another host".into()))
        }
    }

    async fn call<A: Serialize, R: DeserializeOwned>(
        &self,
        host: &str,
        command: Command,
        ask: &A,
        timeout: Duration,
    ) -> Result<R, CallError> {
        let read = |payload: &[u8]| {
            json::decode(payload).map_err(|error| CallError::Answer(error.to_string()))
        };
        self.call_reading(host, command, ask, timeout, read).await
    }

    pub(super) async fn call_reading<A: Serialize, R>(
        &self,
        host: &str,
        command: Command,
        ask: &A,
        timeout: Duration,
        read: impl FnOnce(&[u8]) -> Result<R, CallError>,
    ) -> Result<R, CallError> {
        let started = Instant::now();
        let payload = self.ask(host, command, ask, timeout).await;
        let answer = payload.and_then(|payload| read(&payload));
        self.calls.ended(command, &answer, started.elapsed());
        answer
    }

    async fn ask<A: Serialize>(
        &self,
        host: &str,
        command: Command,
        ask: &A,
        timeout: Duration,
    ) -> Result<Bytes, CallError> {
        let subject = host_command(host, command)?;
        let headers = Headers::new()
            .with_deadline(timeout)
            .with_trace(&crate::trace::onward());
        let reply = self
            .bus
            .request(&subject, headers, Bytes::from(json::encode(ask)), timeout)
            .await?;
        Ok(reply.payload)
    }
}

fn extended_report(reply: ext::WorkloadReply) -> Result<Report, CallError> {
    let report = reply
        .report
        .ok_or_else(|| CallError::Answer("it has no report".into()))?;
    report_of(report)
}

/// A report of the extension as the operator understands it.
pub(super) fn report_of(report: ext::WorkloadReport) -> Result<Report, CallError> {
    let base = base_report(report.status)?;
    Ok(Report {
        reason: report.reason.parse().ok(),
        images: report
            .images
            .into_iter()
            .map(|i| (i.name, i.reference, i.digest))
            .collect(),
        restarts: report.restarts,
        ..base
    })
}

fn base_report(status: Option<v2::WorkloadStatus>) -> Result<Report, CallError> {
    let status = status.ok_or_else(|| CallError::Answer("it has no workload status".into()))?;
    let state = match status.workload_state() {
        v2::WorkloadState::Starting => RunState::Starting,
        v2::WorkloadState::Running => RunState::Running,
        v2::WorkloadState::Completed => RunState::Completed,
        v2::WorkloadState::Stopping => RunState::Stopping,
        v2::WorkloadState::Error => RunState::Error,
        v2::WorkloadState::NotFound => RunState::NotFound,
        v2::WorkloadState::Unspecified => {
            return Err(CallError::Answer("it names no workload state".into()));
        }
    };
    Ok(Report {
        state,
        reason: None,
        message: status.message,
        images: Vec::new(),
        restarts: 0,
    })
}
