//! What a host says it has, page by page, and whether it can say so.

use super::CallError;
use super::client::HostClient;
use crate::core::inventory::{Presence, Reported};
use protocol::subject::Command;
use protocol::{ext, json, v2};
use serde_json::Value;

/// Entries asked for at a time; a page stays far below the largest message.
const PAGE: u32 = 500;
/// Pages after which a host that always names another one is not believed.
const MOST_PAGES: usize = 200;

impl HostClient {
    /// Everything a host has.
    pub async fn inventory(&self, host: &str) -> Result<Vec<Reported>, CallError> {
        let mut all = Vec::new();
        let mut ask = ext::InventoryRequest {
            limit: PAGE,
            ..ext::InventoryRequest::default()
        };
        for _ in 0..MOST_PAGES {
            let page = self
                .call_reading(host, Command::List, &ask, self.waits.answer, page)
                .await?;
            if page.items.len() > PAGE as usize {
                let found = page.items.len();
                return Err(CallError::Answer(format!(
                    "a page of its inventory has {found} entries, {PAGE} were asked for"
                )));
            }
            all.extend(page.items.into_iter().map(reported));
            if page.r#continue.is_empty() {
                return Ok(all);
            }
            ask.r#continue = page.r#continue;
        }
        Err(CallError::Answer(format!(
            "its inventory has more than {MOST_PAGES} pages"
        )))
    }

    /// Whether a host that did not announce anything has the extension: only then is its answer an inventory. A base
    /// host leaves the question unanswered; others may answer what they do not know with an error.
    pub async fn has_extension(&self, host: &str) -> bool {
        let ask = ext::InventoryRequest {
            limit: 1,
            ..ext::InventoryRequest::default()
        };
        let read = |payload: &[u8]| Ok(is_inventory(payload));
        self.call_reading(host, Command::List, &ask, self.waits.answer, read)
            .await
            .unwrap_or(false)
    }
}

/// A page; an error that was sent in its place is told as one.
fn page(payload: &[u8]) -> Result<ext::Inventory, CallError> {
    let answer: Value =
        serde_json::from_slice(payload).map_err(|error| CallError::Answer(error.to_string()))?;
    if answer.get("report").is_some() {
        let message = answer
            .pointer("/report/status/message")
            .and_then(Value::as_str)
            .unwrap_or("an error without words");
        return Err(CallError::Answer(message.to_owned()));
    }
    json::decode(payload).map_err(|error| CallError::Answer(error.to_string()))
}

/// Whether an answer has the fields of an inventory and no others. The inventory of an empty host has none at all.
fn is_inventory(payload: &[u8]) -> bool {
    match serde_json::from_slice(payload) {
        Ok(Value::Object(fields)) => fields
            .keys()
            .all(|field| field == "items" || field == "continue"),
        _ => false,
    }
}

fn reported(item: ext::InventoryItem) -> Reported {
    let presence = match item.state() {
        v2::WorkloadState::Starting | v2::WorkloadState::Unspecified => Presence::Starting,
        v2::WorkloadState::Running | v2::WorkloadState::Completed => Presence::Running,
        v2::WorkloadState::Stopping => Presence::Stopping,
        v2::WorkloadState::Error | v2::WorkloadState::NotFound => Presence::Failed,
    };
    Reported {
        id: item.id,
        namespace: item.namespace,
        name: item.name,
        control_plane: item.control_plane,
        presence,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_no_inventory() {
        let error = br#"{"report":{"status":{"workloadState":"WORKLOAD_STATE_ERROR","message":"no such command"},"reason":"InvalidMessage"}}"#;
        assert!(!is_inventory(error));
        assert_eq!(
            page(error).unwrap_err().to_string(),
            "the host's answer cannot be read: no such command"
        );
        for other in [&b"[]"[..], b"\"x\"", b"{\"error\":\"?\"}", b"nonsense"] {
            assert!(!is_inventory(other));
        }
    }

    #[test]
    fn an_empty_host_and_a_full_page_are_inventories() {
        assert!(is_inventory(b"{}"));
        assert!(page(b"{}").unwrap().items.is_empty());
        let full = br#"{"items":[{"id":"w","namespace":"n","name":"x","controlPlane":"c","state":"WORKLOAD_STATE_RUNNING"}],"continue":"w"}"#;
        assert!(is_inventory(full));
        let item = reported(page(full).unwrap().items.remove(0));
        assert_eq!(
            (item.id.as_str(), item.control_plane.as_str(), item.presence),
            ("w", "c", Presence::Running)
        );
    }
}
