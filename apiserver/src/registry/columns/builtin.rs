//! The columns of built-in resources, as the real server prints them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{BuiltinColumn, plain};
use crate::registry::duration::age;

const fn column(name: &'static str, cell: fn(&Value, Timestamp) -> Value) -> BuiltinColumn {
    BuiltinColumn {
        name,
        format: "",
        priority: 0,
        cell,
    }
}

const fn wide(name: &'static str, cell: fn(&Value, Timestamp) -> Value) -> BuiltinColumn {
    BuiltinColumn {
        name,
        format: "",
        priority: 1,
        cell,
    }
}

const NAME: BuiltinColumn = BuiltinColumn {
    name: "Name",
    format: "name",
    priority: 0,
    cell: |o, _| o["metadata"]["name"].clone(),
};
const AGE: BuiltinColumn = column("Age", |object, now| {
    json!(age(&object["metadata"]["creationTimestamp"], now))
});

pub const PLAIN: &[BuiltinColumn] = &[NAME, AGE];
pub const CREATED_AT: &[BuiltinColumn] = &[
    NAME,
    column("Created At", |object, _| {
        object["metadata"]["creationTimestamp"].clone()
    }),
];
pub const NAMESPACE: &[BuiltinColumn] = &[
    NAME,
    column("Status", |object, _| object["status"]["phase"].clone()),
    AGE,
];
pub const CONFIG_MAP: &[BuiltinColumn] = &[
    NAME,
    column("Data", |o, _| {
        json!(count(&o["data"]) + count(&o["binaryData"]))
    }),
    AGE,
];
pub const SECRET: &[BuiltinColumn] = &[
    NAME,
    column("Type", |object, _| object["type"].clone()),
    column("Data", |object, _| json!(count(&object["data"]))),
    AGE,
];
pub const SERVICE: &[BuiltinColumn] = &[
    NAME,
    column("Type", |object, _| object["spec"]["type"].clone()),
    column("Cluster-IP", |object, _| {
        or_none(&object["spec"]["clusterIP"])
    }),
    column("External-IP", |object, _| external_ip(object)),
    column("Port(s)", |object, _| json!(service_ports(object))),
    AGE,
    wide("Selector", |object, _| {
        json!(pairs(&object["spec"]["selector"]))
    }),
];
pub const ENDPOINTS: &[BuiltinColumn] = &[
    NAME,
    column("Endpoints", |object, _| json!(endpoints(object))),
    AGE,
];
pub const ENDPOINT_SLICE: &[BuiltinColumn] = &[
    NAME,
    column("AddressType", |object, _| object["addressType"].clone()),
    column("Ports", |object, _| {
        json!(listed(&object["ports"], |port| plain_or(
            &port["port"],
            "<unset>"
        )))
    }),
    column("Endpoints", |object, _| {
        json!(shortened(
            &items(&object["endpoints"])
                .flat_map(|endpoint| items(&endpoint["addresses"]))
                .map(plain)
                .collect::<Vec<_>>()
        ))
    }),
    AGE,
];
pub const LEASE: &[BuiltinColumn] = &[
    NAME,
    column("Holder", |object, _| {
        json!(plain_or(&object["spec"]["holderIdentity"], ""))
    }),
    AGE,
];
pub const POD: &[BuiltinColumn] = &[
    NAME,
    column("Ready", |object, _| {
        let statuses = &object["status"]["containerStatuses"];
        let ready = items(statuses)
            .filter(|status| status["ready"] == true)
            .count();
        json!(format!("{ready}/{}", count(&object["spec"]["containers"])))
    }),
    column("Status", |object, _| {
        match object["metadata"]["deletionTimestamp"] {
            Value::Null => object["status"]["phase"].clone(),
            _ => json!("Terminating"),
        }
    }),
    column("Restarts", |object, _| {
        let restarts: i64 = items(&object["status"]["containerStatuses"])
            .filter_map(|status| status["restartCount"].as_i64())
            .sum();
        json!(restarts.to_string())
    }),
    AGE,
    wide("IP", |object, _| or_none(&object["status"]["podIP"])),
    wide("Node", |object, _| or_none(&object["spec"]["nodeName"])),
    wide("Nominated Node", |object, _| {
        or_none(&object["status"]["nominatedNodeName"])
    }),
    wide("Readiness Gates", |_, _| json!("<none>")),
];
pub const NODE: &[BuiltinColumn] = &[
    NAME,
    column("Status", |object, _| json!(node_status(object))),
    column("Roles", |object, _| json!(node_roles(object))),
    AGE,
    column("Version", |object, _| {
        json!(plain_or(
            &object["status"]["nodeInfo"]["kubeletVersion"],
            ""
        ))
    }),
    wide("Internal-IP", |object, _| {
        node_address(object, "InternalIP")
    }),
    wide("External-IP", |object, _| {
        node_address(object, "ExternalIP")
    }),
    wide("OS-Image", |object, _| {
        json!(plain_or(
            &object["status"]["nodeInfo"]["osImage"],
            "<unknown>"
        ))
    }),
    wide("Kernel-Version", |object, _| {
        json!(plain_or(
            &object["status"]["nodeInfo"]["kernelVersion"],
            "<unknown>"
        ))
    }),
    wide("Container-Runtime", |object, _| {
        json!(plain_or(
            &object["status"]["nodeInfo"]["containerRuntimeVersion"],
            "<unknown>"
        ))
    }),
];
pub const BINDING: &[BuiltinColumn] = &[
    NAME,
    column("Role", |o, _| {
        json!(format!(
            "{}/{}",
            plain(&o["roleRef"]["kind"]),
            plain(&o["roleRef"]["name"])
        ))
    }),
    AGE,
    wide("Users", |object, _| json!(subjects(object, "User"))),
    wide("Groups", |object, _| json!(subjects(object, "Group"))),
    wide("ServiceAccounts", |object, _| {
        json!(subjects(object, "ServiceAccount"))
    }),
];
/// Events are shown from their stored (core/v1) form, whichever API asked.
pub const EVENT: &[BuiltinColumn] = &[
    column("Last Seen", |object, now| {
        json!(event_seen(object, true, now))
    }),
    column("Type", |object, _| json!(plain_or(&object["type"], ""))),
    column("Reason", |object, _| json!(plain_or(&object["reason"], ""))),
    column("Object", |object, _| {
        let kind = plain_or(&object["involvedObject"]["kind"], "").to_lowercase();
        json!(format!(
            "{kind}/{}",
            plain_or(&object["involvedObject"]["name"], "")
        ))
    }),
    wide("Subobject", |object, _| {
        json!(plain_or(&object["involvedObject"]["fieldPath"], ""))
    }),
    wide("Source", |object, _| json!(event_source(object))),
    column("Message", |object, _| {
        json!(plain_or(&object["message"], "").trim())
    }),
    wide("First Seen", |object, now| {
        json!(event_seen(object, false, now))
    }),
    wide("Count", |object, _| {
        let series = object["series"]["count"].as_i64();
        json!(
            series
                .or_else(|| object["count"].as_i64())
                .unwrap_or(1)
                .max(1)
                .to_string()
        )
    }),
    BuiltinColumn {
        name: "Name",
        format: "",
        priority: 1,
        cell: |o, _| o["metadata"]["name"].clone(),
    },
];

fn count(value: &Value) -> usize {
    match value {
        Value::Object(map) => map.len(),
        Value::Array(list) => list.len(),
        _ => 0,
    }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn plain_or(value: &Value, other: &str) -> String {
    if value.is_null() {
        other.to_owned()
    } else {
        plain(value)
    }
}

fn or_none(value: &Value) -> Value {
    json!(plain_or(value, "<none>"))
}

fn listed(list: &Value, show: impl Fn(&Value) -> String) -> String {
    let shown: Vec<String> = items(list).map(show).collect();
    if shown.is_empty() {
        "<unset>".into()
    } else {
        shown.join(",")
    }
}

/// At most three of them, with the number of the rest.
fn shortened(all: &[String]) -> String {
    match all.len() {
        0 => "<unset>".into(),
        1..=3 => all.join(","),
        more => format!("{} + {} more...", all[..3].join(","), more - 3),
    }
}

fn pairs(map: &Value) -> String {
    let Some(map) = map.as_object().filter(|map| !map.is_empty()) else {
        return "<none>".into();
    };
    map.iter()
        .map(|(key, value)| format!("{key}={}", plain(value)))
        .collect::<Vec<_>>()
        .join(",")
}

fn external_ip(service: &Value) -> Value {
    let ingress: Vec<String> = items(&service["status"]["loadBalancer"]["ingress"])
        .map(|entry| plain_or(&entry["ip"], &plain_or(&entry["hostname"], "")))
        .chain(items(&service["spec"]["externalIPs"]).map(plain))
        .collect();
    match service["spec"]["type"].as_str() {
        Some("ExternalName") => service["spec"]["externalName"].clone(),
        Some("LoadBalancer") if ingress.is_empty() => json!("<pending>"),
        _ if ingress.is_empty() => json!("<none>"),
        _ => json!(ingress.join(",")),
    }
}

fn service_ports(service: &Value) -> String {
    let ports: Vec<String> = items(&service["spec"]["ports"])
        .map(|port| {
            let node = port["nodePort"].as_i64().filter(|node| *node > 0);
            let node = node.map_or_else(String::new, |node| format!(":{node}"));
            format!(
                "{}{node}/{}",
                port["port"],
                plain_or(&port["protocol"], "TCP")
            )
        })
        .collect();
    if ports.is_empty() {
        "<none>".into()
    } else {
        ports.join(",")
    }
}

fn endpoints(object: &Value) -> String {
    let addresses: Vec<String> = items(&object["subsets"])
        .flat_map(|subset| {
            let ports: Vec<String> = items(&subset["ports"])
                .map(|port| port["port"].to_string())
                .collect();
            items(&subset["addresses"])
                .flat_map(|address| {
                    let ip = plain_or(&address["ip"], "");
                    if ports.is_empty() {
                        vec![ip]
                    } else {
                        ports.iter().map(|port| format!("{ip}:{port}")).collect()
                    }
                })
                .collect::<Vec<_>>()
        })
        .collect();
    if addresses.is_empty() {
        "<none>".into()
    } else {
        shortened(&addresses)
    }
}

fn node_status(node: &Value) -> String {
    let ready = items(&node["status"]["conditions"]).find(|condition| condition["type"] == "Ready");
    let mut status = match ready.map(|condition| condition["status"] == "True") {
        Some(true) => "Ready".to_owned(),
        Some(false) => "NotReady".to_owned(),
        None => "Unknown".to_owned(),
    };
    if node["spec"]["unschedulable"] == true {
        status.push_str(",SchedulingDisabled");
    }
    status
}

fn node_roles(node: &Value) -> String {
    let roles: Vec<&str> = node["metadata"]["labels"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(key, _)| key.strip_prefix("node-role.kubernetes.io/"))
        .collect();
    if roles.is_empty() {
        "<none>".into()
    } else {
        roles.join(",")
    }
}

fn node_address(node: &Value, kind: &str) -> Value {
    let found = items(&node["status"]["addresses"]).find(|address| address["type"] == kind);
    found.map_or_else(|| json!("<none>"), |address| address["address"].clone())
}

fn subjects(binding: &Value, kind: &str) -> String {
    let names: Vec<String> = items(&binding["subjects"])
        .filter(|subject| subject["kind"] == kind)
        .map(|subject| match kind {
            "ServiceAccount" => {
                format!(
                    "{}/{}",
                    plain_or(&subject["namespace"], ""),
                    plain_or(&subject["name"], "")
                )
            }
            _ => plain_or(&subject["name"], ""),
        })
        .collect();
    names.join(", ")
}

fn event_seen(event: &Value, last: bool, now: Timestamp) -> String {
    let (order, series): (&[&str], _) = if last {
        (
            &["lastTimestamp", "eventTime", "firstTimestamp"],
            &event["series"]["lastObservedTime"],
        )
    } else {
        (
            &["firstTimestamp", "eventTime", "lastTimestamp"],
            &Value::Null,
        )
    };
    let found = std::iter::once(series)
        .chain(order.iter().map(|field| &event[*field]))
        .find(|time| !time.is_null());
    found.map_or_else(|| "<unknown>".into(), |time| age(time, now))
}

fn event_source(event: &Value) -> String {
    let component = match event["source"]["component"].as_str() {
        Some(component) if !component.is_empty() => component,
        _ => event["reportingComponent"].as_str().unwrap_or_default(),
    };
    match event["source"]["host"]
        .as_str()
        .or_else(|| event["reportingInstance"].as_str())
    {
        Some(host) if !host.is_empty() => format!("{component}, {host}"),
        _ => component.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_shows_its_ports() {
        let service = json!({"spec": {"ports": [{"port": 80, "protocol": "TCP"}, {"port": 53, "nodePort": 30053, "protocol": "UDP"}]}});
        assert_eq!(service_ports(&service), "80/TCP,53:30053/UDP");
    }
}
