//! Which image an Artifact stands for, and when its tag is looked at again.

use super::backoff;
use crd_types::ArtifactStatus;
use std::time::Duration;

/// The shortest interval, whatever is asked for: registries count requests.
const SHORTEST: Duration = Duration::from_secs(1);

/// The image and digest to publish after a look at the registry that found `digest`; `pinned` is the image of the
/// spec with that digest.
///
/// What was published by its tag before there was a digest stays so until the digest changes: nothing that runs is
/// rolled out because the operator has learned what it is.
pub fn found(image: &str, pinned: &str, digest: &str, held: &ArtifactStatus) -> (String, String) {
    let by_tag = held.artifact_url.as_deref() == Some(image);
    let same = held.digest.as_deref().is_none_or(|known| known == digest);
    let url = if by_tag && same { image } else { pinned };
    (url.to_owned(), digest.to_owned())
}

/// The image to publish when the registry could not be asked: the last good one, else the image as it is written,
/// since a host may reach what the operator does not.
pub fn not_found(image: &str, held: &ArtifactStatus) -> (String, Option<String>) {
    match (&held.artifact_url, &held.digest) {
        (Some(url), Some(digest)) => (url.clone(), Some(digest.clone())),
        _ => (image.to_owned(), None),
    }
}

/// When to look at the registry again: after the interval, sooner after a failure. `jitter` is in 0..1. `None`: not
/// before the spec changes.
pub fn next_look(interval: Option<Duration>, failures: u32, jitter: f64) -> Option<Duration> {
    let interval = interval.map(|i| {
        let share = 0.9 + 0.2 * jitter.clamp(0.0, 1.0);
        i.max(SHORTEST).mul_f64(share)
    });
    if failures == 0 {
        return interval;
    }
    let again = backoff::delay(failures, jitter);
    Some(interval.map_or(again, |interval| interval.min(again)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "r.example/a:1";

    fn held(url: Option<&str>, digest: Option<&str>) -> ArtifactStatus {
        ArtifactStatus {
            artifact_url: url.map(Into::into),
            digest: digest.map(Into::into),
            ..ArtifactStatus::default()
        }
    }

    fn url(held: &ArtifactStatus, digest: &str) -> String {
        found(TAG, &format!("r.example/a@{digest}"), digest, held).0
    }

    #[test]
    fn a_first_digest_pins_what_is_new_and_leaves_what_runs_by_its_tag() {
        assert_eq!(url(&held(None, None), "A"), "r.example/a@A");
        assert_eq!(url(&held(Some(TAG), None), "A"), TAG);
        assert_eq!(url(&held(Some(TAG), Some("A")), "A"), TAG);
        assert_eq!(url(&held(Some(TAG), Some("A")), "B"), "r.example/a@B");
        assert_eq!(
            url(&held(Some("r.example/a@A"), Some("A")), "B"),
            "r.example/a@B"
        );
        assert_eq!(
            url(&held(Some("r.example/a:0"), None), "A"),
            "r.example/a@A",
            "another tag than before"
        );
    }

    #[test]
    fn an_outage_keeps_the_last_good_image() {
        let good = held(Some("r.example/a@A"), Some("A"));
        assert_eq!(
            not_found(TAG, &good),
            ("r.example/a@A".into(), Some("A".into()))
        );
        assert_eq!(not_found(TAG, &held(None, None)), (TAG.into(), None));
        assert_eq!(
            not_found(TAG, &held(Some("r.example/a:0"), None)),
            (TAG.into(), None)
        );
    }

    #[test]
    fn the_interval_is_spread_and_failures_come_back_sooner() {
        let minute = Some(Duration::from_mins(1));
        assert_eq!(next_look(None, 0, 0.5), None);
        assert_eq!(next_look(minute, 0, 0.5), minute);
        assert_eq!(next_look(minute, 0, 0.0), Some(Duration::from_secs(54)));
        assert_eq!(next_look(minute, 1, 0.0), Some(Duration::from_secs(1)));
        assert_eq!(
            next_look(None, 30, 0.0),
            Some(Duration::from_mins(5)),
            "a failure is tried again without an interval too"
        );
        assert_eq!(
            next_look(Some(Duration::ZERO), 0, 0.5),
            Some(Duration::from_secs(1))
        );
    }
}
