//! Host interfaces: which capability a workload needs, and its configuration.

use super::ConfigRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A host capability by its WIT package, with its configuration.
///
/// Configuration comes in layers, a later one wins: `config`, then ConfigMaps in order, then Secrets in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostInterface {
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
    /// Tells several entries of one package apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = "^[a-z0-9][a-z0-9-]*$"))]
    pub name: Option<String>,
    /// Namespace of the WIT package: `wasi` in `wasi:http`.
    #[schemars(length(max = 128))]
    pub namespace: String,
    /// Name of the WIT package: `http` in `wasi:http`.
    #[schemars(length(max = 128))]
    pub package: String,
    /// Interfaces of the package that are used.
    #[schemars(length(min = 1, max = 64), inner(length(max = 128)))]
    pub interfaces: Vec<String>,
    /// Version of the package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub version: Option<String>,
}

impl HostInterface {
    /// Whether this is the package `namespace:package`.
    pub fn is(&self, namespace: &str, package: &str) -> bool {
        self.namespace == namespace && self.package == package
    }
}
