//! Nobody grants what he does not have: a role, or a binding to one, is written only by who holds all its rules, or has
//! the verb `escalate` on the role, `bind` on the role that is bound.

use serde_json::Value;

use super::Identity;
use super::identity::MASTERS;
use super::rbac::{Access, GROUP, allows, grants, list};
use crate::status::{About, ApiError};
use crate::store::{Bucket, Key, Store};

/// What is to be written, and where.
#[derive(Debug, Clone, Copy)]
pub struct Granting<'a> {
    pub group: &'a str,
    pub resource: &'a str,
    pub namespace: &'a str,
    pub name: &'a str,
    pub old: Option<&'a Value>,
    pub new: &'a Value,
}

/// Refuses to grant what the caller does not hold.
pub fn may_grant(
    store: &Store,
    identity: &Identity,
    granting: &Granting<'_>,
) -> Result<(), ApiError> {
    if granting.group != GROUP || identity.is_in(MASTERS) {
        return Ok(());
    }
    // What the garbage collector does grants nothing; every other change is judged as if the object were new.
    let new = without_links(granting.new);
    if granting.old.is_some_and(|old| without_links(old) == new) {
        return Ok(());
    }
    let may = |verb, resource, name| {
        let access = Access::Resource {
            verb,
            group: GROUP,
            resource,
            subresource: "",
            namespace: granting.namespace,
            name,
        };
        allows(store, identity, &access).is_some()
    };
    let rules = match granting.resource {
        "roles" | "clusterroles" => {
            if may("escalate", granting.resource, granting.name) {
                return Ok(());
            }
            granting.new["rules"].clone()
        }
        "rolebindings" | "clusterrolebindings" => {
            let role = &granting.new["roleRef"];
            let name = role["name"].as_str().unwrap_or_default();
            let (resource, namespace) = match role["kind"].as_str() {
                Some("Role") => ("roles", granting.namespace),
                _ => ("clusterroles", ""),
            };
            if may("bind", resource, name) {
                return Ok(());
            }
            let key = Key::new(&Bucket::new(GROUP, resource), namespace, name);
            let about = About::new(GROUP, resource, name);
            let found = store.get(&key).ok_or_else(|| ApiError::not_found(about))?;
            found.value()["rules"].clone()
        }
        _ => return Ok(()),
    };
    let held = grants(store, identity, granting.namespace);
    let held: Vec<&Value> = held
        .iter()
        .flat_map(|grant| list(&grant.role["rules"]))
        .collect();
    let lacking: Vec<String> = list(&rules)
        .filter(|rule| !is_held(rule, &held))
        .map(shown)
        .collect();
    if lacking.is_empty() {
        return Ok(());
    }
    let why = format!(
        "user \"{}\" (groups=[{}]) is attempting to grant RBAC permissions not currently held:\n{}",
        identity.user,
        quoted(identity.groups.iter().map(String::as_str), " "),
        lacking.join("\n")
    );
    let about = About::new(GROUP, granting.resource, granting.name);
    Err(ApiError::forbidden(about, &why))
}

/// The object without what ties it to others and what every write changes.
fn without_links(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for field in [
            "ownerReferences",
            "finalizers",
            "managedFields",
            "resourceVersion",
        ] {
            metadata.remove(field);
        }
    }
    object
}

fn quoted<'t>(texts: impl Iterator<Item = &'t str>, between: &str) -> String {
    let texts: Vec<String> = texts.map(|text| format!("{text:?}")).collect();
    texts.join(between)
}

/// A rule as Kubernetes prints it.
fn shown(rule: &Value) -> String {
    let fields = [
        ("APIGroups", "apiGroups"),
        ("Resources", "resources"),
        ("ResourceNames", "resourceNames"),
        ("NonResourceURLs", "nonResourceURLs"),
        ("Verbs", "verbs"),
    ];
    let said = fields.iter().filter_map(|(name, field)| {
        let texts: Vec<&str> = list(&rule[*field]).filter_map(Value::as_str).collect();
        let texts = (!texts.is_empty()).then(|| quoted(texts.into_iter(), ", "))?;
        Some(format!("{name}:[{texts}]"))
    });
    format!("{{{}}}", said.collect::<Vec<_>>().join(", "))
}

/// Whether each single thing that a rule allows is allowed by one of the rules that are held.
fn is_held(rule: &Value, held: &[&Value]) -> bool {
    let texts =
        |field: &str| -> Vec<&str> { list(&rule[field]).filter_map(Value::as_str).collect() };
    let named = texts("resourceNames");
    // Without names: every name.
    let names: Vec<Option<&str>> = if named.is_empty() {
        vec![None]
    } else {
        named.into_iter().map(Some).collect()
    };
    texts("verbs").iter().all(|verb| {
        let paths = texts("nonResourceURLs").iter().all(|path| {
            held.iter().any(|own| {
                includes(&own["verbs"], verb)
                    && list(&own["nonResourceURLs"]).any(|p| leads_to(p, path))
            })
        });
        let resources = texts("apiGroups").iter().all(|group| {
            texts("resources").iter().all(|resource| {
                names.iter().all(|name| {
                    held.iter().any(|own| {
                        includes(&own["verbs"], verb)
                            && includes(&own["apiGroups"], group)
                            && has_resource(&own["resources"], resource)
                            && has_name(&own["resourceNames"], *name)
                    })
                })
            })
        });
        paths && resources
    })
}

fn includes(held: &Value, wanted: &str) -> bool {
    list(held).any(|item| item == "*" || item == wanted)
}

fn has_resource(held: &Value, wanted: &str) -> bool {
    let any = wanted.split_once('/').map(|(_, sub)| format!("*/{sub}"));
    list(held)
        .filter_map(Value::as_str)
        .any(|item| item == "*" || item == wanted || Some(item) == any.as_deref())
}

fn has_name(held: &Value, wanted: Option<&str>) -> bool {
    list(held).next().is_none() || wanted.is_some_and(|name| list(held).any(|item| item == name))
}

fn leads_to(held: &Value, path: &str) -> bool {
    held.as_str().is_some_and(|held| {
        held == path
            || held
                .strip_suffix('*')
                .is_some_and(|prefix| path.starts_with(prefix))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn held(rule: &Value, own: &[Value]) -> bool {
        is_held(rule, &own.iter().collect::<Vec<_>>())
    }

    #[test]
    fn each_single_thing_has_to_be_held_by_one_rule() {
        let own = [
            json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}),
            json!({"apiGroups": ["apps"], "resources": ["*"], "verbs": ["*"]}),
        ];
        let rule = |groups: &[&str], resources: &[&str], verbs: &[&str]| json!({"apiGroups": groups, "resources": resources, "verbs": verbs});
        assert!(held(&rule(&[""], &["pods"], &["get"]), &own));
        assert!(held(
            &rule(&["apps"], &["deployments", "x/y"], &["watch", "*"]),
            &own
        ));
        assert!(!held(&rule(&[""], &["pods", "secrets"], &["get"]), &own));
        assert!(!held(&rule(&["", "apps"], &["pods"], &["delete"]), &own));
        assert!(!held(&rule(&["*"], &["pods"], &["get"]), &own));
    }

    #[test]
    fn all_names_are_more_than_some() {
        let some = json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"], "resourceNames": ["a", "b"]});
        let one = json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"], "resourceNames": ["a"]});
        let all = json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]});
        let by = |rule: &Value, own: &Value| is_held(rule, &[own]);
        assert!(by(&one, &some) && by(&some, &all));
        assert!(!by(&some, &one) && !by(&all, &some));
    }

    #[test]
    fn subresources_and_paths_have_their_own_wildcards() {
        let own = [
            json!({"apiGroups": [""], "resources": ["*/status"], "verbs": ["update"]}),
            json!({"nonResourceURLs": ["/metrics/*"], "verbs": ["get"]}),
        ];
        let status = json!({"apiGroups": [""], "resources": ["pods/status"], "verbs": ["update"]});
        assert!(held(&status, &own));
        let scale = json!({"apiGroups": [""], "resources": ["pods/scale"], "verbs": ["update"]});
        assert!(!held(&scale, &own));
        let path = |path: &str| json!({"nonResourceURLs": [path], "verbs": ["get"]});
        assert!(held(&path("/metrics/a"), &own) && held(&path("/metrics/*"), &own));
        assert!(!held(&path("/*"), &own));
    }
}
