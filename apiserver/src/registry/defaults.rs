//! What clients expect to find on built-in objects they did not set.

use serde_json::{Value, json};

/// Sets a field that is absent or null.
fn default(object: &mut Value, field: &str, value: Value) {
    if let Some(map) = object.as_object_mut()
        && map.get(field).is_none_or(Value::is_null)
    {
        map.insert(field.to_owned(), value);
    }
}

/// Applies to every item of a list field, when there is one.
fn each(object: &mut Value, field: &str, mut apply: impl FnMut(&mut Value)) {
    for item in object
        .get_mut(field)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        apply(item);
    }
}

/// Sets a field of a sub-object, which is created when absent.
fn default_in(object: &mut Value, parent: &str, field: &str, value: Value) {
    default(object, parent, json!({}));
    if let Some(parent) = object.get_mut(parent) {
        default(parent, field, value);
    }
}

pub fn namespace(object: &mut Value) {
    let name = object["metadata"]["name"].clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        let labels = metadata.entry("labels").or_insert_with(|| json!({}));
        if labels.is_null() {
            *labels = json!({});
        }
        if let Some(labels) = labels.as_object_mut() {
            labels.insert("kubernetes.io/metadata.name".into(), name);
        }
    }
}

pub fn namespace_additions(object: &mut Value) {
    if object["metadata"]["deletionTimestamp"].is_null() {
        default_in(object, "spec", "finalizers", json!(["kubernetes"]));
    }
    default_in(object, "status", "phase", json!("Active"));
}

/// `stringData` is write-only: it ends up in `data`, encoded.
pub fn secret(object: &mut Value) {
    use base64::Engine as _;
    default(object, "type", json!("Opaque"));
    let Some(map) = object.as_object_mut() else {
        return;
    };
    if let Some(Value::Object(plain)) = map.remove("stringData") {
        let data = map.entry("data").or_insert_with(|| json!({}));
        if data.is_null() {
            *data = json!({});
        }
        for (key, value) in plain {
            let text = value.as_str().unwrap_or_default();
            let encoded = base64::engine::general_purpose::STANDARD.encode(text);
            data.as_object_mut()
                .map(|data| data.insert(key, json!(encoded)));
        }
    }
}

/// Nothing is allocated: a Service has a cluster IP only if it was given one.
pub fn service(object: &mut Value) {
    default(object, "spec", json!({}));
    if let Some(spec) = object.get_mut("spec") {
        default(spec, "type", json!("ClusterIP"));
        default(spec, "sessionAffinity", json!("None"));
        if spec["type"] != "ExternalName" {
            default(spec, "internalTrafficPolicy", json!("Cluster"));
        }
        if matches!(spec["type"].as_str(), Some("NodePort" | "LoadBalancer")) {
            default(spec, "externalTrafficPolicy", json!("Cluster"));
        }
        each(spec, "ports", |port| {
            default(port, "protocol", json!("TCP"));
            let same = port["port"].clone();
            default(port, "targetPort", same);
        });
    }
}

pub fn service_additions(object: &mut Value) {
    if let Some(spec) = object.get_mut("spec")
        && spec["type"] != "ExternalName"
    {
        // Whoever writes the endpoints of a headless Service without a selector may use both families.
        let open = spec["clusterIP"] == "None" && spec["selector"].is_null();
        let (policy, families) = if open {
            ("RequireDualStack", json!(["IPv4", "IPv6"]))
        } else {
            ("SingleStack", json!(["IPv4"]))
        };
        default(spec, "ipFamilyPolicy", json!(policy));
        default(spec, "ipFamilies", families);
        if let Some(ip) = spec["clusterIP"].as_str().map(str::to_owned) {
            default(spec, "clusterIPs", json!([ip]));
        }
    }
    default_in(object, "status", "loadBalancer", json!({}));
}

pub fn event(object: &mut Value) {
    default(object, "type", json!("Normal"));
}

pub fn event_additions(object: &mut Value) {
    for (field, empty) in [
        ("source", json!({})),
        ("reportingComponent", json!("")),
        ("reportingInstance", json!("")),
    ] {
        default(object, field, empty);
    }
}

pub fn pod(object: &mut Value) {
    if let Some(spec) = object.get_mut("spec") {
        default(spec, "restartPolicy", json!("Always"));
        default(spec, "dnsPolicy", json!("ClusterFirst"));
        default(spec, "schedulerName", json!("default-scheduler"));
        default(spec, "terminationGracePeriodSeconds", json!(30));
        default(spec, "securityContext", json!({}));
        each(spec, "containers", container);
    }
}

pub fn pod_additions(object: &mut Value) {
    default_in(object, "status", "phase", json!("Pending"));
}

fn container(container: &mut Value) {
    each(container, "ports", |port| {
        default(port, "protocol", json!("TCP"));
    });
    default(container, "resources", json!({}));
    default(
        container,
        "terminationMessagePath",
        json!("/dev/termination-log"),
    );
    default(container, "terminationMessagePolicy", json!("File"));
    let image = container["image"].as_str().unwrap_or_default();
    let tag = image
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .rsplit_once(':')
        .map(|(_, tag)| tag);
    let always = !image.contains('@') && matches!(tag, None | Some("latest"));
    default(
        container,
        "imagePullPolicy",
        json!(if always { "Always" } else { "IfNotPresent" }),
    );
}

pub fn endpoint_slice(object: &mut Value) {
    each(object, "endpoints", |endpoint| {
        default(endpoint, "conditions", json!({}));
    });
    each(object, "ports", |port| {
        default(port, "name", json!(""));
        default(port, "protocol", json!("TCP"));
    });
}

pub fn binding(object: &mut Value) {
    default_in(
        object,
        "roleRef",
        "apiGroup",
        json!("rbac.authorization.k8s.io"),
    );
    each(object, "subjects", |subject| {
        if matches!(subject["kind"].as_str(), Some("User" | "Group")) {
            default(subject, "apiGroup", json!("rbac.authorization.k8s.io"));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn string_data_becomes_data() {
        let mut object = json!({"stringData": {"a": "b"}, "data": {"c": "ZA=="}});
        secret(&mut object);
        assert_eq!(
            object,
            json!({"type": "Opaque", "data": {"a": "Yg==", "c": "ZA=="}})
        );
    }

    #[test]
    fn a_service_port_targets_itself() {
        let mut object = json!({"spec": {"ports": [{"port": 80}]}});
        service(&mut object);
        assert_eq!(
            object["spec"]["ports"][0],
            json!({"port": 80, "protocol": "TCP", "targetPort": 80})
        );
        assert!(
            object["spec"].get("clusterIP").is_none(),
            "nothing is allocated"
        );
    }
}
