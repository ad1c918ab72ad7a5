//! Identity of a template: the reference's hash, and the equality that decides whether a ReplicaSet is current.
//!
//! The hash is FNV-1a (32 bit) over the JSON that Go's `encoding/json` makes of the Workload spec, as decimal
//! digits mapped into an alphabet without vowels.

use crate::{
    HostInterface, KubernetesSpec, LocalRef, LocalResources, Resources, Spread, Timeouts, Volume,
    WorkloadComponent, WorkloadService, WorkloadSpec, WorkloadTemplate,
};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The hash that the reference gives to a template with this spec, as long as no field of ours is set.
pub fn spec_hash(spec: &WorkloadSpec) -> String {
    encode(fnv1a(go_json(&SpecView::from(spec)).as_bytes()))
}

/// Name-safe id of a whole template and collision count. Equals [`spec_hash`] for a template without labels and
/// annotations and a count of 0.
pub fn template_hash(template: &WorkloadTemplate, collisions: i32) -> String {
    let mut bytes = go_json(&SpecView::from(&template.spec));
    if !template.labels.is_empty() || !template.annotations.is_empty() {
        bytes.push_str(&go_json(&(&template.labels, &template.annotations)));
    }
    if collisions > 0 {
        bytes.push_str(&collisions.to_string());
    }
    encode(fnv1a(bytes.as_bytes()))
}

/// FNV-1a, 32 bit. The `fnv` crate has the 64 bit variant only.
pub fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

/// Decimal digits in the alphabet that Kubernetes uses for generated names.
pub fn encode(hash: u32) -> String {
    const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    hash.to_string()
        .bytes()
        .map(|digit| char::from(ALPHABET[usize::from(digit) % ALPHABET.len()]))
        .collect()
}

/// Whether two templates ask for the same: equal but for the way emptiness is written.
pub fn same_template(a: &WorkloadTemplate, b: &WorkloadTemplate) -> bool {
    a == b || normalised(a) == normalised(b)
}

fn normalised(template: &WorkloadTemplate) -> Option<Value> {
    let mut value = serde_json::to_value(template).ok()?;
    drop_empty(&mut value);
    Some(value)
}

/// Removes fields that hold nothing. An empty `ephemeral` says which kind of volume it is and stays.
fn drop_empty(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(drop_empty);
            fields.retain(|name, field| {
                name == "ephemeral"
                    || !(field.is_null()
                        || field.as_object().is_some_and(serde_json::Map::is_empty)
                        || field.as_array().is_some_and(Vec::is_empty))
            });
        }
        Value::Array(items) => items.iter_mut().for_each(drop_empty),
        _ => {}
    }
}

/// JSON with the escapes that Go adds for HTML. They can only occur inside strings, so replacing them in the
/// finished text is enough.
fn go_json<T: Serialize>(value: &T) -> String {
    let Ok(text) = serde_json::to_string(value) else {
        return String::new();
    };
    if !text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        return text;
    }
    text.replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

/// The spec as the reference writes it: `maxRestarts` always, everything else only when set.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpecView<'a> {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    host_selector: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    host_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    environment: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    components: &'a [WorkloadComponent],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    host_interfaces: &'a [HostInterface],
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<ServiceView<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    volumes: &'a [Volume],
    #[serde(skip_serializing_if = "Option::is_none")]
    kubernetes: Option<&'a KubernetesSpec>,
    #[serde(skip_serializing_if = "Option::is_none")]
    spread: Option<&'a Spread>,
    #[serde(skip_serializing_if = "Option::is_none")]
    drain_seconds: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<i32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    restart_on_config_change: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServiceView<'a> {
    image: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_pull_secret: Option<&'a LocalRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_pull_policy: Option<&'a str>,
    max_restarts: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    local_resources: Option<&'a LocalResources>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resources: Option<&'a Resources>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeouts: Option<&'a Timeouts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_in_flight: Option<i32>,
}

impl<'a> From<&'a WorkloadSpec> for SpecView<'a> {
    fn from(spec: &'a WorkloadSpec) -> Self {
        Self {
            host_selector: &spec.host_selector,
            host_id: spec.host_id.as_deref().unwrap_or_default(),
            environment: spec.environment.as_deref().unwrap_or_default(),
            components: &spec.components,
            host_interfaces: &spec.host_interfaces,
            service: spec.service.as_ref().map(ServiceView::from),
            volumes: &spec.volumes,
            kubernetes: spec.kubernetes.as_ref(),
            spread: spec.spread.as_ref(),
            drain_seconds: spec.drain_seconds,
            priority: spec.priority,
            restart_on_config_change: spec.restart_on_config_change,
        }
    }
}

impl<'a> From<&'a WorkloadService> for ServiceView<'a> {
    fn from(service: &'a WorkloadService) -> Self {
        Self {
            image: &service.image,
            image_pull_secret: service.image_pull_secret.as_ref(),
            image_pull_policy: service.image_pull_policy.as_deref(),
            max_restarts: service.max_restarts,
            local_resources: service.local_resources.as_ref(),
            resources: service.resources.as_ref(),
            timeouts: service.timeouts.as_ref(),
            max_in_flight: service.max_in_flight,
        }
    }
}
