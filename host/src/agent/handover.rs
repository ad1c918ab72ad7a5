//! A host that was told to stop keeps its workloads running while the operator starts their replacements elsewhere and
//! then stops them here, one by one. What is left after a while has no place to go.

use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;

use super::workloads::Workloads;

/// Returns when no workload is left, and after `patience` at the latest.
pub async fn wait(workloads: &dyn Workloads, patience: Duration) {
    if tokio::time::timeout(patience, emptied(workloads))
        .await
        .is_err()
    {
        let left = workloads.counts().workloads;
        tracing::info!(left, "workloads that nobody took over are stopped");
    }
}

async fn emptied(workloads: &dyn Workloads) {
    // Subscribed before the first count: what leaves in between is told.
    let mut changes = workloads.changes();
    while workloads.counts().workloads > 0 {
        match changes.recv().await {
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            // Nobody tells of changes any more; the task that publishes them says so.
            Err(RecvError::Closed) => return,
        }
    }
}
