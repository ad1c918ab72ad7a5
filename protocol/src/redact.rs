//! `Debug` for the messages that carry secrets: names stay, values do not.

use std::collections::BTreeMap;
use std::fmt;

use crate::ext::{ComponentExtension, StartExtension};
use crate::v2::{ImagePullSecret, LocalResources, WitInterface};

/// The keys of a map whose values may be secret.
struct Keys<'a>(&'a BTreeMap<String, String>);

impl fmt::Debug for Keys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl fmt::Debug for ImagePullSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImagePullSecret").finish_non_exhaustive()
    }
}

impl fmt::Debug for LocalResources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalResources")
            .field("config", &Keys(&self.config))
            .field("environment", &Keys(&self.environment))
            .field("volume_mounts", &self.volume_mounts)
            .field("allowed_hosts", &self.allowed_hosts)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for WitInterface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WitInterface")
            .field("namespace", &self.namespace)
            .field("package", &self.package)
            .field("version", &self.version)
            .field("interfaces", &self.interfaces)
            .field("name", &self.name)
            .field("config", &Keys(&self.config))
            .finish()
    }
}

impl fmt::Debug for ComponentExtension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ComponentExtension")
            .field("memory_limit", &self.memory_limit)
            .field("cpu_millis", &self.cpu_millis)
            .field("request_timeout_ms", &self.request_timeout_ms)
            .field("max_in_flight", &self.max_in_flight)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for StartExtension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartExtension")
            .field("control_plane", &self.control_plane)
            .field("revision", &self.revision)
            .field("components", &self.components)
            .field("drain_seconds", &self.drain_seconds)
            .field("owner", &self.owner)
            .field("service_hostnames", &self.service_hostnames)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_is_shown() {
        let secret = "hunter2";
        let map = BTreeMap::from([("KEY".to_owned(), secret.to_owned())]);
        let resources = LocalResources {
            config: map.clone(),
            environment: map.clone(),
            ..LocalResources::default()
        };
        let interface = WitInterface {
            config: map,
            ..WitInterface::default()
        };
        let pull = ImagePullSecret {
            username: secret.to_owned(),
            password: secret.to_owned(),
        };
        let token = ComponentExtension {
            registry_token: secret.to_owned(),
            ..ComponentExtension::default()
        };
        let shown = format!("{resources:?} {interface:?} {pull:?} {token:?}");
        assert!(!shown.contains(secret), "{shown}");
        assert!(shown.contains("KEY"));
    }
}
