//! Canonical protobuf JSON, the form every message has on the bus.
//!
//! Written: lowerCamelCase names, default values left out, 64-bit integers as strings, enums by name. Read: also the
//! proto names, numbers or strings for integers, numbers for enums; unknown fields are passed over, so that a newer peer
//! is understood.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A payload that is not the message it should be.
#[derive(Debug, thiserror::Error)]
#[error("not a valid {message}: {source}")]
pub struct DecodeError {
    message: &'static str,
    source: serde_json::Error,
}

/// The message as JSON.
#[expect(
    clippy::expect_used,
    reason = "generated messages have string keys and no failing serialisers"
)]
pub fn encode<M: Serialize>(message: &M) -> Vec<u8> {
    serde_json::to_vec(message).expect("a generated message is JSON")
}

/// The message in a payload. An empty payload is the empty message.
pub fn decode<M: DeserializeOwned>(payload: &[u8]) -> Result<M, DecodeError> {
    let payload = if payload.is_empty() { b"{}" } else { payload };
    serde_json::from_slice(payload).map_err(|source| DecodeError {
        message: short_name::<M>(),
        source,
    })
}

fn short_name<M>() -> &'static str {
    let full = std::any::type_name::<M>();
    full.rsplit("::").next().unwrap_or(full)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v2::{HostHeartbeat, Service, WorkloadState, WorkloadStatus};

    #[test]
    fn written_canonically() {
        let beat = HostHeartbeat {
            id: "h".into(),
            system_memory_total: 1 << 40,
            http_port: 80,
            ..HostHeartbeat::default()
        };
        assert_eq!(
            String::from_utf8(encode(&beat)).unwrap(),
            r#"{"id":"h","systemMemoryTotal":"1099511627776","httpPort":80}"#
        );
        let status = WorkloadStatus {
            workload_state: WorkloadState::Running.into(),
            ..WorkloadStatus::default()
        };
        assert_eq!(
            String::from_utf8(encode(&status)).unwrap(),
            r#"{"workloadState":"WORKLOAD_STATE_RUNNING"}"#
        );
    }

    #[test]
    fn read_tolerantly() {
        let beat: HostHeartbeat = decode(
            br#"{"id":"h","friendly_name":"f","systemMemoryTotal":7,"system_memory_free":"8","fromTheFuture":{"a":[1]}}"#,
        )
        .unwrap();
        assert_eq!(
            (beat.friendly_name.as_str(), beat.system_memory_total),
            ("f", 7)
        );
        assert_eq!(beat.system_memory_free, 8);
        let status: WorkloadStatus = decode(br#"{"workloadState":5}"#).unwrap();
        assert_eq!(status.workload_state(), WorkloadState::Error);
        let service: Service = decode(br#"{"maxRestarts":"3"}"#).unwrap();
        assert_eq!(service.max_restarts, 3);
        assert_eq!(
            decode::<HostHeartbeat>(b"").unwrap(),
            HostHeartbeat::default()
        );
    }

    #[test]
    fn nonsense_is_named() {
        let error = decode::<HostHeartbeat>(b"[1]").unwrap_err().to_string();
        assert!(error.starts_with("not a valid HostHeartbeat: "), "{error}");
        assert!(decode::<HostHeartbeat>(b"\xff\xfe").is_err());
    }
}
