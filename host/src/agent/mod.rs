//! The bus side of a host: it takes commands, says that it is there, and tells what changed. What the commands mean is
//! decided behind [`Workloads`].

mod beat;
mod commands;
mod handover;
mod identity;
mod machine;
mod server;
mod states;
pub mod workloads;

use std::sync::Arc;
use std::time::Duration;

use protocol::WorkloadPorts;
use protocol::bus::{BusError, SharedBus};
use protocol::subject;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use beat::{Phase, Voice};
use commands::Commands;

pub use beat::INTERVAL;
pub use identity::HostIdentity;
pub use machine::{Machine, Usage};
pub use workloads::{Counts, StartRequest, Started, StateChange, Workloads};

/// What the agent needs.
pub struct AgentDeps {
    /// The control connection.
    pub bus: SharedBus,
    /// The room that runs workloads.
    pub workloads: Arc<dyn Workloads>,
    /// Who the host is.
    pub identity: HostIdentity,
    /// Where its workloads take requests.
    pub front: Front,
    /// Time between heartbeats, by default [`INTERVAL`].
    pub interval: Duration,
    /// How long workloads are left running at the end, for others to take over. Zero: not at all.
    pub handover: Duration,
    /// How long workloads may take to drain after that; `None` leaves it to each workload.
    pub drain: Option<Duration>,
}

/// Where a host takes requests for its workloads.
#[derive(Debug, Clone)]
pub struct Front {
    /// Port of the HTTP ingress; 0 without one.
    pub port: u16,
    /// Addresses the HTTP ingress is reached at.
    pub addresses: Vec<String>,
    /// What workloads may open for themselves.
    pub workload_ports: WorkloadPorts,
}

/// Why the agent ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The bus failed for good.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The host's id cannot be part of a subject.
    #[error(transparent)]
    Identity(#[from] subject::InvalidToken),
    /// A task ended although nothing told it to.
    #[error("the task of {0} ended unexpectedly")]
    TaskEnded(&'static str),
}

/// Serves until `token` is cancelled. Then it says that the host is draining, refuses what is new, leaves its workloads
/// running until others have taken over or the time for that is up, stops what is left, says goodbye and returns. A task that dies ends the agent with an error: a host that does not hear must not look alive.
pub async fn run(deps: AgentDeps, token: CancellationToken) -> Result<(), AgentError> {
    let id = deps.identity.id.clone();
    let voice = Arc::new(Voice::new(
        deps.identity,
        deps.front,
        Arc::clone(&deps.workloads),
        Arc::clone(&deps.bus),
    ));
    // Commands are heard before the first heartbeat invites them.
    let requests = deps.bus.subscribe(&subject::host_commands(&id)?).await?;
    deps.bus.flush().await?;
    let commands = Arc::new(Commands {
        workloads: Arc::clone(&deps.workloads),
        voice: Arc::clone(&voice),
    });
    // Not a child of `token`: while workloads drain, the host is there and answers. Whatever way this ends, the tasks do
    // too.
    let end = CancellationToken::new();
    let _end = end.clone().drop_guard();
    let changes = deps.workloads.changes();
    let mut tasks = JoinSet::new();
    let bus = Arc::clone(&deps.bus);
    let states = states::publish_changes(Arc::clone(&bus), id, changes, end.clone());
    tasks.spawn(async move { ("state changes", states.await) });
    let server = server::serve(bus, requests, commands, end.clone());
    tasks.spawn(async move { ("commands", server.await) });
    let beats = beat::beat(Arc::clone(&voice), deps.interval, end.clone());
    tasks.spawn(async move { ("heartbeats", beats.await) });

    tokio::select! {
        // First: the heartbeats end with the token, which is no surprise then.
        biased;
        () = token.cancelled() => {}
        ended = tasks.join_next() => return Err(early(ended)),
    }
    deps.workloads.close();
    say(&voice, Phase::Draining).await;
    tokio::select! {
        biased;
        ended = tasks.join_next() => {
            let error = early(ended);
            tracing::warn!(%error, "a task failed while stopping: nobody can take over");
        }
        () = handover::wait(deps.workloads.as_ref(), deps.handover) => {}
    }
    deps.workloads.stop_all(deps.drain).await;
    // The last states are told before the goodbye; commands are answered until then.
    end.cancel();
    while let Some(ended) = tasks.join_next().await {
        if let Ok((task, Err(error))) = ended {
            tracing::warn!(task, %error, "a task failed while stopping");
        }
    }
    say(&voice, Phase::Gone).await;
    if let Err(error) = deps.bus.flush().await {
        tracing::warn!(%error, "the goodbye may not have been sent");
    }
    Ok(())
}

async fn say(voice: &Voice, phase: Phase) {
    if let Err(error) = voice.enter(phase).await {
        tracing::warn!(%error, ?phase, "an announcement could not be sent");
    }
}

/// What a task of the agent is called, and how it ended.
type Ended = (&'static str, Result<(), BusError>);

fn early(ended: Option<Result<Ended, tokio::task::JoinError>>) -> AgentError {
    match ended {
        Some(Ok((_, Err(error)))) => error.into(),
        Some(Ok((task, Ok(())))) => AgentError::TaskEnded(task),
        Some(Err(_)) | None => AgentError::TaskEnded("the agent"),
    }
}
