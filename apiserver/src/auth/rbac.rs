//! Authorization by stored RBAC roles and bindings.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Identity;
use super::identity::{AUTHENTICATED, MASTERS};
use crate::status::{About, ApiError};
use crate::store::{Bucket, Key, Object, Store};

pub(super) const GROUP: &str = "rbac.authorization.k8s.io";

/// What a request wants to do.
#[derive(Debug, Clone, Copy)]
pub enum Access<'a> {
    Resource {
        verb: &'a str,
        group: &'a str,
        resource: &'a str,
        subresource: &'a str,
        namespace: &'a str,
        name: &'a str,
    },
    Path {
        verb: &'a str,
        path: &'a str,
    },
}

impl Access<'_> {
    /// What even the unknown may see.
    pub fn is_public(&self) -> bool {
        match self {
            Self::Path { verb: "get", path } => {
                let first = path.trim_matches('/').split('/').next().unwrap_or_default();
                matches!(first, "healthz" | "livez" | "readyz" | "version")
            }
            _ => false,
        }
    }

    /// What every known caller may do: discover the API, and ask about themselves.
    fn is_basic(&self) -> bool {
        match self {
            Self::Path { verb: "get", path } => {
                let first = path.trim_matches('/').split('/').next().unwrap_or_default();
                matches!(first, "" | "api" | "apis" | "openapi")
            }
            Self::Resource {
                verb: "create",
                group,
                resource,
                subresource: "",
                ..
            } => matches!(
                (*group, *resource),
                ("authentication.k8s.io", "selfsubjectreviews")
                    | (
                        "authorization.k8s.io",
                        "selfsubjectaccessreviews" | "selfsubjectrulesreviews"
                    )
            ),
            _ => false,
        }
    }

    pub fn refuse(&self, identity: &Identity) -> ApiError {
        let user = &identity.user;
        match *self {
            Self::Path { verb, path } => {
                let why = format!("User \"{user}\" cannot {verb} path \"{path}\"");
                let mut error = ApiError::forbidden(About::default(), &why);
                error.message = format!("forbidden: {why}");
                error
            }
            Self::Resource {
                verb,
                group,
                resource,
                subresource,
                namespace,
                name,
            } => {
                let slash = if subresource.is_empty() { "" } else { "/" };
                let place = match namespace {
                    "" => "at the cluster scope".to_owned(),
                    namespace => format!("in the namespace \"{namespace}\""),
                };
                let why = format!(
                    "User \"{user}\" cannot {verb} resource \"{resource}{slash}{subresource}\" \
                     in API group \"{group}\" {place}"
                );
                ApiError::forbidden(About::new(group, resource, name), &why)
            }
        }
    }

    fn namespace(&self) -> &str {
        match self {
            Self::Resource { namespace, .. } => namespace,
            Self::Path { .. } => "",
        }
    }
}

/// Why the caller may do this; `None`: they may not.
pub fn allows(store: &Store, identity: &Identity, access: &Access<'_>) -> Option<String> {
    if identity.is_in(MASTERS) {
        return Some(String::new());
    }
    if identity.is_in(AUTHENTICATED) && access.is_basic() {
        return Some(String::new());
    }
    grants(store, identity, access.namespace())
        .into_iter()
        .find(|grant| list(&grant.role["rules"]).any(|rule| covers(rule, access)))
        .map(|grant| grant.reason)
}

/// One role bound to the caller.
pub(super) struct Grant {
    pub role: Value,
    reason: String,
}

/// The roles bound to the caller: cluster-wide, and in the namespace when there is one.
pub(super) fn grants(store: &Store, identity: &Identity, namespace: &str) -> Vec<Grant> {
    let bindings = |resource: &str, namespace: Option<&str>| -> Vec<Arc<Object>> {
        store
            .list(&Bucket::new(GROUP, resource), namespace, None)
            .objects
    };
    let mut all = bindings("clusterrolebindings", None);
    if !namespace.is_empty() {
        all.extend(bindings("rolebindings", Some(namespace)));
    }
    let mut grants = Vec::new();
    for binding in all {
        let value = binding.value();
        let bound = list(&value["subjects"])
            .any(|subject| names(subject, identity, &binding.key.name.namespace));
        if !bound {
            continue;
        }
        let role = &value["roleRef"];
        let name = role["name"].as_str().unwrap_or_default();
        let key = match role["kind"].as_str() {
            Some("ClusterRole") => Key::new(&Bucket::new(GROUP, "clusterroles"), "", name),
            _ => Key::new(
                &Bucket::new(GROUP, "roles"),
                &binding.key.name.namespace,
                name,
            ),
        };
        if let Some(found) = store.get(&key) {
            let reason = format!(
                "RBAC: allowed by {} \"{}\"",
                value["kind"].as_str().unwrap_or_default(),
                binding.key.name.name
            );
            grants.push(Grant {
                role: found.value(),
                reason,
            });
        }
    }
    grants
}

fn names(subject: &Value, identity: &Identity, namespace: &str) -> bool {
    let name = subject["name"].as_str().unwrap_or_default();
    match subject["kind"].as_str() {
        Some("User") => identity.user == name,
        Some("Group") => identity.is_in(name),
        Some("ServiceAccount") => {
            let namespace = subject["namespace"].as_str().unwrap_or(namespace);
            identity.user == format!("system:serviceaccount:{namespace}:{name}")
        }
        _ => false,
    }
}

pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn has(list_: &Value, wanted: &str) -> bool {
    list(list_).any(|item| item == "*" || item == wanted)
}

fn covers(rule: &Value, access: &Access<'_>) -> bool {
    match *access {
        Access::Path { verb, path } => {
            has(&rule["verbs"], verb)
                && list(&rule["nonResourceURLs"])
                    .filter_map(Value::as_str)
                    .any(|pattern| {
                        pattern
                            .strip_suffix('*')
                            .map_or(pattern == path, |prefix| path.starts_with(prefix))
                    })
        }
        Access::Resource {
            verb,
            group,
            resource,
            subresource,
            name,
            ..
        } => {
            let names = &rule["resourceNames"];
            let named = list(names).next().is_none() || list(names).any(|allowed| allowed == name);
            let full = format!("{resource}/{subresource}");
            let any = format!("*/{subresource}");
            let resources = list(&rule["resources"])
                .filter_map(Value::as_str)
                .any(|pattern| {
                    pattern == "*"
                        || if subresource.is_empty() {
                            pattern == resource
                        } else {
                            pattern == full || pattern == any
                        }
                });
            named && resources && has(&rule["verbs"], verb) && has(&rule["apiGroups"], group)
        }
    }
}

/// The status of a SelfSubjectRulesReview.
pub fn rules(store: &Store, identity: &Identity, namespace: &str) -> Value {
    if identity.is_in(MASTERS) {
        return json!({
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            "incomplete": false,
        });
    }
    let (mut resources, mut paths) = (Vec::new(), Vec::new());
    for grant in grants(store, identity, namespace) {
        for rule in list(&grant.role["rules"]) {
            if list(&rule["nonResourceURLs"]).next().is_some() {
                paths.push(rule.clone());
            } else {
                resources.push(rule.clone());
            }
        }
    }
    json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": false})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access<'a>(
        verb: &'a str,
        resource: &'a str,
        subresource: &'a str,
        name: &'a str,
    ) -> Access<'a> {
        Access::Resource {
            verb,
            group: "",
            resource,
            subresource,
            namespace: "a",
            name,
        }
    }

    #[test]
    fn a_rule_covers_what_it_names() {
        let rule = json!({"apiGroups": [""], "resources": ["pods", "*/status"], "verbs": ["get"]});
        assert!(covers(&rule, &access("get", "pods", "", "x")));
        assert!(covers(&rule, &access("get", "nodes", "status", "x")));
        assert!(!covers(&rule, &access("get", "nodes", "", "x")));
        assert!(!covers(&rule, &access("list", "pods", "", "")));
        assert!(!covers(&rule, &access("get", "pods", "log", "x")));
        let named =
            json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"], "resourceNames": ["x"]});
        assert!(covers(&named, &access("get", "pods", "", "x")));
        assert!(!covers(&named, &access("get", "pods", "", "y")));
        assert!(!covers(&named, &access("list", "pods", "", "")));
    }

    #[test]
    fn paths_match_by_prefix() {
        let rule = json!({"nonResourceURLs": ["/metrics", "/logs/*"], "verbs": ["get"]});
        assert!(covers(
            &rule,
            &Access::Path {
                verb: "get",
                path: "/logs/a"
            }
        ));
        assert!(!covers(
            &rule,
            &Access::Path {
                verb: "get",
                path: "/metrics/a"
            }
        ));
    }
}
