//! CustomResourceDefinitions: their own rules and status, and the resources they define.

use std::cmp::Ordering;

mod rules;
mod status;

pub use rules::rules;
pub use status::set_status;

use serde_json::{Value, json};

use super::JsonPath;
use super::columns::{Columns, CustomColumn};
use super::resource::{Model, NameRule, Resource, ScalePaths, group_version};
use crate::schema::StructuralSchema;
use crate::store::Bucket;
use status::condition;

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
            additions: None,
            rules: None,
            terminating: !crd["metadata"]["deletionTimestamp"].is_null(),
            since,
            definition: None,
            schema: compiled(version),
            openapi: Some(version["schema"]["openAPIV3Schema"].clone()),
        })
        .collect()
}

/// The version's schema; what was stored has been compiled before, so that an error here means a
/// schema of an earlier version of this server.
fn compiled(version: &Value) -> Option<StructuralSchema> {
    match StructuralSchema::compile(&version["schema"]["openAPIV3Schema"]) {
        Ok(schema) => Some(schema),
        Err(errors) => {
            for error in errors {
                tracing::error!(%error, "a stored CRD's schema cannot be used; its objects are not validated");
            }
            None
        }
    }
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
            description: match text(&column["description"]) {
                text if text.is_empty() => format!(
                    "Custom resource definition column (in JSONPath format): {}",
                    column["jsonPath"].as_str().unwrap_or_default()
                ),
                text => text,
            },
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
}
