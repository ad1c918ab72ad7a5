//! Discovery: which groups, versions and resources there are, one by one or all at once.

use http::StatusCode;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use serde_json::{Value, json};

use super::Call;
use super::answer::{self, Response};
use super::media::{self, accepted};
use crate::registry::{Model, REVIEWS, Resource, group_version as gv};
use crate::status::ApiError;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// `/`: the paths there are.
pub fn root(call: &Call) -> Response {
    let mut paths: Vec<String> = vec!["/api".into(), "/api/v1".into(), "/apis".into()];
    for (group, versions) in call
        .served
        .groups()
        .into_iter()
        .filter(|(group, _)| !group.is_empty())
    {
        paths.push(format!("/apis/{group}"));
        paths.extend(
            versions
                .iter()
                .map(|version| format!("/apis/{group}/{version}")),
        );
    }
    let fixed = [
        "/healthz",
        "/livez",
        "/openapi/v2",
        "/openapi/v3",
        "/readyz",
        "/version",
    ];
    paths.extend(fixed.map(str::to_owned));
    answer::json(StatusCode::OK, &json!({"paths": paths}))
}

pub fn api(call: &Call) -> Result<Response, ApiError> {
    if wants_aggregated(call)? {
        return Ok(aggregated(call, str::is_empty));
    }
    Ok(answer::json(
        StatusCode::OK,
        &json!({
            "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [],
        }),
    ))
}

pub fn apis(call: &Call) -> Result<Response, ApiError> {
    if wants_aggregated(call)? {
        return Ok(aggregated(call, |group| !group.is_empty()));
    }
    let groups: Vec<Value> = call
        .served
        .groups()
        .into_iter()
        .filter(|(group, _)| !group.is_empty())
        .map(|(group, versions)| group_object(group, &versions))
        .collect();
    Ok(answer::json(
        StatusCode::OK,
        &json!({
            "kind": "APIGroupList", "apiVersion": "v1", "groups": groups,
        }),
    ))
}

pub fn group(call: &Call, name: &str) -> Result<Response, ApiError> {
    media::require_json(call)?;
    let groups = call.served.groups();
    let Some((group, versions)) = groups
        .iter()
        .find(|(group, _)| *group == name && !name.is_empty())
    else {
        return Err(ApiError::unknown_page());
    };
    let mut object = group_object(group, versions);
    object["kind"] = "APIGroup".into();
    object["apiVersion"] = "v1".into();
    Ok(answer::json(StatusCode::OK, &object))
}

fn group_object(group: &str, versions: &[&str]) -> Value {
    let version = |version: &&str| json!({"groupVersion": gv(group, version), "version": version});
    let versions: Vec<Value> = versions.iter().map(version).collect();
    json!({"name": group, "versions": versions, "preferredVersion": versions.first()})
}

/// A resource or subresource as discovery lists it.
struct Entry {
    name: String,
    singular: String,
    namespaced: bool,
    /// Empty: the group and version it is listed in.
    group: &'static str,
    version: &'static str,
    kind: String,
    verbs: Vec<&'static str>,
    short_names: Vec<String>,
    categories: Vec<String>,
}

fn entries(call: &Call, group: &str, version: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let stored = call
        .served
        .all()
        .iter()
        .filter(|r| r.group == group && r.version == version);
    for resource in stored {
        entries.push(Entry {
            name: resource.plural.clone(),
            singular: resource.singular.clone(),
            namespaced: resource.namespaced,
            group: "",
            version: "",
            kind: resource.kind.clone(),
            verbs: resource.verbs(),
            short_names: resource.short_names.clone(),
            categories: resource.categories.clone(),
        });
        entries.extend(subresources(resource));
    }
    for review in REVIEWS
        .iter()
        .filter(|r| r.group == group && r.version == version)
    {
        entries.push(Entry {
            name: review.plural.into(),
            singular: review.singular.into(),
            namespaced: review.namespaced,
            group: "",
            version: "",
            kind: review.kind.into(),
            verbs: vec!["create"],
            short_names: Vec::new(),
            categories: Vec::new(),
        });
    }
    entries
}

fn subresources(resource: &Resource) -> Vec<Entry> {
    let entry = |name: &str, group, version, kind: &str, verbs: &[&'static str]| Entry {
        name: format!("{}/{name}", resource.plural),
        singular: String::new(),
        namespaced: resource.namespaced,
        group,
        version,
        kind: kind.to_owned(),
        verbs: verbs.to_vec(),
        short_names: Vec::new(),
        categories: Vec::new(),
    };
    let mut entries = Vec::new();
    if resource.model == Model::Namespace {
        entries.push(entry("finalize", "", "", &resource.kind, &["update"]));
    }
    if resource.scale.is_some() {
        entries.push(entry(
            "scale",
            "autoscaling",
            "v1",
            "Scale",
            &["get", "patch", "update"],
        ));
    }
    if resource.status {
        entries.push(entry(
            "status",
            "",
            "",
            &resource.kind,
            &["get", "patch", "update"],
        ));
    }
    if resource.group.is_empty() && resource.plural == "serviceaccounts" {
        entries.push(entry(
            "token",
            "authentication.k8s.io",
            "v1",
            "TokenRequest",
            &["create"],
        ));
    }
    entries
}

pub fn group_version(call: &Call, group: &str, version: &str) -> Result<Response, ApiError> {
    media::require_json(call)?;
    let entries = entries(call, group, version);
    if entries.is_empty() {
        return Err(ApiError::unknown_page());
    }
    let resources: Vec<Value> = entries
        .into_iter()
        .map(|entry| {
            let mut object = json!({
                "name": entry.name, "singularName": entry.singular, "namespaced": entry.namespaced,
                "kind": entry.kind, "verbs": entry.verbs,
            });
            if !entry.group.is_empty() {
                object["group"] = entry.group.into();
                object["version"] = entry.version.into();
            }
            if !entry.short_names.is_empty() {
                object["shortNames"] = entry.short_names.into();
            }
            if !entry.categories.is_empty() {
                object["categories"] = entry.categories.into();
            }
            object
        })
        .collect();
    Ok(answer::json(
        StatusCode::OK,
        &json!({
            "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": gv(group, version), "resources": resources,
        }),
    ))
}

/// Whether the client takes the aggregated form; the newer clients ask for it first.
fn wants_aggregated(call: &Call) -> Result<bool, ApiError> {
    for accepted in accepted(call.header(ACCEPT))
        .iter()
        .filter(|accepted| accepted.is_json())
    {
        match (accepted.param("as"), accepted.param("v")) {
            (Some("APIGroupDiscoveryList"), Some("v2")) => return Ok(true),
            (None, _) => return Ok(false),
            _ => {}
        }
    }
    Err(ApiError::not_acceptable(&["application/json", AGGREGATED]))
}

fn aggregated(call: &Call, wanted: impl Fn(&str) -> bool) -> Response {
    let items: Vec<Value> = call
        .served
        .groups()
        .into_iter()
        .filter(|(group, _)| wanted(group))
        .map(|(group, versions)| {
            let versions: Vec<Value> = versions
                .iter()
                .map(|version| {
                    let custom = !call.served.is_builtin(group, version);
                    let own = if custom { (group, *version) } else { ("", "") };
                    let resources = aggregated_resources(entries(call, group, version), own);
                    json!({"version": version, "resources": resources, "freshness": "Current"})
                })
                .collect();
            let metadata = if group.is_empty() {
                json!({})
            } else {
                json!({"name": group})
            };
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    let list = json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items,
    });
    let mut response = answer::json(StatusCode::OK, &list);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(AGGREGATED));
    response
}

/// `own`: the group and version of kinds that name none; built-in kinds leave them empty.
fn aggregated_resources(entries: Vec<Entry>, own: (&str, &str)) -> Vec<Value> {
    let mut resources: Vec<Value> = Vec::new();
    for entry in entries {
        let (group, version) = if entry.group.is_empty() {
            own
        } else {
            (entry.group, entry.version)
        };
        let kind = json!({"group": group, "version": version, "kind": entry.kind});
        if let Some((_, subresource)) = entry.name.split_once('/') {
            let object =
                json!({"subresource": subresource, "responseKind": kind, "verbs": entry.verbs});
            if let Some(parent) = resources.last_mut().and_then(Value::as_object_mut) {
                let list = parent.entry("subresources").or_insert_with(|| json!([]));
                if let Some(list) = list.as_array_mut() {
                    list.push(object);
                }
            }
            continue;
        }
        let mut object = json!({
            "resource": entry.name, "responseKind": kind,
            "scope": if entry.namespaced { "Namespaced" } else { "Cluster" },
            "singularResource": entry.singular, "verbs": entry.verbs,
        });
        if !entry.short_names.is_empty() {
            object["shortNames"] = entry.short_names.into();
        }
        if !entry.categories.is_empty() {
            object["categories"] = entry.categories.into();
        }
        resources.push(object);
    }
    resources
}
