//! A caller.

use std::collections::BTreeMap;

/// A user with groups, as Kubernetes names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub user: String,
    pub uid: String,
    pub groups: Vec<String>,
    /// What else is known, by names like `authentication.kubernetes.io/pod-name`.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// The group that may do everything.
pub const MASTERS: &str = "system:masters";
pub const AUTHENTICATED: &str = "system:authenticated";

impl Identity {
    /// The holder of the in-memory service, and of the kubeconfig this server writes.
    pub fn admin() -> Self {
        Self::known("kubernetes-admin", [MASTERS])
    }

    pub fn anonymous() -> Self {
        Self {
            user: "system:anonymous".into(),
            uid: String::new(),
            groups: vec!["system:unauthenticated".into()],
            extra: BTreeMap::new(),
        }
    }

    /// An authenticated user.
    pub fn known<'a>(user: &str, groups: impl IntoIterator<Item = &'a str>) -> Self {
        let groups = groups
            .into_iter()
            .chain([AUTHENTICATED])
            .map(str::to_owned)
            .collect();
        Self {
            user: user.into(),
            uid: String::new(),
            groups,
            extra: BTreeMap::new(),
        }
    }

    pub fn service_account(namespace: &str, name: &str, uid: &str) -> Self {
        let namespaced = format!("system:serviceaccounts:{namespace}");
        let mut identity = Self::known(
            &format!("system:serviceaccount:{namespace}:{name}"),
            ["system:serviceaccounts", namespaced.as_str()],
        );
        uid.clone_into(&mut identity.uid);
        identity
    }

    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|member| member == group)
    }
}
