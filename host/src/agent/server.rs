//! Takes commands off the bus. What changes a workload is begun in the order it arrives, which takes no time; whatever
//! waits or answers does so apart, so that no command delays another.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use protocol::bus::{BusError, Message, SharedBus, Subscription, respond};
use protocol::subject::{self, Command, Parsed};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::commands::{Answer, Commands};

/// Commands in work at a time. Only a base start waits for anything, and no host starts as many at once; beyond that,
/// commands wait in the bus's own queue.
const CONCURRENT: usize = 1024;

/// Answers commands until cancelled; those in work are answered first.
pub async fn serve(
    bus: SharedBus,
    mut requests: Subscription,
    commands: Arc<Commands>,
    token: CancellationToken,
) -> Result<(), BusError> {
    let permits = Arc::new(Semaphore::new(CONCURRENT));
    let tasks = TaskTracker::new();
    loop {
        let request = tokio::select! {
            () = token.cancelled() => break,
            request = requests.next() => request.ok_or(BusError::Closed)?,
        };
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
            return Err(BusError::Closed);
        };
        let command = match subject::parse(&request.subject) {
            Some(Parsed::Command { command, .. }) => command,
            _ => None,
        };
        let span = span(command, &request);
        let answer = Arc::clone(&commands)
            .begin(command, &request.payload)
            .instrument(span.clone())
            .await;
        let bus = Arc::clone(&bus);
        let answering = async move {
            let _permit = permit;
            let answer = match answer {
                Answer::Now(answer) => answer,
                Answer::Later(answer) => answer.await,
            };
            reply(&bus, &request, answer).await;
        };
        tasks.spawn(answering.instrument(span));
    }
    tasks.close();
    tasks.wait().await;
    Ok(())
}

/// What every line of a command's work says, under the id of the trace its sender is in. At this level so that no filter
/// takes it away from the lines it leaves.
fn span(command: Option<Command>, request: &Message) -> tracing::Span {
    let trace = request.headers.trace();
    tracing::error_span!(
        "command",
        command = command.map_or("unknown", Command::as_str),
        trace_id = trace.map(|t| tracing::field::display(t.id())),
    )
}

async fn reply(bus: &SharedBus, request: &Message, answer: Vec<u8>) {
    if let Err(error) = respond(&**bus, request, Bytes::from(answer)).await {
        tracing::warn!(subject = request.subject, %error, "an answer could not be sent");
    }
}
