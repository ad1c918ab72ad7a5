//! Whether a host can run a workload, and the first reason why not.

use super::{Candidate, Demand, Offer, Strain};
use crate::core::http;
use crd_types::HostInterface;
use semver::Version;
use std::net::SocketAddr;

/// Why a host does not fit. Its words complete "3 …".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Misfit {
    /// Not heard of lately.
    NotReady,
    /// Cordoned.
    Unschedulable,
    /// About to leave.
    Draining,
    /// Labels differ from `hostSelector`.
    Selector,
    /// Belongs to another environment.
    Environment(String),
    /// Has no HTTP listener.
    NoHttp,
    /// A capability is missing.
    Interface(String),
    /// Speaks the base protocol only.
    Feature(&'static str),
    /// It lets no workload open this address.
    PortNotAllowed(SocketAddr),
    /// A port that is asked for is another Deployment's there.
    PortTaken(u16),
    /// Its machine is busy beyond the threshold.
    Strain(Strain),
    /// Has not so many instances left.
    Instances,
    /// Has not so much memory left.
    Memory,
}

/// Packages that belong to the runtime itself and are in no plugin's list.
const RUNTIME_PACKAGES: [&str; 8] = [
    "cli",
    "clocks",
    "filesystem",
    "http",
    "io",
    "random",
    "sockets",
    "tls",
];

pub(super) fn check(demand: &Demand<'_>, host: &Candidate<'_>) -> Result<(), Misfit> {
    if !host.ready {
        return Err(Misfit::NotReady);
    }
    if host.unschedulable {
        return Err(Misfit::Unschedulable);
    }
    if host.draining {
        return Err(Misfit::Draining);
    }
    if !selected(demand, host) {
        return Err(Misfit::Selector);
    }
    if let Some(environment) = demand.environment
        && environment != host.environment
    {
        return Err(Misfit::Environment(environment.to_owned()));
    }
    for interface in demand.interfaces {
        check_interface(interface, host)?;
    }
    if !host.extended
        && let Some(feature) = demand.features.first()
    {
        return Err(Misfit::Feature(feature));
    }
    if let Some(address) = host.port_refused {
        return Err(Misfit::PortNotAllowed(address));
    }
    if let Some(port) = host.port_taken {
        return Err(Misfit::PortTaken(port));
    }
    if let Some(strain) = host.strain {
        return Err(Misfit::Strain(strain));
    }
    if host
        .free_instances
        .is_some_and(|free| free < demand.instances)
    {
        return Err(Misfit::Instances);
    }
    if host.free_memory.is_some_and(|free| free < demand.memory) {
        return Err(Misfit::Memory);
    }
    Ok(())
}

/// Whether a workload belongs on such a host at all, whatever its state is.
pub(super) fn belongs(demand: &Demand<'_>, host: &Candidate<'_>) -> bool {
    selected(demand, host) && demand.environment.is_none_or(|e| e == host.environment)
}

fn selected(demand: &Demand<'_>, host: &Candidate<'_>) -> bool {
    let carries = |(key, value): (&String, &String)| {
        host.labels
            .is_some_and(|labels| labels.get(key) == Some(value))
    };
    demand
        .selector
        .is_none_or(|selector| selector.iter().all(carries))
}

fn check_interface(wanted: &HostInterface, host: &Candidate<'_>) -> Result<(), Misfit> {
    if wanted.namespace == "wasi" && RUNTIME_PACKAGES.contains(&wanted.package.as_str()) {
        return if http::answers_names(wanted) && !host.serves_http {
            Err(Misfit::NoHttp)
        } else {
            Ok(())
        };
    }
    let Some(offers) = host.offers else {
        return Ok(());
    };
    let version = wanted.version.as_deref().unwrap_or_default();
    let serves = |offer: &Offer| {
        offer.namespace == wanted.namespace
            && offer.package == wanted.package
            && compatible(version, &offer.version)
    };
    if offers.iter().any(serves) {
        return Ok(());
    }
    let version = if version.is_empty() {
        String::new()
    } else {
        format!("@{}", canonical(version))
    };
    Err(Misfit::Interface(format!(
        "{}:{}{version}",
        wanted.namespace, wanted.package
    )))
}

/// Whether two versions of a WIT package can stand in for each other. An absent one says nothing.
fn compatible(wanted: &str, offered: &str) -> bool {
    wanted.is_empty() || offered.is_empty() || canonical(wanted) == canonical(offered)
}

/// The part of a version that has to agree: the major, or for 0.x the minor, else all of it. What does not
/// parse agrees only with itself.
fn canonical(version: &str) -> String {
    match Version::parse(version) {
        Ok(v) if v.major > 0 => v.major.to_string(),
        Ok(v) if v.minor > 0 => format!("0.{}", v.minor),
        _ => version.to_owned(),
    }
}
