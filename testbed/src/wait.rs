//! Waiting for a condition instead of sleeping.

use std::fmt::Display;
use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use tokio::time::sleep;

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// The deadline of a whole test.
pub const TEST: Duration = Duration::from_mins(1);

/// Calls `observe` until it answers `Ok`, and returns what it answered.
///
/// `Err` means "not yet" and carries what was observed. After `deadline` the error says what was
/// waited for (`what`) and what was observed last.
pub async fn until<T, E, F, Fut>(deadline: Duration, what: &str, mut observe: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
    E: Display,
{
    let end = Instant::now() + deadline;
    let mut pause = FIRST_PAUSE;
    let mut last: Option<String> = None;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match tokio::time::timeout(left, observe()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(seen)) => last = Some(format!("{seen:#}")),
            Err(_) if last.is_none() => {
                last = Some("nothing: the first look did not return".to_owned());
            }
            Err(_) => {}
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let last = last.unwrap_or_default();
            return Err(anyhow!("waited {deadline:?} for {what}; last seen: {last}"));
        }
        sleep(pause.min(left)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Runs `work`, and gives up after `deadline` with an error that says what was being done.
pub async fn within<T>(deadline: Duration, what: &str, work: impl Future<Output = T>) -> Result<T> {
    match tokio::time::timeout(deadline, work).await {
        Ok(value) => Ok(value),
        Err(_) => bail!("{what} did not finish within {deadline:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn returns_the_value_once_the_condition_holds() {
        let mut looks = 0;
        let seen = until(Duration::from_secs(5), "three looks", || {
            looks += 1;
            let now = looks;
            async move {
                if now < 3 {
                    Err(format!("{now} looks"))
                } else {
                    Ok(now)
                }
            }
        })
        .await;
        assert_eq!(seen.unwrap(), 3);
    }

    #[tokio::test]
    async fn reports_the_last_observation_at_the_deadline() {
        let error = until(Duration::from_millis(30), "the impossible", || async {
            Err::<(), _>("still no")
        })
        .await
        .unwrap_err()
        .to_string();
        assert_eq!(error, "waited 30ms for the impossible; last seen: still no");
    }

    #[tokio::test]
    async fn a_look_that_hangs_ends_at_the_deadline() {
        let error = until(
            Duration::from_millis(30),
            "an answer",
            std::future::pending::<Result<(), String>>,
        )
        .await
        .unwrap_err()
        .to_string();
        assert!(error.contains("the first look did not return"), "{error}");
    }
}
