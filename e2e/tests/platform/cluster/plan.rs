//! What a cluster is made of.

/// How the hosts run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hosts {
    /// One, in the control plane's own process where that is possible.
    One,
    /// Two processes of their own, which join over a real nats-server.
    TwoOverNats,
}

/// A cluster whose operators and hosts are all processes of their own, each operator under its account's rights.
#[derive(Debug, Clone)]
pub struct Apart {
    pub hosts: usize,
    /// With more than one, a Lease says which of them works.
    pub operators: usize,
    /// Namespaces they serve; none: all.
    pub watch: Vec<String>,
    /// Group of the hosts.
    pub group: String,
}

impl Default for Apart {
    fn default() -> Self {
        Self {
            hosts: 1,
            operators: 1,
            watch: Vec::new(),
            group: "default".to_owned(),
        }
    }
}
