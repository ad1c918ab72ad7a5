//! Events are kept for an hour, counted from when they were last seen.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::object_meta;
use crate::rest::{Api, Propagation};
use crate::store::Bucket;

/// kube-apiserver's `--event-ttl`.
const KEPT: SignedDuration = SignedDuration::from_hours(1);

pub async fn expire(api: &Api, now: Timestamp) {
    for object in api
        .store
        .list(&Bucket::new("", "events"), None, None)
        .objects
    {
        let event = object.value();
        if last_seen(&event).is_none_or(|seen| now.duration_since(seen) < KEPT) {
            continue;
        }
        let uid = object_meta::uid(&event);
        if let Err(error) = api
            .collect(&object.key, uid, Some(Propagation::Background))
            .await
        {
            tracing::warn!(%error, "an old Event could not be deleted");
        }
    }
}

/// The latest of the times an Event carries (in its stored form).
fn last_seen(event: &Value) -> Option<Timestamp> {
    let times = [
        &event["metadata"]["creationTimestamp"],
        &event["lastTimestamp"],
        &event["eventTime"],
        &event["series"]["lastObservedTime"],
    ];
    times
        .into_iter()
        .filter_map(Value::as_str)
        .filter_map(|time| time.parse().ok())
        .max()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_as_old_as_its_last_sighting() {
        let event = json!({
            "metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"},
            "series": {"lastObservedTime": "2026-01-01T02:00:00.000000Z"},
        });
        assert_eq!(last_seen(&event), "2026-01-01T02:00:00Z".parse().ok());
    }
}
