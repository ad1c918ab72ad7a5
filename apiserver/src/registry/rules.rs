//! Rules of built-in kinds that their schema does not state.

use serde_json::{Value, json};

use crate::status::Cause;

fn items(value: &Value) -> impl Iterator<Item = (usize, &Value)> {
    value.as_array().into_iter().flatten().enumerate()
}

fn data_keys(object: &Value, field: &str, causes: &mut Vec<Cause>) {
    for key in object[field]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key)
    {
        let fits = key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        if key.is_empty() || key.len() > 253 || !fits || key == "." || key == ".." {
            let why = "a valid config key must consist of alphanumeric characters, '-', '_' or '.', \
                       and be at most 253 characters long";
            causes.push(Cause::invalid(format!("{field}[{key}]"), &json!(key), why));
        }
    }
}

/// `immutable: true` stays, and keeps the data as it is.
fn immutable(new: &Value, old: Option<&Value>, fields: &[&str], causes: &mut Vec<Cause>) {
    let Some(old) = old.filter(|old| old["immutable"] == true) else {
        return;
    };
    if new["immutable"] != true {
        causes.push(Cause::forbidden(
            "immutable",
            "field is immutable when `immutable` is set",
        ));
    }
    for field in fields {
        if new[*field] != old[*field] {
            causes.push(Cause::forbidden(
                *field,
                "field is immutable when `immutable` is set",
            ));
        }
    }
}

pub fn config_map(new: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    data_keys(new, "data", causes);
    data_keys(new, "binaryData", causes);
    for key in new["binaryData"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key)
    {
        if !new["data"][key].is_null() {
            let why = "duplicate of key present in data";
            causes.push(Cause::invalid(
                format!("binaryData[{key}]"),
                &json!(key),
                why,
            ));
        }
    }
    immutable(new, old, &["data", "binaryData"], causes);
}

pub fn secret(new: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    data_keys(new, "data", causes);
    immutable(new, old, &["data"], causes);
    if let Some(old) = old
        && old["type"] != new["type"]
    {
        causes.push(Cause::invalid("type", &new["type"], "field is immutable"));
    }
    let needed: &[&str] = match new["type"].as_str() {
        Some("kubernetes.io/tls") => &["tls.crt", "tls.key"],
        Some("kubernetes.io/dockerconfigjson") => &[".dockerconfigjson"],
        Some("kubernetes.io/dockercfg") => &[".dockercfg"],
        _ => &[],
    };
    for key in needed {
        if new["data"][*key].is_null() {
            causes.push(Cause::required(format!("data[{key}]"), ""));
        }
    }
}

pub fn service(new: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    const TYPES: &[&str] = &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    let spec = &new["spec"];
    let kind = spec["type"].as_str().unwrap_or_default();
    if !TYPES.contains(&kind) {
        causes.push(Cause::not_supported("spec.type", kind, TYPES));
    }
    if kind == "ExternalName" && spec["externalName"].as_str().is_none_or(str::is_empty) {
        causes.push(Cause::required("spec.externalName", ""));
    }
    let headless = spec["clusterIP"] == "None";
    let ports = spec["ports"].as_array().map_or(0, Vec::len);
    if ports == 0 && kind != "ExternalName" && !headless {
        causes.push(Cause::required("spec.ports", ""));
    }
    let mut names: Vec<&str> = Vec::new();
    for (index, port) in items(&spec["ports"]) {
        let number = port["port"].as_i64().unwrap_or_default();
        if !(1..=65535).contains(&number) {
            let why = "must be between 1 and 65535, inclusive";
            causes.push(Cause::invalid(
                format!("spec.ports[{index}].port"),
                &json!(number),
                why,
            ));
        }
        let target = &port["targetPort"];
        if target
            .as_i64()
            .is_some_and(|target| !(1..=65535).contains(&target))
        {
            let why = "must be between 1 and 65535, inclusive";
            causes.push(Cause::invalid(
                format!("spec.ports[{index}].targetPort"),
                target,
                why,
            ));
        }
        let name = port["name"].as_str().unwrap_or_default();
        if name.is_empty() && ports > 1 {
            causes.push(Cause::required(format!("spec.ports[{index}].name"), ""));
        } else if !name.is_empty() && names.contains(&name) {
            causes.push(Cause {
                reason: "FieldValueDuplicate",
                message: format!("Duplicate value: \"{name}\""),
                field: format!("spec.ports[{index}].name"),
            });
        }
        names.push(name);
        let same =
            |other: &Value| other["port"] == port["port"] && other["protocol"] == port["protocol"];
        if items(&spec["ports"])
            .take(index)
            .any(|(_, other)| same(other))
        {
            causes.push(Cause {
                reason: "FieldValueDuplicate",
                message: format!("Duplicate value: {port}"),
                field: format!("spec.ports[{index}]"),
            });
        }
    }
    if let Some(old) = old
        && old["spec"]["clusterIP"]
            .as_str()
            .is_some_and(|ip| !ip.is_empty())
        && old["spec"]["clusterIP"] != spec["clusterIP"]
        && old["spec"]["type"] != "ExternalName"
        && kind != "ExternalName"
    {
        let why = "may not change once set";
        causes.push(Cause::invalid(
            "spec.clusterIPs[0]",
            &json!([spec["clusterIP"]]),
            why,
        ));
    }
}

pub fn endpoint_slice(new: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    const TYPES: &[&str] = &["FQDN", "IPv4", "IPv6"];
    let kind = new["addressType"].as_str().unwrap_or_default();
    if kind.is_empty() {
        causes.push(Cause::required("addressType", ""));
    } else if !TYPES.contains(&kind) {
        causes.push(Cause::not_supported("addressType", kind, TYPES));
    }
    if let Some(old) = old
        && old["addressType"] != new["addressType"]
    {
        causes.push(Cause::invalid(
            "addressType",
            &new["addressType"],
            "field is immutable",
        ));
    }
    for (index, endpoint) in items(&new["endpoints"]) {
        let addresses = endpoint["addresses"].as_array().map_or(0, Vec::len);
        if addresses == 0 {
            let why = "must contain at least 1 address";
            causes.push(Cause::required(
                format!("endpoints[{index}].addresses"),
                why,
            ));
        }
        for (at, address) in items(&endpoint["addresses"]) {
            let text = address.as_str().unwrap_or_default();
            let fits = match kind {
                "IPv4" => text.parse::<std::net::Ipv4Addr>().is_ok(),
                "IPv6" => text.parse::<std::net::Ipv6Addr>().is_ok(),
                _ => !text.is_empty(),
            };
            if !fits {
                let why = format!("must be a valid {kind} address");
                causes.push(Cause::invalid(
                    format!("endpoints[{index}].addresses[{at}]"),
                    address,
                    &why,
                ));
            }
        }
    }
    if new["endpoints"].as_array().map_or(0, Vec::len) > 1000 {
        causes.push(Cause {
            reason: "FieldValueTooMany",
            message: "Too many: must have at most 1000 items".into(),
            field: "endpoints".into(),
        });
    }
}

pub fn lease(new: &Value, _: Option<&Value>, causes: &mut Vec<Cause>) {
    let seconds = &new["spec"]["leaseDurationSeconds"];
    if seconds.as_i64().is_some_and(|seconds| seconds <= 0) {
        causes.push(Cause::invalid(
            "spec.leaseDurationSeconds",
            seconds,
            "must be greater than 0",
        ));
    }
}

pub fn binding(new: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    const KINDS: &[&str] = &["ClusterRole", "Role"];
    let role = &new["roleRef"];
    let kind = role["kind"].as_str().unwrap_or_default();
    if !KINDS.contains(&kind) || (new["kind"] == "ClusterRoleBinding" && kind == "Role") {
        causes.push(Cause::not_supported("roleRef.kind", kind, KINDS));
    }
    if role["name"].as_str().is_none_or(str::is_empty) {
        causes.push(Cause::required("roleRef.name", ""));
    }
    if let Some(old) = old
        && old["roleRef"] != *role
    {
        causes.push(Cause::invalid("roleRef", role, "cannot change roleRef"));
    }
    for (index, subject) in items(&new["subjects"]) {
        let kind = subject["kind"].as_str().unwrap_or_default();
        if !["User", "Group", "ServiceAccount"].contains(&kind) {
            let known = &["Group", "ServiceAccount", "User"];
            causes.push(Cause::not_supported(
                format!("subjects[{index}].kind"),
                kind,
                known,
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(
        check: fn(&Value, Option<&Value>, &mut Vec<Cause>),
        new: &Value,
        old: Option<&Value>,
    ) -> Vec<String> {
        let mut causes = Vec::new();
        check(new, old, &mut causes);
        causes.into_iter().map(|cause| cause.field).collect()
    }

    #[test]
    fn names_the_broken_field() {
        assert_eq!(
            fields(config_map, &json!({"data": {"a b": "1"}}), None),
            ["data[a b]"]
        );
        let old = json!({"immutable": true, "data": {"a": "1"}});
        let new = json!({"immutable": true, "data": {"a": "2"}});
        assert_eq!(fields(config_map, &new, Some(&old)), ["data"]);
        let slice = json!({"addressType": "IPv4", "endpoints": [{"addresses": ["::1"]}]});
        assert_eq!(
            fields(endpoint_slice, &slice, None),
            ["endpoints[0].addresses[0]"]
        );
        let service_ = json!({"spec": {"type": "ClusterIP", "ports": [{"port": 0}]}});
        assert_eq!(fields(service, &service_, None), ["spec.ports[0].port"]);
        assert_eq!(
            fields(secret, &json!({"type": "kubernetes.io/tls"}), None).len(),
            2
        );
    }
}
