//! Which ports of its own a workload may ask for (`--workload-ports` of a host): the host binds by it, and announces
//! it, so that nobody places a workload where it is refused.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    ops::RangeInclusive,
    str::FromStr,
};

use thiserror::Error;

/// Policy for `config.address` of a workload: `none`, or `loopback:PORTS` or `any:PORTS` with PORTS a comma
/// list of numbers and ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadPorts {
    scope: Scope,
    ports: Vec<RangeInclusive<u16>>,
}

/// A policy that does not allow an address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("address {asked} is not allowed: workload ports are {allowed}")]
pub struct PortNotAllowed {
    /// The address asked for.
    pub asked: SocketAddr,
    /// What is allowed, in the words of the policy.
    pub allowed: String,
}

/// A text that is no policy; says which part is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct InvalidWorkloadPorts(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Loopback,
    Any,
}

impl Default for WorkloadPorts {
    /// Loopback, every unprivileged port: right for a machine of one's own.
    fn default() -> Self {
        Self {
            scope: Scope::Loopback,
            ports: vec![1024..=u16::MAX],
        }
    }
}

impl WorkloadPorts {
    /// No workload has a port of its own.
    pub fn none() -> Self {
        Self {
            scope: Scope::Loopback,
            ports: Vec::new(),
        }
    }

    /// The address to bind for `asked`. Where only loopback is allowed, an unspecified address becomes
    /// loopback of its family.
    pub fn admit(&self, asked: SocketAddr) -> Result<SocketAddr, PortNotAllowed> {
        let refused = || PortNotAllowed {
            asked,
            allowed: self.to_string(),
        };
        if asked.port() == 0 || !self.ports.iter().any(|range| range.contains(&asked.port())) {
            return Err(refused());
        }
        match self.scope {
            Scope::Any => Ok(asked),
            Scope::Loopback if asked.ip().is_loopback() => Ok(asked),
            Scope::Loopback if asked.ip().is_unspecified() => {
                let loopback = match asked.ip() {
                    IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
                    IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
                };
                Ok(SocketAddr::new(loopback, asked.port()))
            }
            Scope::Loopback => Err(refused()),
        }
    }
}

impl FromStr for WorkloadPorts {
    type Err = InvalidWorkloadPorts;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" {
            return Ok(Self::none());
        }
        let (scope, list) = match text.split_once(':') {
            Some(("loopback", list)) => (Scope::Loopback, list),
            Some(("any", list)) => (Scope::Any, list),
            _ => {
                return Err(InvalidWorkloadPorts(format!(
                    "{text:?} must be `none`, `loopback:PORTS` or `any:PORTS`, as in `any:8080,9000-9099`"
                )));
            }
        };
        let ports = list.split(',').map(parse_range).collect::<Result<_, _>>()?;
        Ok(Self { scope, ports })
    }
}

fn parse_range(text: &str) -> Result<RangeInclusive<u16>, InvalidWorkloadPorts> {
    let port = |text: &str| {
        text.parse::<u16>()
            .ok()
            .filter(|port| *port > 0)
            .ok_or_else(|| InvalidWorkloadPorts(format!("{text:?} is not a port from 1 to 65535")))
    };
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (port(from)?, port(to)?);
    if from > to {
        Err(InvalidWorkloadPorts(format!(
            "range {text:?} is upside down"
        )))
    } else {
        Ok(from..=to)
    }
}

impl fmt::Display for WorkloadPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ports.is_empty() {
            return f.write_str("none");
        }
        f.write_str(match self.scope {
            Scope::Loopback => "loopback:",
            Scope::Any => "any:",
        })?;
        for (index, range) in self.ports.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            match (range.start(), range.end()) {
                (from, to) if from == to => write!(f, "{from}")?,
                (from, to) => write!(f, "{from}-{to}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn by_default_every_interface_becomes_loopback() {
        let ports = WorkloadPorts::default();
        assert_eq!(
            ports.admit(address("0.0.0.0:8080")),
            Ok(address("127.0.0.1:8080"))
        );
        assert_eq!(ports.admit(address("[::]:8080")), Ok(address("[::1]:8080")));
        assert_eq!(
            ports.admit(address("127.0.0.1:8080")),
            Ok(address("127.0.0.1:8080"))
        );
        for refused in ["0.0.0.0:80", "192.0.2.1:8080", "127.0.0.1:0"] {
            assert!(ports.admit(address(refused)).is_err(), "{refused}");
        }
    }

    #[test]
    fn listed_ports_are_bound_as_asked() {
        let ports: WorkloadPorts = "any:80,9000-9001".parse().unwrap();
        assert_eq!(
            ports.admit(address("0.0.0.0:80")),
            Ok(address("0.0.0.0:80"))
        );
        assert_eq!(
            ports.admit(address("192.0.2.1:9001")),
            Ok(address("192.0.2.1:9001"))
        );
        assert!(ports.admit(address("0.0.0.0:9002")).is_err());
        assert!(
            WorkloadPorts::none()
                .admit(address("127.0.0.1:8080"))
                .is_err()
        );
    }

    #[test]
    fn the_text_form_round_trips_and_nonsense_is_refused() {
        for text in ["none", "loopback:1024-65535", "any:80,9000-9099"] {
            assert_eq!(text.parse::<WorkloadPorts>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "all",
            "any:",
            "any:0",
            "any:9-8",
            "loopback",
            "tcp:80",
            "any:80,,81",
        ] {
            assert!(text.parse::<WorkloadPorts>().is_err(), "{text}");
        }
    }
}
