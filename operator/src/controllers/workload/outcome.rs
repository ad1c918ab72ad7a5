//! What a host's answer means for the Workload.

use super::{owed, status};
use crate::bus::{CallError, Report, RunState};
use crate::controllers::Context;
use crate::controllers::queue::Next;
use crate::core::backoff::CRASH_LOOP;
use crate::error::ReconcileError;
use crd_types::Workload;
use kube::{Api, ResourceExt};
use protocol::Reason;
use std::time::{Duration, Instant};

/// How long a workload that starts is left alone, where its host reports changes itself.
const STARTING_LOOK: Duration = Duration::from_secs(5);

/// How long a host that reports changes itself has to say that what it accepted runs, before it is written down that
/// it starts: most starts are over by then, and cost a write less.
const ACCEPTED: Duration = Duration::from_millis(50);

/// The answer to a start.
pub(super) async fn of_start(
    context: &Context,
    api: &Api<Workload>,
    workload: &Workload,
    host: &str,
    report: Report,
) -> Result<Next, ReconcileError> {
    if report.reason == Some(Reason::AlreadyExists) {
        // An earlier start of ours went through although its answer was lost.
        return Ok(Next::After(Duration::ZERO));
    }
    if report.state == RunState::Starting && context.hosts.extended(host) {
        return Ok(Next::After(ACCEPTED));
    }
    of_look(context, api, workload, host, report).await
}

/// How the workload does.
pub(super) async fn of_look(
    context: &Context,
    api: &Api<Workload>,
    workload: &Workload,
    host: &str,
    report: Report,
) -> Result<Next, ReconcileError> {
    let uid = workload.uid().unwrap_or_default();
    let extended = context.hosts.extended(host);
    match report.state {
        RunState::Running | RunState::Completed => {
            context.memory.runs(&uid, Instant::now());
            context.metrics.placements.running(&uid);
            status::running(context, api, workload, &report).await?;
            Ok(if extended {
                Next::Wait
            } else {
                Next::After(context.options.poll_interval)
            })
        }
        RunState::Starting => {
            status::starting(context, api, workload, &report).await?;
            Ok(Next::After(if extended {
                STARTING_LOOK
            } else {
                Duration::from_secs(1)
            }))
        }
        RunState::Stopping => Ok(Next::After(Duration::from_secs(1))),
        RunState::NotFound if status::was_confirmed(workload) => {
            // Gone because it failed and was stopped: the failure is the reason, not its end.
            let (reason, message) = status::noted_failure(workload).unwrap_or_else(|| {
                let message = "the host does not have the workload any more; it is started again";
                (Reason::WorkloadGone.to_string(), message.to_owned())
            });
            failed(context, api, workload, host, &reason, &message).await
        }
        // The start never arrived, or its failure was not kept by the host: place it again.
        RunState::NotFound => {
            let message = if report.message.is_empty() {
                "the host does not have the workload"
            } else {
                &report.message
            };
            failed(
                context,
                api,
                workload,
                host,
                Reason::StartFailed.as_str(),
                message,
            )
            .await
        }
        RunState::Error => {
            let reason = report.reason.unwrap_or(Reason::StartFailed).as_str();
            failed(context, api, workload, host, reason, &report.message).await
        }
    }
}

/// No answer. Nobody there: it did not start, or does not run any more as soon as the host is found lost. No
/// answer in time: it may run; the next look asks.
pub(super) async fn unanswered(
    context: &Context,
    api: &Api<Workload>,
    workload: &Workload,
    host: &str,
    error: &CallError,
) -> Result<Next, ReconcileError> {
    tracing::info!(workload = %workload.name_any(), host, %error, "host did not answer");
    if matches!(error, CallError::NoResponders) {
        context.fleet.refused(host, Instant::now());
    }
    if !status::was_confirmed(workload) {
        let message = format!("starting on the host: {error}");
        status::unreachable(context, api, workload, &message).await?;
    }
    Ok(Next::BackOff)
}

/// Nobody was there to take the start: it is placed elsewhere.
pub(super) async fn not_delivered(
    context: &Context,
    api: &Api<Workload>,
    workload: &Workload,
    host: &str,
) -> Result<Next, ReconcileError> {
    context.fleet.refused(host, Instant::now());
    let message = CallError::NoResponders.to_string();
    place_again(
        context,
        api,
        workload,
        host,
        Reason::HostUnreachable.as_str(),
        &message,
    )
    .await
}

/// The workload failed on the host: it is stopped there, so that its id is free, and tried again later, on another
/// host if there is one. The object stays, and with it what is known of the failure.
pub(super) async fn failed(
    context: &Context,
    api: &Api<Workload>,
    workload: &Workload,
    host: &str,
    reason: &str,
    message: &str,
) -> Result<Next, ReconcileError> {
    let uid = workload.uid().unwrap_or_default();
    match context.hosts.stop(host, &uid).await {
        Ok(report)
            if matches!(
                report.state,
                RunState::NotFound | RunState::Completed | RunState::Error
            ) => {}
        Ok(_) => {
            status::failing(context, api, workload, reason, message).await?;
            return Ok(Next::After(Duration::from_secs(1)));
        }
        Err(error) => return unanswered(context, api, workload, host, &error).await,
    }
    place_again(context, api, workload, host, reason, message).await
}

async fn place_again(
    context: &Context,
    api: &Api<Workload>,
    workload: &Workload,
    host: &str,
    reason: &str,
    message: &str,
) -> Result<Next, ReconcileError> {
    let uid = workload.uid().unwrap_or_default();
    if !owed::late(context, workload, host) {
        return Ok(owed::NOTING);
    }
    context.metrics.placements.failed(reason);
    context.memory.withdraw(&uid);
    let reason: Option<Reason> = reason.parse().ok();
    // Lost by a host that did nothing wrong: another would not do better.
    let gone = reason == Some(Reason::WorkloadGone);
    let failed_on = (!gone).then_some(host);
    let now = Instant::now();
    let failed = context
        .memory
        .failed(&uid, failed_on, gone, now, rand::random::<f64>());
    let reason = named(reason.unwrap_or(Reason::Internal), failed.in_a_row);
    status::failed(context, api, workload, reason, message, failed.delay).await?;
    Ok(Next::After(failed.delay))
}

/// What a failure is called: one that names what to mend keeps its name, however often it comes.
fn named(reason: Reason, in_a_row: u32) -> &'static str {
    let ran = matches!(
        reason,
        Reason::WorkloadGone | Reason::Trap | Reason::OutOfMemory
    );
    if ran && in_a_row >= CRASH_LOOP {
        Reason::CrashLoop.as_str()
    } else {
        reason.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::named;
    use protocol::Reason;

    #[test]
    fn a_crash_loop_is_what_ran_and_ended_again_and_again() {
        assert_eq!(named(Reason::Trap, 2), "Trap");
        assert_eq!(named(Reason::Trap, 3), "CrashLoop");
        assert_eq!(named(Reason::WorkloadGone, 9), "CrashLoop");
        assert_eq!(named(Reason::ImageNotFound, 9), "ImageNotFound");
    }
}
