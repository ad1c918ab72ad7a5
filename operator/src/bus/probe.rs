//! Keeps an eye on hosts: asks those that were silent for a while, and tells which are lost.

use super::{CallError, Fleet, HostClient};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Probes silent hosts and judges all of them every `interval`, a refused one again after a second. `on_lost` is
/// told of each host that is lost from then on, `on_heard` of each that answered.
pub async fn watch_over(
    fleet: Arc<Fleet>,
    client: HostClient,
    interval: Duration,
    on_heard: Arc<dyn Fn(super::Beat) + Send + Sync>,
    on_lost: impl Fn(String),
    token: CancellationToken,
) {
    const STEP: Duration = Duration::from_secs(1);
    // A step that took so long was not a busy moment: the process was stopped, or its machine.
    const OVERSLEPT: Duration = Duration::from_secs(10);
    let tasks = TaskTracker::new();
    let mut next_round = Instant::now();
    let mut last = Instant::now();
    loop {
        tokio::select! {
            () = token.cancelled() => break,
            () = tokio::time::sleep(STEP.min(interval)) => {}
        }
        let now = Instant::now();
        if now.saturating_duration_since(last) > OVERSLEPT {
            tracing::warn!(
                "this process did not run for a while; no host is judged by its silence meanwhile"
            );
            fleet.overslept(now);
        }
        last = now;
        for id in fleet.judge(now) {
            on_lost(id);
        }
        let round = now >= next_round;
        if round {
            next_round = now + interval;
        }
        let silence = if round { interval } else { Duration::MAX };
        for id in fleet.silent(now, silence) {
            let (fleet, client, on_heard) = (fleet.clone(), client.clone(), on_heard.clone());
            tasks.spawn(async move {
                match client.probe(&id).await {
                    Ok(beat) => on_heard(beat),
                    Err(CallError::NoResponders) => fleet.refused(&id, Instant::now()),
                    Err(error) => tracing::debug!(host = %id, %error, "probe was not answered"),
                }
            });
        }
    }
    tasks.close();
    tasks.wait().await;
}
