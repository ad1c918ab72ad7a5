//! Where a workload's HTTP requests come from, read from its `wasi:http` host interfaces.

use super::spec::HostInterface;
use crate::http::{HttpBinding, RouteError};
use std::net::SocketAddr;

/// The workload cannot be routed to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoutesError {
    /// The interface's configuration names nowhere.
    #[error(
        "host interface `wasi:http` has neither `config.host` nor `config.address`: set the host name (or \
         the address of a port of its own) that requests come to"
    )]
    Nowhere,
    /// The address is none.
    #[error("host interface `wasi:http`: `config.address` {0:?} is not an IP address with a port")]
    Address(String),
    /// Two addresses.
    #[error(
        "host interface `wasi:http` is declared with two addresses, {0} and {1}: one is possible"
    )]
    TwoAddresses(SocketAddr, SocketAddr),
    /// No component can answer.
    #[error(
        "host interface `wasi:http` is declared, but no component exports `wasi:http/incoming-handler@0.2` \
         or `wasi:http/handler@0.3`"
    )]
    NoHandler,
    /// The front refused.
    #[error(transparent)]
    Refused(#[from] RouteError),
}

/// What the workload asks the front for; `None` if it takes no requests. `service_hostnames` come first:
/// whoever runs the control plane gave them.
pub(super) fn binding(
    declared: &[HostInterface],
    service_hostnames: &[String],
) -> Result<Option<HttpBinding>, RoutesError> {
    let mut incoming = declared
        .iter()
        .filter(|interface| {
            interface.is_package("wasi", "http")
                && interface
                    .interfaces
                    .iter()
                    .any(|name| matches!(name.as_str(), "incoming-handler" | "handler"))
        })
        .peekable();
    if incoming.peek().is_none() {
        return Ok(None);
    }
    let mut binding = HttpBinding {
        hostnames: service_hostnames.to_vec(),
        address: None,
    };
    for interface in incoming {
        let names = ["host", "host-aliases"]
            .iter()
            .filter_map(|key| interface.config.get(*key))
            .flat_map(|list| list.split(','))
            .map(str::trim)
            .filter(|name| !name.is_empty());
        for name in names {
            if !binding
                .hostnames
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name))
            {
                binding.hostnames.push(name.to_owned());
            }
        }
        // One beside a host name is nobody's wish: manifests for the reference carry it, which never opened it.
        let named = ["host", "host-aliases"]
            .iter()
            .any(|key| interface.config.contains_key(*key));
        if let Some(text) = interface.config.get("address").filter(|_| !named) {
            let address: SocketAddr = text
                .trim()
                .parse()
                .map_err(|_| RoutesError::Address(text.clone()))?;
            match binding.address.replace(address) {
                Some(other) if other != address => {
                    return Err(RoutesError::TwoAddresses(other, address));
                }
                _ => {}
            }
        }
    }
    if binding.hostnames.is_empty() && binding.address.is_none() {
        return Err(RoutesError::Nowhere);
    }
    Ok(Some(binding))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(interface: &str, config: &[(&str, &str)]) -> HostInterface {
        HostInterface {
            namespace: "wasi".to_owned(),
            package: "http".to_owned(),
            interfaces: vec![interface.to_owned()],
            version: None,
            config: config
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            name: None,
        }
    }

    #[test]
    fn names_and_address_are_collected() {
        let declared = [
            http(
                "incoming-handler",
                &[
                    ("host", "a.example"),
                    ("host-aliases", "b.example, A.example,"),
                ],
            ),
            http("incoming-handler", &[("address", "0.0.0.0:8080")]),
            http(
                "handler",
                &[("host", "b.example"), ("address", "0.0.0.0:9090")],
            ),
        ];
        let found = binding(&declared, &["svc".to_owned()]).unwrap().unwrap();
        assert_eq!(found.hostnames, ["svc", "a.example", "b.example"]);
        assert_eq!(found.address, Some("0.0.0.0:8080".parse().unwrap()));
    }

    #[test]
    fn what_takes_no_requests_has_no_binding_and_nonsense_is_refused() {
        assert_eq!(binding(&[http("outgoing-handler", &[])], &[]), Ok(None));
        assert_eq!(
            binding(&[http("handler", &[])], &[]),
            Err(RoutesError::Nowhere)
        );
        let wrong = binding(&[http("handler", &[("address", ":8080")])], &[]);
        assert_eq!(wrong, Err(RoutesError::Address(":8080".to_owned())));
    }
}
