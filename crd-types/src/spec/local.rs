//! What one component or service may use: mounts, environment, configuration, outgoing connections.

use super::is_false;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a component or service may use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalResources {
    /// Directories of the workload's volumes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-validations" = [{
        "rule": "self.all(a, self.exists_one(b, a.mountPath == b.mountPath))",
        "message": "each mountPath can be used once"
    }]))]
    pub volume_mounts: Vec<VolumeMount>,
    /// Environment variables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// Values for `wasi:config` and for the interfaces that read them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::config")]
    pub config: BTreeMap<String, String>,
    /// Hosts that outgoing HTTP may reach, and addresses that sockets may. Empty: none. `*`: all that the host allows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 512), regex(pattern = ALLOWED_HOST)))]
    pub allowed_hosts: Vec<String>,
    /// Names that sockets may look up. Empty: none. `*`: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 512), regex(pattern = ALLOWED_NAME)))]
    pub allowed_ip_name_lookups: Vec<String>,
    /// Ports of the machine's loopback that the workload asks for: `5432`, `5432/tcp`. Checked by the host and without
    /// effect yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 16), regex(pattern = LOOPBACK_PORT)))]
    pub allowed_host_loopback_ports: Vec<String>,
}

const ALLOWED_HOST: &str = r"^\*$|^([A-Za-z][A-Za-z0-9+.-]*://)(\*\.)?[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*(:[0-9]{1,5})?/?$|^(\*\.)?[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*(:[0-9]{1,5})?$";
const ALLOWED_NAME: &str = r"^\*$|^(\*\.)?[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$|^[0-9A-Fa-f:.]+$";
const LOOPBACK_PORT: &str = r"^(0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))(/(tcp|udp|TCP|UDP))?$";

/// A volume's place in a guest's file system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VolumeMount {
    /// Name of an entry of the workload's volumes.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Absolute path in the guest.
    #[schemars(length(min = 1, max = 512), regex(pattern = "^/"))]
    pub mount_path: String,
    /// Refuse writes.
    #[serde(default, skip_serializing_if = "is_false")]
    pub read_only: bool,
}

/// Configuration in layers. A later layer wins: `config`, then ConfigMaps in order, then Secrets in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Environment {
    /// ConfigMaps of the same namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub config_from: Vec<ConfigRef>,
    /// Secrets of the same namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub secret_from: Vec<ConfigRef>,
    /// Values written here. Not for secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "crate::schema::config")]
    pub config: BTreeMap<String, String>,
}

/// A ConfigMap or Secret of the same namespace, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic", "x-kubernetes-validations" = [{
    "rule": "has(self.name) && self.name != ''",
    "message": "name must not be empty"
}]))]
pub struct ConfigRef {
    /// Name of the object.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 253), extend("default" = ""))]
    pub name: String,
    /// Start without it when it does not exist.
    #[serde(default, skip_serializing_if = "is_false")]
    pub optional: bool,
}
