//! Tells the operator when a workload's state changes, so that nobody has to ask.

use protocol::bus::{BusError, Headers, SharedBus};
use protocol::ext::WorkloadStateChanged;
use protocol::{json, subject};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio_util::sync::CancellationToken;

use super::workloads::{StateChange, state_of};

/// Publishes every change until cancelled, then what is still waiting.
pub async fn publish_changes(
    bus: SharedBus,
    host: String,
    mut changes: Receiver<StateChange>,
    token: CancellationToken,
) -> Result<(), BusError> {
    loop {
        let change = tokio::select! {
            biased;
            change = changes.recv() => change,
            () = token.cancelled() => return Ok(()),
        };
        match change {
            Ok(change) => send(&bus, &host, change).await?,
            // The operator learns what it missed by asking: it polls what it has not heard of.
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(
                    missed,
                    "state changes were not published: the bus is too slow"
                );
            }
            Err(RecvError::Closed) => return Ok(()),
        }
    }
}

async fn send(bus: &SharedBus, host: &str, change: StateChange) -> Result<(), BusError> {
    let id = change
        .report
        .status
        .as_ref()
        .map_or("", |status| status.workload_id.as_str());
    let Ok(subject) = subject::workload_state(host, id) else {
        tracing::debug!(
            id,
            "the id cannot be part of a subject: its changes are not published"
        );
        return Ok(());
    };
    tracing::debug!(id, state = ?state_of(&change.report), "state changed");
    let message = WorkloadStateChanged {
        host_id: host.to_owned(),
        namespace: change.namespace,
        name: change.name,
        control_plane: change.control_plane,
        report: Some(change.report),
    };
    let sent = bus
        .publish(&subject, Headers::new(), json::encode(&message).into())
        .await;
    match sent {
        Err(BusError::Closed) => Err(BusError::Closed),
        Err(error) => {
            tracing::warn!(%error, "a state change could not be sent");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}
