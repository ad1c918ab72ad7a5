//! What each command means, as a function of the workload room: bytes in, bytes out. There is always an answer, also to
//! nonsense.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use protocol::ext::{
    InventoryRequest, StartExtension, WorkloadReply, WorkloadReport, WorkloadStartV1,
    WorkloadStatusV1, WorkloadStopV1,
};
use protocol::subject::Command;
use protocol::v2::{
    WorkloadStartRequest, WorkloadStartResponse, WorkloadState, WorkloadStatus,
    WorkloadStatusRequest, WorkloadStatusResponse, WorkloadStopRequest, WorkloadStopResponse,
};
use protocol::{Reason, json};
use serde::de::DeserializeOwned;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Instant, timeout_at};

use super::beat::Voice;
use super::workloads::{StartRequest, Started, StateChange, Workloads, failed, report, state_of};

/// How long the base start command waits for the outcome. Its senders give up after a minute.
const START_WAIT: Duration = Duration::from_secs(50);

/// The answer to a command.
pub enum Answer {
    /// Known at once.
    Now(Vec<u8>),
    /// Known when something has happened.
    Later(BoxFuture<'static, Vec<u8>>),
}

/// Answers commands.
pub struct Commands {
    pub workloads: Arc<dyn Workloads>,
    pub voice: Arc<Voice>,
}

impl Commands {
    /// Begins what a command asks for and says when its answer is known. `None` stands for a command this host does not
    /// know.
    pub async fn begin(self: Arc<Self>, command: Option<Command>, payload: &[u8]) -> Answer {
        let answer = match command {
            Some(Command::Start) => return self.start(payload).await,
            Some(Command::StartV1) => extended(self.start_v1(payload).await),
            Some(Command::Heartbeat) => {
                return Answer::Later(Box::pin(
                    async move { json::encode(&self.voice.heartbeat()) },
                ));
            }
            Some(Command::Status) => base_status(self.status(payload)),
            Some(Command::Stop) => base_stop(self.stop(payload)),
            Some(Command::StatusV1) => extended(self.status_v1(payload)),
            Some(Command::StopV1) => extended(self.stop_v1(payload)),
            Some(Command::List) => match json::decode::<InventoryRequest>(payload) {
                Ok(page) => json::encode(&self.workloads.inventory(&page)),
                Err(error) => extended(undecodable(&error)),
            },
            None => extended(failed(
                "",
                Reason::InvalidMessage,
                "this host does not know the command",
            )),
        };
        Answer::Now(answer)
    }

    async fn start(self: Arc<Self>, payload: &[u8]) -> Answer {
        let request = decode::<WorkloadStartRequest>(payload)
            .and_then(|request| checked(Some(request), None));
        let request = match request {
            Ok(request) => request,
            Err(refusal) => return Answer::Now(base_start(*refusal)),
        };
        let id = request.id.clone();
        // Before the start: no change may be missed.
        let changes = self.workloads.changes();
        let report = match self.workloads.start(request).await {
            Started::Accepted(_) => {
                return Answer::Later(Box::pin(async move {
                    base_start(self.outcome(&id, changes).await)
                }));
            }
            Started::AlreadyThere { .. } => failed(
                &id,
                Reason::AlreadyExists,
                format!("workload {id} already exists: stop it before its id is used again"),
            ),
            Started::Refused { reason, message } => failed(&id, reason, message),
        };
        Answer::Now(base_start(report))
    }

    /// Waits until a workload leaves STARTING.
    async fn outcome(
        &self,
        id: &str,
        mut changes: broadcast::Receiver<StateChange>,
    ) -> WorkloadReport {
        let deadline = Instant::now() + START_WAIT;
        loop {
            let now = self.report(id);
            if state_of(&now) != WorkloadState::Starting {
                return now;
            }
            match timeout_at(deadline, changes.recv()).await {
                Ok(Ok(_) | Err(RecvError::Lagged(_))) => {}
                // Still starting: the sender asks for the status from here on.
                Ok(Err(RecvError::Closed)) | Err(_) => return now,
            }
        }
    }

    async fn start_v1(&self, payload: &[u8]) -> WorkloadReport {
        let request = match decode::<WorkloadStartV1>(payload) {
            Ok(request) => checked(request.base, request.extension),
            Err(refusal) => return *refusal,
        };
        let request = match request {
            Ok(request) => request,
            Err(refusal) => return *refusal,
        };
        let id = request.id.clone();
        match self.workloads.start(request).await {
            // The same request again: its sender did not hear the first answer.
            Started::Accepted(report) | Started::AlreadyThere { report, same: true } => report,
            Started::AlreadyThere { .. } => failed(
                &id,
                Reason::AlreadyExists,
                format!("workload {id} already exists with another specification"),
            ),
            Started::Refused { reason, message } => failed(&id, reason, message),
        }
    }

    fn status(&self, payload: &[u8]) -> WorkloadReport {
        match decode::<WorkloadStatusRequest>(payload) {
            Ok(request) => self.report(&request.workload_id),
            Err(refusal) => *refusal,
        }
    }

    fn status_v1(&self, payload: &[u8]) -> WorkloadReport {
        match decode::<WorkloadStatusV1>(payload) {
            Ok(request) => self.report(&request.workload_id),
            Err(refusal) => *refusal,
        }
    }

    fn report(&self, id: &str) -> WorkloadReport {
        self.workloads.report(id).unwrap_or_else(|| not_found(id))
    }

    fn stop(&self, payload: &[u8]) -> WorkloadReport {
        match decode::<WorkloadStopRequest>(payload) {
            Ok(request) => self.stop_one(&request.workload_id, None),
            Err(refusal) => *refusal,
        }
    }

    fn stop_v1(&self, payload: &[u8]) -> WorkloadReport {
        match decode::<WorkloadStopV1>(payload) {
            Ok(request) => {
                let drain = request
                    .drain_seconds
                    .map(|seconds| Duration::from_secs(seconds.into()));
                self.stop_one(&request.workload_id, drain)
            }
            Err(refusal) => *refusal,
        }
    }

    fn stop_one(&self, id: &str, drain: Option<Duration>) -> WorkloadReport {
        self.workloads
            .stop(id, drain)
            .unwrap_or_else(|| not_found(id))
    }
}

/// The answer to a request that cannot be carried out.
type Refusal = Box<WorkloadReport>;

fn checked(
    base: Option<WorkloadStartRequest>,
    extension: Option<StartExtension>,
) -> Result<StartRequest, Refusal> {
    let missing = |id: &str, field| {
        Err(Box::new(failed(
            id,
            Reason::InvalidMessage,
            format!("{field} is missing from the start request"),
        )))
    };
    let base = base.unwrap_or_default();
    if base.workload_id.is_empty() {
        return missing("", "workloadId");
    }
    let Some(workload) = base.workload else {
        return missing(&base.workload_id, "workload");
    };
    Ok(StartRequest {
        id: base.workload_id,
        workload,
        extension: extension.unwrap_or_default(),
    })
}

fn decode<M: DeserializeOwned>(payload: &[u8]) -> Result<M, Refusal> {
    json::decode(payload).map_err(|error| Box::new(undecodable(&error)))
}

fn undecodable(error: &json::DecodeError) -> WorkloadReport {
    failed("", Reason::InvalidMessage, error.to_string())
}

fn not_found(id: &str) -> WorkloadReport {
    report(
        id,
        WorkloadState::NotFound,
        format!("workload {id} is not on this host"),
    )
}

fn extended(report: WorkloadReport) -> Vec<u8> {
    json::encode(&WorkloadReply {
        report: Some(report),
    })
}

fn base_start(report: WorkloadReport) -> Vec<u8> {
    json::encode(&WorkloadStartResponse {
        workload_status: Some(status(report)),
    })
}

fn base_status(report: WorkloadReport) -> Vec<u8> {
    json::encode(&WorkloadStatusResponse {
        workload_status: Some(status(report)),
    })
}

fn base_stop(report: WorkloadReport) -> Vec<u8> {
    json::encode(&WorkloadStopResponse {
        workload_status: Some(status(report)),
    })
}

/// What a base peer hears. It has no field for the reason: the message begins with it, for people.
fn status(report: WorkloadReport) -> WorkloadStatus {
    let mut status = report.status.unwrap_or_default();
    if !report.reason.is_empty() {
        status.message = format!("{}: {}", report.reason, status.message);
    }
    status
}
