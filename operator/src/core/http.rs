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
    takes_requests(interface)
        && (interface.config.contains_key(aliases::HOST) || !interface.config.contains_key(ADDRESS))
}

/// Ports of the Workload's own.
pub fn own_ports(spec: &WorkloadSpec) -> BTreeSet<u16> {
    spec.host_interfaces
        .iter()
        .filter(|i| takes_requests(i))
        .filter_map(|i| i.config.get(ADDRESS)?.trim().parse::<SocketAddr>().ok())
        .map(|address| address.port())
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
    fn ports_are_those_of_addresses_that_can_be_read() {
        let spec = WorkloadSpec {
            host_interfaces: vec![
                interface("incoming-handler", &json!({"address": " 0.0.0.0:8080 "})),
                interface("incoming-handler", &json!({"address": "nonsense"})),
                interface("outgoing-handler", &json!({"address": "0.0.0.0:1"})),
            ],
            ..WorkloadSpec::default()
        };
        assert_eq!(own_ports(&spec), BTreeSet::from([8080]));
    }
}
