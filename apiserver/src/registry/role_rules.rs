//! Rules of Roles: each of their rules grants something.

use serde_json::Value;

use crate::status::Cause;

/// A Role or a ClusterRole.
pub fn role(new: &Value, _: Option<&Value>, causes: &mut Vec<Cause>) {
    let namespaced = new["kind"] == "Role";
    for (index, rule) in new["rules"].as_array().into_iter().flatten().enumerate() {
        let at = |field: &str| format!("rules[{index}].{field}");
        let has = |field: &str| rule[field].as_array().is_some_and(|list| !list.is_empty());
        if !has("verbs") {
            causes.push(Cause::required(
                at("verbs"),
                "verbs must contain at least one value",
            ));
        }
        if has("nonResourceURLs") {
            if namespaced {
                let why = "namespaced rules cannot apply to non-resource URLs";
                causes.push(Cause::invalid(
                    at("nonResourceURLs"),
                    &rule["nonResourceURLs"],
                    why,
                ));
            }
            if has("apiGroups") || has("resources") || has("resourceNames") {
                let why = "rules cannot apply to both regular resources and non-resource URLs";
                causes.push(Cause::invalid(
                    at("nonResourceURLs"),
                    &rule["nonResourceURLs"],
                    why,
                ));
            }
            continue;
        }
        if !has("apiGroups") {
            let why = "resource rules must supply at least one api group";
            causes.push(Cause::required(at("apiGroups"), why));
        }
        if !has("resources") {
            let why = "resource rules must supply at least one resource";
            causes.push(Cause::required(at("resources"), why));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rule_that_grants_nothing_is_refused() {
        let fields = |kind: &str, rule: Value| {
            let mut causes = Vec::new();
            role(&json!({"kind": kind, "rules": [rule]}), None, &mut causes);
            causes
                .into_iter()
                .map(|cause| cause.field)
                .collect::<Vec<_>>()
        };
        let fine = json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]});
        assert!(fields("Role", fine).is_empty());
        let path = json!({"verbs": ["get"], "nonResourceURLs": ["/metrics"]});
        assert!(fields("ClusterRole", path.clone()).is_empty());
        assert_eq!(fields("Role", path), ["rules[0].nonResourceURLs"]);
        let none = json!({"resources": ["pods"]});
        assert_eq!(
            fields("Role", none),
            ["rules[0].verbs", "rules[0].apiGroups"]
        );
    }
}
