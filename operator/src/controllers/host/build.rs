//! What a Host object says, from what the host said.

use crate::bus::{Beat, HostView};
use crate::controllers::context;
use crate::core::conditions::Conditions;
use crd_types::{Host, HostCapacity, HostStatus};
use kube::{Resource, ResourceExt};
use protocol::Reason;
use serde_json::{Value, json};

/// Stops that a Host has room for.
const MOST_OWED: usize = 1024;

/// The fields that a heartbeat decides, for server-side apply.
pub(super) fn identity(view: &HostView) -> Value {
    let beat = &view.beat;
    let mut body = json!({
        "apiVersion": format!("{}/{}", crd_types::GROUP, crd_types::VERSION),
        "kind": "Host",
        "metadata": {"name": beat.name, "labels": beat.labels},
        "hostId": beat.id,
    });
    if !beat.hostname.is_empty() {
        body["hostname"] = json!(beat.hostname);
    }
    if beat.http_port > 0 {
        body["httpPort"] = json!(beat.http_port);
    }
    if !beat.environment.is_empty() {
        body["environment"] = json!(beat.environment);
    }
    body
}

/// Whether the object says what the heartbeat says.
pub(super) fn same_identity(object: &Host, view: &HostView) -> bool {
    let beat = &view.beat;
    object.host_id == beat.id
        && object.hostname.as_deref().unwrap_or_default() == beat.hostname
        && object.http_port.unwrap_or_default() == beat.http_port
        && object.environment.as_deref().unwrap_or_default() == beat.environment
        && beat
            .labels
            .iter()
            .all(|(key, value)| object.labels().get(key) == Some(value))
}

/// What we know of a host from its object, before it was heard.
pub fn beat_of_object(object: &Host) -> Beat {
    Beat {
        id: object.host_id.clone(),
        name: object.name_any(),
        hostname: object.hostname.clone().unwrap_or_default(),
        environment: object.environment.clone().unwrap_or_default(),
        http_port: object.http_port.unwrap_or_default(),
        labels: object.labels().clone(),
        ..Beat::default()
    }
}

/// The status; of a host that is lost, what was last heard.
pub(super) fn status(object: &Host, view: &HostView) -> HostStatus {
    let held = object.status.clone().unwrap_or_default();
    let beat = &view.beat;
    let word = |text: &str| {
        if text.is_empty() {
            "unknown".to_owned()
        } else {
            text.to_owned()
        }
    };
    let bytes = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let mut status = if view.heard {
        HostStatus {
            version: word(&beat.version),
            os_name: word(&beat.os_name),
            os_arch: word(&beat.os_arch),
            os_kernel: word(&beat.os_kernel),
            system_cpu_usage: beat.cpu_usage.to_string(),
            system_memory_total: bytes(beat.memory_total),
            system_memory_free: bytes(beat.memory_free),
            component_count: Some(bytes(beat.components)),
            workload_count: Some(bytes(beat.workloads)),
            last_seen: jiff::Timestamp::from_second(view.last_seen_at.as_second())
                .ok()
                .map(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time),
            conditions: held.conditions,
            ..HostStatus::default()
        }
    } else {
        HostStatus {
            version: word(&held.version),
            os_name: word(&held.os_name),
            os_arch: word(&held.os_arch),
            os_kernel: word(&held.os_kernel),
            system_cpu_usage: if held.system_cpu_usage.is_empty() {
                "0".into()
            } else {
                held.system_cpu_usage.clone()
            },
            ..held
        }
    };
    if let Some(announced) = &view.announced {
        let capacity = |instances: Option<u64>, memory: Option<u64>| {
            (instances.is_some() || memory.is_some()).then(|| HostCapacity {
                instances: instances.map(bytes),
                memory: memory.map(bytes),
            })
        };
        status.capacity = capacity(announced.instances, announced.memory);
        status.allocated = capacity(announced.allocated_instances, announced.allocated_memory);
        status.addresses.clone_from(&announced.addresses);
        status.protocol = Some(format!(
            "wasmcloud.runtime.ext.v{}",
            announced.protocol.max(1)
        ));
    }
    let owed = view.owed.iter().map(|owed| owed.stop.clone());
    status.owed_stops = owed.take(MOST_OWED).collect();
    let mut conditions = Conditions::default();
    if view.lost_since.is_some() {
        let message = view.left.unwrap_or("the host stopped answering");
        conditions
            .no("Reporting", Reason::HostLost.as_str(), message)
            .like("Ready", "Reporting");
    } else if view.draining() {
        conditions.yes("Reporting").no(
            "Ready",
            Reason::HostDraining.as_str(),
            "the host is about to stop",
        );
    } else {
        conditions.yes("Reporting").yes("Ready");
    }
    conditions.merge_into(
        &mut status.conditions,
        object.meta().generation,
        &context::now(),
    );
    status
}
