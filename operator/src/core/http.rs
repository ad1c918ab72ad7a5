//! How a Workload takes HTTP requests, read from the `wasi:http` entries of its host interfaces.

use super::aliases;
use crd_types::{HostInterface, WorkloadSpec};
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// Configuration key with the address of a port of the Workload's own.
pub const ADDRESS: &str = "address";
/// Whether an interface takes HTTP requests: the handler of WASI 0.2 or of 0.3.
pub fn takes_requests(interface: &HostInterface) -> bool {
    interface.is("wasi", "http")
        && interface
            .interfaces
            .iter()
            .any(|i| i == "incoming-handler" || i == "handler")
}

/// Whether requests come by host name: not to a port of the Workload's own alone.
pub fn answers_names(interface: &HostInterface) -> bool {
    let has = |key| interface.config.contains_key(key);
    takes_requests(interface) && (has(aliases::HOST) || has(aliases::KEY) || !has(ADDRESS))
}

/// Addresses of the Workload's own. One beside a host name is nobody's wish: manifests for the reference carry it, which
/// never opened it.
pub fn own_addresses(spec: &WorkloadSpec) -> BTreeSet<SocketAddr> {
    spec.host_interfaces
        .iter()
        .filter(|i| takes_requests(i) && !answers_names(i))
        .filter_map(|i| i.config.get(ADDRESS)?.trim().parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn interface(name: &str, config: &serde_json::Value) -> HostInterface {
        serde_json::from_value(json!({
            "namespace": "wasi", "package": "http", "interfaces": [name], "config": config,
        }))
        .unwrap()
    }

    #[test]
    fn both_generations_take_requests_and_an_address_alone_has_no_name() {
        for name in ["incoming-handler", "handler"] {
            assert!(answers_names(&interface(name, &json!({}))));
            assert!(answers_names(&interface(
                name,
                &json!({"host": "h", "address": "0.0.0.0:80"})
            )));
            assert!(!answers_names(&interface(
                name,
                &json!({"address": "0.0.0.0:80"})
            )));
        }
        assert!(!takes_requests(&interface("outgoing-handler", &json!({}))));
    }

    #[test]
    fn addresses_are_those_that_can_be_read() {
        let spec = WorkloadSpec {
            host_interfaces: vec![
                interface("incoming-handler", &json!({"address": " 0.0.0.0:8080 "})),
                interface("incoming-handler", &json!({"address": "nonsense"})),
                interface("outgoing-handler", &json!({"address": "0.0.0.0:1"})),
                interface("handler", &json!({"address": "0.0.0.0:2", "host": "h"})),
                interface(
                    "handler",
                    &json!({"address": "0.0.0.0:3", "host-aliases": "h"}),
                ),
            ],
            ..WorkloadSpec::default()
        };
        let read = "0.0.0.0:8080".parse().unwrap();
        assert_eq!(own_addresses(&spec), BTreeSet::from([read]));
    }
}
