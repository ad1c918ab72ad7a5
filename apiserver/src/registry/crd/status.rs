//! A CRD's status: accepted names, conditions, stored versions.

use serde_json::{Value, json};

use crate::registry::Registry;

/// Brings `status` up to what is served: accepted names, conditions and stored versions.
pub fn set_status(crd: &mut Value, registry: &Registry, now: &str) {
    let conflict = name_conflict(crd, registry);
    let old = crd["status"].clone();
    let accepted = match &conflict {
        None => crd["spec"]["names"].clone(),
        Some(_) if old["acceptedNames"].is_object() => old["acceptedNames"].clone(),
        Some(_) => json!({"plural": "", "kind": ""}),
    };
    let mut stored: Vec<Value> = old["storedVersions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let versions = crd["spec"]["versions"].as_array();
    if let Some(version) = versions
        .into_iter()
        .flatten()
        .find(|version| version["storage"] == true)
        && !stored.contains(&version["name"])
    {
        stored.push(version["name"].clone());
    }
    let established =
        conflict.is_none() || condition(&old, "Established").is_some_and(|c| c["status"] == "True");
    let names = match &conflict {
        None => (
            "NamesAccepted",
            "True",
            "NoConflicts",
            "no conflicts found".to_owned(),
        ),
        Some((reason, message)) => ("NamesAccepted", "False", *reason, message.clone()),
    };
    let served = if established {
        (
            "Established",
            "True",
            "InitialNamesAccepted",
            "the initial names have been accepted".to_owned(),
        )
    } else {
        (
            "Established",
            "False",
            "NotAccepted",
            "not all names are accepted".to_owned(),
        )
    };
    let mut conditions: Vec<Value> = vec![];
    for (kind, status, reason, message) in [names, served] {
        let since = match condition(&old, kind) {
            Some(before) if before["status"] == status => before["lastTransitionTime"].clone(),
            _ => json!(now),
        };
        conditions.push(json!({
            "type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": since,
        }));
    }
    if let Some(terminating) = condition(&old, "Terminating") {
        conditions.push(terminating.clone());
    }
    if let Some(map) = crd.as_object_mut() {
        let status =
            json!({"acceptedNames": accepted, "conditions": conditions, "storedVersions": stored});
        map.insert("status".into(), status);
    }
}

/// The condition of a type.
pub fn condition<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    status["conditions"]
        .as_array()?
        .iter()
        .find(|condition| condition["type"] == kind)
}

/// Another resource of the same group that has one of the names.
fn name_conflict(crd: &Value, registry: &Registry) -> Option<(&'static str, String)> {
    let group = crd["spec"]["group"].as_str().unwrap_or_default();
    let names = &crd["spec"]["names"];
    let plural = names["plural"].as_str().unwrap_or_default();
    let kind = names["kind"].as_str().unwrap_or_default();
    let list_kind = names["listKind"].as_str().unwrap_or_default();
    let singular = names["singular"].as_str().unwrap_or_default();
    let served = registry.served();
    let others = served
        .all()
        .iter()
        .filter(|other| other.group == group && other.plural != plural);
    for other in others {
        if other.kind == kind {
            return Some(("KindConflict", format!("\"{kind}\" is already in use")));
        }
        if other.list_kind == list_kind {
            return Some((
                "ListKindConflict",
                format!("\"{list_kind}\" is already in use"),
            ));
        }
        if other.singular == singular {
            return Some((
                "SingularConflict",
                format!("\"{singular}\" is already in use"),
            ));
        }
        let short = names["shortNames"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        for name in short {
            if other.short_names.iter().any(|short| short == name) || other.plural == name {
                return Some((
                    "ShortNamesConflict",
                    format!("\"{name}\" is already in use"),
                ));
            }
        }
    }
    None
}
