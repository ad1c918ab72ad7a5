//! What guests may reach: host and address policy, name lookups, and the outgoing HTTP client.

mod address;
mod client;
mod connect;
mod egress;
mod host_pattern;
mod lookups;
mod loopback_ports;
pub mod policy;
mod proxy;
mod resolve;
mod trust;
mod tunnel;

pub use address::{AddressPolicy, Range};
pub use client::{EgressClients, EgressConfig};
pub use egress::{Egress, EgressError, EgressOptions, EgressPools};
pub use host_pattern::HostName;
pub use lookups::IpNameLookups;
pub use loopback_ports::{LoopbackPorts, Transport};
pub use policy::EgressPolicy;
pub use proxy::{Proxies, Proxy};
pub use resolve::{Resolver, SystemResolver};
pub use trust::{TrustError, TrustRoots, client_config};
