//! What guests may reach: host and address policy, name lookups, and the outgoing HTTP client.

pub mod egress;
mod host_pattern;
pub mod lookups;
pub mod loopback_ports;
pub mod policy;

pub use egress::{Egress, EgressError, EgressOptions, EgressPools};
pub use host_pattern::HostName;
pub use lookups::IpNameLookups;
pub use loopback_ports::{LoopbackPorts, Transport};
pub use policy::EgressPolicy;
