//! Accounts, roles and bindings for one installation.

use super::rules;
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use kube::Resource;
use kube::api::ObjectMeta;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Account that the operator runs under.
pub const OPERATOR: &str = "runtime-operator";
/// Account that installs the CRDs.
pub const INSTALLER: &str = "runtime-operator-install-crds";

const GROUP: &str = "rbac.authorization.k8s.io";

/// Where an operator runs and what it serves.
#[derive(Clone, Debug, Default)]
pub struct Install {
    /// Its own namespace.
    pub namespace: String,
    /// Namespaces it serves. Empty: all, which takes a ClusterRole.
    pub watch_namespaces: Vec<String>,
    /// Further namespaces in which hosts run as Pods.
    pub host_namespaces: Vec<String>,
    /// Whether it watches ConfigMaps and Secrets, which takes the right to list them.
    pub watch_config: bool,
    /// Whether its metrics ask for a token, which takes a ClusterRole.
    pub signed_in_metrics: bool,
    /// Whether to add the account of `install-crds`. CRDs are in no namespace, so it takes a ClusterRole.
    pub installer: bool,
}

impl Install {
    /// Everything to apply, in order. The namespaces must exist.
    pub fn manifests(&self) -> Result<Vec<Value>, serde_json::Error> {
        let mut all = Manifests(Vec::new());
        all.account(&self.namespace, OPERATOR)?;
        all.role(&self.namespace, OPERATOR, rules::own(), self)?;
        let pods: BTreeSet<&String> = std::iter::once(&self.namespace)
            .chain(&self.host_namespaces)
            .collect();
        for namespace in pods {
            all.role(
                namespace,
                "runtime-operator-host-pods",
                rules::host_pods(),
                self,
            )?;
        }
        let workloads = "runtime-operator-workloads";
        let mut served = rules::served();
        if self.watch_config {
            served.extend(rules::watch_config());
        }
        if self.watch_namespaces.is_empty() {
            all.cluster_role(workloads, served.clone(), OPERATOR, self)?;
        }
        for namespace in self.watch_namespaces.iter().collect::<BTreeSet<_>>() {
            all.role(namespace, workloads, served.clone(), self)?;
        }
        if self.signed_in_metrics {
            all.cluster_role("runtime-operator-metrics", rules::metrics(), OPERATOR, self)?;
            all.add(&ClusterRole {
                metadata: meta(
                    None,
                    &format!("runtime-operator-metrics-reader-{}", self.namespace),
                ),
                rules: Some(rules::metrics_reader()),
                ..ClusterRole::default()
            })?;
        }
        if self.installer {
            all.account(&self.namespace, INSTALLER)?;
            all.cluster_role(INSTALLER, rules::install_crds(), INSTALLER, self)?;
        }
        Ok(all.0)
    }

    fn subject(&self, account: &str) -> Subject {
        Subject {
            kind: "ServiceAccount".into(),
            name: account.into(),
            namespace: Some(self.namespace.clone()),
            ..Subject::default()
        }
    }
}

struct Manifests(Vec<Value>);

impl Manifests {
    fn add<K: Resource<DynamicType = ()> + Serialize>(
        &mut self,
        object: &K,
    ) -> Result<(), serde_json::Error> {
        self.0.push(serde_json::to_value(object)?);
        Ok(())
    }

    fn account(&mut self, namespace: &str, name: &str) -> Result<(), serde_json::Error> {
        self.add(&ServiceAccount {
            metadata: meta(Some(namespace), name),
            ..ServiceAccount::default()
        })
    }

    fn role(
        &mut self,
        namespace: &str,
        name: &str,
        rules: Vec<PolicyRule>,
        install: &Install,
    ) -> Result<(), serde_json::Error> {
        self.add(&Role {
            metadata: meta(Some(namespace), name),
            rules: Some(rules),
        })?;
        self.add(&RoleBinding {
            metadata: meta(Some(namespace), name),
            role_ref: reference("Role", name),
            subjects: Some(vec![install.subject(OPERATOR)]),
        })
    }

    fn cluster_role(
        &mut self,
        name: &str,
        rules: Vec<PolicyRule>,
        account: &str,
        install: &Install,
    ) -> Result<(), serde_json::Error> {
        // The namespace is in the name, so that a second installation takes nothing from the first.
        let name = format!("{name}-{}", install.namespace);
        self.add(&ClusterRole {
            metadata: meta(None, &name),
            rules: Some(rules),
            ..ClusterRole::default()
        })?;
        self.add(&ClusterRoleBinding {
            metadata: meta(None, &name),
            role_ref: reference("ClusterRole", &name),
            subjects: Some(vec![install.subject(account)]),
        })
    }
}

fn reference(kind: &str, name: &str) -> RoleRef {
    RoleRef {
        api_group: Some(GROUP.into()),
        kind: kind.into(),
        name: name.into(),
    }
}

fn meta(namespace: Option<&str>, name: &str) -> ObjectMeta {
    let labels =
        json!({"app.kubernetes.io/name": OPERATOR, "app.kubernetes.io/part-of": "wasmcloud"});
    ObjectMeta {
        name: Some(name.into()),
        namespace: namespace.map(Into::into),
        labels: serde_json::from_value(labels).ok(),
        ..ObjectMeta::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(install: &Install) -> Vec<String> {
        let manifests = install.manifests().unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        manifests
            .iter()
            .map(|m| {
                let (meta, kind) = (&m["metadata"], text(&m["kind"]));
                format!(
                    "{kind} {}/{}",
                    text(&meta["namespace"]),
                    text(&meta["name"])
                )
            })
            .filter(|name| !name.contains("Binding"))
            .collect()
    }

    #[test]
    fn all_namespaces_take_one_cluster_role() {
        let install = Install {
            namespace: "system".into(),
            ..Install::default()
        };
        assert_eq!(
            kinds(&install),
            [
                "ServiceAccount system/runtime-operator",
                "Role system/runtime-operator",
                "Role system/runtime-operator-host-pods",
                "ClusterRole /runtime-operator-workloads-system",
            ]
        );
    }

    #[test]
    fn named_namespaces_take_none() {
        let install = Install {
            namespace: "system".into(),
            watch_namespaces: vec!["b".into(), "a".into(), "a".into()],
            host_namespaces: vec!["edge".into(), "system".into()],
            ..Install::default()
        };
        assert_eq!(
            kinds(&install),
            [
                "ServiceAccount system/runtime-operator",
                "Role system/runtime-operator",
                "Role edge/runtime-operator-host-pods",
                "Role system/runtime-operator-host-pods",
                "Role a/runtime-operator-workloads",
                "Role b/runtime-operator-workloads",
            ]
        );
    }

    #[test]
    fn a_binding_names_its_role_and_its_account() {
        let install = Install {
            namespace: "system".into(),
            signed_in_metrics: true,
            installer: true,
            ..Install::default()
        };
        for binding in install.manifests().unwrap() {
            let Some(subject) = binding["subjects"].get(0) else {
                continue;
            };
            let installs = binding["metadata"]["name"]
                .as_str()
                .unwrap()
                .starts_with(INSTALLER);
            let account = if installs { INSTALLER } else { OPERATOR };
            assert_eq!(subject["name"], account, "{binding}");
            assert_eq!(subject["namespace"], "system", "{binding}");
            assert_eq!(binding["roleRef"]["name"], binding["metadata"]["name"]);
        }
    }
}
