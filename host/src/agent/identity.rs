use std::collections::BTreeMap;
use std::time::SystemTime;

/// Who a host is on the bus.
#[derive(Debug, Clone)]
pub struct HostIdentity {
    /// One per process start; a new id under the same name takes the old one's place.
    pub id: String,
    /// Name of the Host object: a DNS label.
    pub name: String,
    /// How the host is reached: an IP address in a cluster.
    pub hostname: String,
    /// Labels, `hostgroup` among them.
    pub labels: BTreeMap<String, String>,
    /// Tenant the host belongs to; empty for none.
    pub environment: String,
    /// When the process started.
    pub started: SystemTime,
}
