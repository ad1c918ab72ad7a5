//! When the network is asked for an image.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// When to ask the registry, with Kubernetes' names and meanings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum PullPolicy {
    /// Ask which digest the reference has now; fetch only what is not in the store.
    Always,
    /// Use the store's image without any network; fetch it only when it is absent.
    #[default]
    IfNotPresent,
    /// Use the store's image; never any network.
    Never,
}

impl PullPolicy {
    /// The name used in manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}

impl fmt::Display for PullPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PullPolicy {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "Always" => Ok(Self::Always),
            "IfNotPresent" => Ok(Self::IfNotPresent),
            "Never" => Ok(Self::Never),
            other => Err(format!(
                "unknown pull policy {other:?}: expected Always, IfNotPresent or Never"
            )),
        }
    }
}
