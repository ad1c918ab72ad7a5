//! CustomResourceDefinitions: their own rules and status, and the resources they define.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::columns::{Columns, CustomColumn};
use super::resource::{Model, NameRule, Resource, ScalePaths, group_version};
use super::{JsonPath, Registry};
use crate::status::Cause;
use crate::store::Bucket;

/// Held by a CRD until its objects are gone.
pub const FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

pub fn bucket() -> Bucket {
    Bucket::new("apiextensions.k8s.io", "customresourcedefinitions")
}

/// Defaults of a CRD (names, conversion).
pub fn default(crd: &mut Value) {
    let Some(spec) = crd.get_mut("spec").and_then(Value::as_object_mut) else {
        return;
    };
    let conversion = spec.entry("conversion").or_insert(Value::Null);
    if conversion.is_null() {
        *conversion = json!({"strategy": "None"});
    }
    if let Some(names) = spec.get_mut("names").and_then(Value::as_object_mut) {
        let kind = names
            .get("kind")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let fill = |names: &mut serde_json::Map<String, Value>, field: &str, value: String| {
            if names
                .get(field)
                .and_then(Value::as_str)
                .is_none_or(str::is_empty)
            {
                names.insert(field.into(), value.into());
            }
        };
        fill(names, "singular", kind.to_lowercase());
        fill(names, "listKind", format!("{kind}List"));
    }
}

/// What a CRD must fulfil to be served.
pub fn rules(new: &Value, old: Option<&Value>, causes: &mut Vec<Cause>) {
    let spec = &new["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (group, plural) = (text(&spec["group"]), text(&spec["names"]["plural"]));
    let required = [
        ("spec.group", &spec["group"]),
        ("spec.names.plural", &spec["names"]["plural"]),
        ("spec.names.kind", &spec["names"]["kind"]),
    ];
    for (field, value) in required {
        if value.as_str().is_none_or(str::is_empty) {
            causes.push(Cause::required(field, ""));
        }
    }
    let name = text(&new["metadata"]["name"]);
    if name != format!("{plural}.{group}") {
        let why = "must be spec.names.plural+\".\"+spec.group";
        causes.push(Cause::invalid("metadata.name", &json!(name), why));
    }
    if !group.is_empty() && !group.contains('.') {
        let why = "should be a domain with at least one dot";
        causes.push(Cause::invalid("spec.group", &json!(group), why));
    }
    let scope = text(&spec["scope"]);
    if !matches!(scope.as_str(), "Cluster" | "Namespaced") {
        causes.push(Cause::not_supported(
            "spec.scope",
            &scope,
            &["Cluster", "Namespaced"],
        ));
    }
    if let Some(old) = old {
        for (field, value, was) in [
            ("spec.group", &spec["group"], &old["spec"]["group"]),
            ("spec.scope", &spec["scope"], &old["spec"]["scope"]),
            (
                "spec.names.plural",
                &spec["names"]["plural"],
                &old["spec"]["names"]["plural"],
            ),
            (
                "spec.names.kind",
                &spec["names"]["kind"],
                &old["spec"]["names"]["kind"],
            ),
        ] {
            if value != was {
                causes.push(Cause::invalid(field, value, "field is immutable"));
            }
        }
    }
    let strategy = text(&spec["conversion"]["strategy"]);
    if strategy != "None" {
        // Webhooks would have to be called by this server; it converts by renaming apiVersion only.
        causes.push(Cause::not_supported(
            "spec.conversion.strategy",
            &strategy,
            &["None"],
        ));
    }
    if spec["preserveUnknownFields"] == true {
        let why = "must be false in order to use defaults in the schema";
        causes.push(Cause::invalid(
            "spec.preserveUnknownFields",
            &json!(true),
            why,
        ));
    }
    version_rules(new, causes);
}

fn version_rules(crd: &Value, causes: &mut Vec<Cause>) {
    let versions = crd["spec"]["versions"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let storage = versions
        .iter()
        .filter(|version| version["storage"] == true)
        .count();
    if storage != 1 {
        let why = "must have exactly one version marked as storage version";
        causes.push(Cause::invalid(
            "spec.versions",
            &crd["spec"]["versions"],
            why,
        ));
    }
    for (index, version) in versions.iter().enumerate() {
        let at = format!("spec.versions[{index}]");
        if version["name"].as_str().is_none_or(str::is_empty) {
            causes.push(Cause::required(format!("{at}.name"), ""));
        }
        if version["schema"]["openAPIV3Schema"].is_null() {
            causes.push(Cause::required(
                format!("{at}.schema.openAPIV3Schema"),
                "schemas are required",
            ));
        }
        let columns = version["additionalPrinterColumns"].as_array();
        for (column_index, column) in columns.into_iter().flatten().enumerate() {
            path_rule(
                &column["jsonPath"],
                &format!("{at}.additionalPrinterColumns[{column_index}].jsonPath"),
                false,
                causes,
            );
        }
        let fields = version["selectableFields"].as_array();
        for (field_index, field) in fields.into_iter().flatten().enumerate() {
            path_rule(
                &field["jsonPath"],
                &format!("{at}.selectableFields[{field_index}].jsonPath"),
                true,
                causes,
            );
        }
        let scale = &version["subresources"]["scale"];
        if !scale.is_null() {
            for field in ["specReplicasPath", "statusReplicasPath"] {
                path_rule(
                    &scale[field],
                    &format!("{at}.subresources.scale.{field}"),
                    true,
                    causes,
                );
            }
        }
    }
}

fn path_rule(path: &Value, field: &str, plain: bool, causes: &mut Vec<Cause>) {
    let Some(text) = path.as_str().filter(|text| !text.is_empty()) else {
        causes.push(Cause::required(field, ""));
        return;
    };
    match JsonPath::parse(text) {
        Err(why) => causes.push(Cause::invalid(field, path, &why)),
        Ok(parsed) if plain && !parsed.is_plain() => {
            causes.push(Cause::invalid(
                field,
                path,
                "must be a simple path of field names",
            ));
        }
        Ok(_) => {}
    }
}

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

fn condition<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
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

/// The resources a stored CRD serves: one per served version, once it is Established.
pub fn resources(crd: &Value) -> Vec<Resource> {
    let established =
        condition(&crd["status"], "Established").is_some_and(|c| c["status"] == "True");
    if !established {
        return Vec::new();
    }
    let spec = &crd["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| -> Vec<String> {
        value
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    let group = text(&spec["group"]);
    let names = &crd["status"]["acceptedNames"];
    let plural = text(&names["plural"]);
    let versions = spec["versions"].as_array().map_or(&[][..], Vec::as_slice);
    let storage = versions.iter().find(|version| version["storage"] == true);
    let storage = storage
        .map(|version| text(&version["name"]))
        .unwrap_or_default();
    let since = text(&crd["metadata"]["resourceVersion"])
        .parse()
        .unwrap_or_default();
    let mut served: Vec<&Value> = versions
        .iter()
        .filter(|version| version["served"] == true)
        .collect();
    served.sort_by(|a, b| version_order(&text(&b["name"]), &text(&a["name"])));
    served
        .into_iter()
        .map(|version| Resource {
            group: group.clone(),
            version: text(&version["name"]),
            plural: plural.clone(),
            singular: text(&names["singular"]),
            kind: text(&names["kind"]),
            list_kind: text(&names["listKind"]),
            namespaced: spec["scope"] == "Namespaced",
            short_names: list(&names["shortNames"]),
            categories: list(&names["categories"]),
            bucket: Bucket::new(&group, &plural),
            storage_api_version: group_version(&group, &storage),
            status: version["subresources"]["status"].is_object(),
            scale: scale_paths(&version["subresources"]["scale"]),
            generation: true,
            deletecollection: true,
            unconditional_update: false,
            name_rule: NameRule::Subdomain,
            columns: columns(version),
            selectable: version["selectableFields"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|field| text(&field["jsonPath"]).trim_start_matches('.').to_owned())
                .collect(),
            model: Model::Custom,
            defaults: None,
            rules: None,
            terminating: !crd["metadata"]["deletionTimestamp"].is_null(),
            since,
            definition: None,
            openapi: Some(version["schema"]["openAPIV3Schema"].clone()),
        })
        .collect()
}

fn scale_paths(scale: &Value) -> Option<ScalePaths> {
    Some(ScalePaths {
        spec_replicas: scale["specReplicasPath"].as_str()?.to_owned(),
        status_replicas: scale["statusReplicasPath"].as_str()?.to_owned(),
        selector: scale["labelSelectorPath"].as_str().map(str::to_owned),
    })
}

fn columns(version: &Value) -> Columns {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let Some(columns) = version["additionalPrinterColumns"]
        .as_array()
        .filter(|list| !list.is_empty())
    else {
        return Columns::Custom(
            JsonPath::parse(".metadata.creationTimestamp")
                .into_iter()
                .map(age)
                .collect(),
        );
    };
    let column = |column: &Value| {
        Some(CustomColumn {
            name: text(&column["name"]),
            kind: text(&column["type"]),
            format: text(&column["format"]),
            description: text(&column["description"]),
            priority: column["priority"].as_i64().unwrap_or_default(),
            path: JsonPath::parse(column["jsonPath"].as_str()?).ok()?,
        })
    };
    Columns::Custom(columns.iter().filter_map(column).collect())
}

fn age(path: JsonPath) -> CustomColumn {
    CustomColumn {
        name: "Age".into(),
        kind: "date".into(),
        format: String::new(),
        description: String::new(),
        priority: 0,
        path,
    }
}

/// Kubernetes' order of version names: GA above beta above alpha, then by number; others last.
pub fn version_order(a: &str, b: &str) -> Ordering {
    fn rank(version: &str) -> Option<(u8, u64, u64)> {
        let rest = version.strip_prefix('v')?;
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let major: u64 = rest[..digits].parse().ok()?;
        let tail = &rest[digits..];
        if tail.is_empty() {
            return Some((2, major, 0));
        }
        let (stage, number) = match (tail.strip_prefix("beta"), tail.strip_prefix("alpha")) {
            (Some(number), _) => (1, number),
            (None, Some(number)) => (0, number),
            (None, None) => return None,
        };
        Some((stage, major, number.parse().ok()?))
    }
    match (rank(a), rank(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(_), None) => Ordering::Greater,
        (None, Some(_)) => Ordering::Less,
        (None, None) => b.cmp(a),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_kubernetes_orders_them() {
        let mut versions = vec!["v1alpha1", "foo", "v2beta1", "v1", "v10", "v2", "v1beta2"];
        versions.sort_by(|a, b| version_order(b, a));
        assert_eq!(
            versions,
            ["v10", "v2", "v1", "v2beta1", "v1beta2", "v1alpha1", "foo"]
        );
    }

    #[test]
    fn a_crd_is_refused_for_what_would_not_be_served() {
        let mut crd = json!({
            "metadata": {"name": "things.example"},
            "spec": {
                "group": "x.example", "scope": "Wrong", "names": {"plural": "things", "kind": "Thing"},
                "conversion": {"strategy": "Webhook"},
                "versions": [{"name": "v1", "served": true, "additionalPrinterColumns": [{"jsonPath": ".a["}]}],
            },
        });
        default(&mut crd);
        let mut causes = Vec::new();
        rules(&crd, None, &mut causes);
        let fields: Vec<_> = causes.iter().map(|cause| cause.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "metadata.name",
                "spec.scope",
                "spec.conversion.strategy",
                "spec.versions",
                "spec.versions[0].schema.openAPIV3Schema",
                "spec.versions[0].additionalPrinterColumns[0].jsonPath",
            ]
        );
        assert_eq!(crd["spec"]["names"]["listKind"], "ThingList");
    }
}
