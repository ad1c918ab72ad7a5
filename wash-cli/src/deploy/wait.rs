//! Waiting until applied objects are ready.

use std::time::Duration;

use anyhow::anyhow;
use futures::StreamExt;
use kube::runtime::{WatchStreamExt, watcher};
use tokio::time::Instant;

use super::apply::Applied;
use super::readiness::{Verdict, judge};
use crate::failure::Failure;

/// Follows the objects, one after the other, until each is ready. A new reason is reported once, as it appears; when
/// the time is over the failure's first line is the last reason.
pub async fn wait_ready(
    applied: &[Applied],
    timeout: Duration,
    mut report: impl FnMut(&str),
) -> Result<(), Failure> {
    let deadline = Instant::now() + timeout;
    for one in applied {
        let mut last = String::from("nothing is reported yet");
        let followed = tokio::time::timeout_at(deadline, follow(one, &mut last, &mut report)).await;
        match followed {
            Ok(result) => result?,
            Err(_) => {
                return Err(Failure::with_hint(
                    anyhow!(
                        "{one} is not ready after {}: {last}",
                        humantime::format_duration(timeout)
                    ),
                    format!("`kubectl describe {one}` shows its events"),
                ));
            }
        }
    }
    Ok(())
}

async fn follow(
    applied: &Applied,
    last: &mut String,
    report: &mut impl FnMut(&str),
) -> Result<(), Failure> {
    let name = applied.object.metadata.name.clone().unwrap_or_default();
    let only = watcher::Config::default().fields(&format!("metadata.name={name}"));
    let mut states = watcher(applied.api.clone(), only)
        .default_backoff()
        .applied_objects()
        .boxed();
    while let Some(state) = states.next().await {
        let object = match state {
            Ok(object) => object,
            // The watcher tries again with growing pauses; the deadline ends it.
            Err(error) => {
                *last = error.to_string();
                continue;
            }
        };
        match judge(&serde_json::to_value(&object)?) {
            Verdict::Ready => return Ok(()),
            Verdict::Waiting { reason, message } => {
                let now = match (reason.as_str(), message.as_str()) {
                    ("", message) => message.to_owned(),
                    (reason, "") => reason.to_owned(),
                    (reason, message) => format!("{reason}: {message}"),
                };
                if !reason.is_empty() && now != *last {
                    report(&format!("{applied}: {now}"));
                }
                *last = now;
            }
        }
    }
    Err(anyhow!("the watch of {applied} ended").into())
}
