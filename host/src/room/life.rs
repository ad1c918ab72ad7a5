//! One workload from its start to its end, as one task.

use std::{sync::Arc, time::Duration};

use protocol::{Reason, v2::WorkloadState};
use tokio::sync::watch;

use super::{
    Inner, failure,
    pull::{self, Pulled},
    registry::{Seat, StopOrder},
    spec::Plan,
};
use crate::workload::{RunningWorkload, ServiceState};

/// Pulls, starts, follows and stops the workload. Its seat is free when this returns.
pub(super) async fn live(room: Arc<Inner>, mut seat: Seat, plan: Plan) {
    let drain = plan.drain;
    // A pull can be dropped at any point; what follows it is let finish and stopped in order.
    let pulled = tokio::select! {
        _ = seat.stopped() => return,
        pulled = pull::all(&room.images, &plan) => pulled,
    };
    let Pulled {
        images,
        digests,
        leases,
    } = match pulled {
        Ok(pulled) => pulled,
        Err(failed) => return fail(seat, failed.reason, failed.message).await,
    };
    seat.set_images(digests);
    let started = RunningWorkload::start(&plan.spec, images, &room.platform).await;
    // The specification holds secrets; what runs has its own copy, which ends with it.
    drop(plan);
    let running = match started {
        Ok(running) => running,
        Err(error) => return fail(seat, failure::reason(&error), error.to_string()).await,
    };
    let order = follow(&mut seat, running.service()).await;
    running
        .stop(room.options.endpoint_delay, order.unwrap_or(drain))
        .await;
    drop(leases);
}

/// A workload that failed keeps its id until it is told to stop: its reason must be readable.
async fn fail(mut seat: Seat, reason: Reason, message: String) {
    tracing::warn!(workload = seat.id(), %reason, message, "a workload cannot run");
    seat.set(WorkloadState::Error, Some(reason), message);
    seat.stopped().await;
}

/// Reports what the workload does until it is told to stop.
async fn follow(seat: &mut Seat, service: Option<watch::Receiver<ServiceState>>) -> StopOrder {
    let Some(mut service) = service else {
        seat.set(WorkloadState::Running, None, "Workload is running");
        return seat.stopped().await;
    };
    loop {
        let now = service.borrow_and_update().clone();
        tell(seat, &now);
        tokio::select! {
            order = seat.stopped() => return order,
            changed = service.changed() => if changed.is_err() {
                // The supervisor ended; its last word stands.
                return seat.stopped().await;
            },
        }
    }
}

fn tell(seat: &Seat, service: &ServiceState) {
    let (state, reason, message, restarts) = match service {
        ServiceState::Starting => return,
        ServiceState::Running {
            restarts,
            last_fault: None,
        } => (
            WorkloadState::Running,
            None,
            "Workload is running".to_owned(),
            *restarts,
        ),
        ServiceState::Running {
            restarts,
            last_fault: Some(fault),
        } => {
            let message = format!("Workload is running; its service restarted after: {fault}");
            (WorkloadState::Running, None, message, *restarts)
        }
        ServiceState::Completed { restarts } => {
            let message = "The service of the workload has ended without an error".to_owned();
            (
                WorkloadState::Completed,
                Some(Reason::Completed),
                message,
                *restarts,
            )
        }
        ServiceState::Failed { restarts, message } => (
            WorkloadState::Error,
            Some(Reason::CrashLoop),
            message.clone(),
            *restarts,
        ),
    };
    seat.set_service(state, reason, message, restarts);
}

/// The drain of a workload that names none.
pub(super) fn drain_or(seconds: u32, default: Duration) -> Duration {
    if seconds == 0 {
        default
    } else {
        Duration::from_secs(seconds.into())
    }
}
