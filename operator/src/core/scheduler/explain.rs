//! Why no host fits, in one line that a user can act on.

use super::{Misfit, Strain};
use std::collections::BTreeMap;
use std::fmt;

/// No host fits. Its text: `0/5 hosts: 3 lack wasmcloud:messaging@0.2, 2 unschedulable`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoHostFits {
    hosts: usize,
    misfits: BTreeMap<Misfit, usize>,
    unknown: Option<String>,
}

impl NoHostFits {
    pub(super) fn new(hosts: usize, misfits: Vec<Misfit>) -> Self {
        let mut counted = BTreeMap::new();
        for misfit in misfits {
            *counted.entry(misfit).or_default() += 1;
        }
        Self {
            hosts,
            misfits: counted,
            unknown: None,
        }
    }

    pub(super) fn unknown_host(id: &str) -> Self {
        Self {
            hosts: 0,
            misfits: BTreeMap::new(),
            unknown: Some(id.to_owned()),
        }
    }
}

impl fmt::Display for NoHostFits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(id) = &self.unknown {
            return write!(f, "no host has the id {id} that hostId asks for");
        }
        if self.hosts == 0 {
            return f.write_str("0/0 hosts: no host has reported yet");
        }
        write!(f, "0/{} hosts: ", self.hosts)?;
        let mut by_count: Vec<(&Misfit, &usize)> = self.misfits.iter().collect();
        by_count.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (position, (misfit, count)) in by_count.into_iter().enumerate() {
            if position > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{count} {misfit}")?;
        }
        Ok(())
    }
}

impl std::error::Error for NoHostFits {}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReady => f.write_str("not ready"),
            Self::Unschedulable => f.write_str("unschedulable"),
            Self::Draining => f.write_str("draining"),
            Self::Selector => f.write_str("do not match hostSelector"),
            Self::Environment(wanted) => write!(f, "not in environment {wanted}"),
            Self::NoHttp => f.write_str("have no HTTP listener"),
            Self::Interface(package) => write!(f, "lack {package}"),
            Self::Feature(feature) => write!(f, "lack {feature}"),
            Self::PortNotAllowed(address) => {
                write!(f, "do not let workloads open {address} (--workload-ports)")
            }
            Self::PortTaken(port) => write!(f, "have port {port} taken"),
            Self::Strain(Strain::Cpu) => f.write_str("over the processor threshold"),
            Self::Strain(Strain::Memory) => f.write_str("over the memory threshold"),
            Self::Instances => f.write_str("have too few instances left"),
            Self::Memory => f.write_str("have too little memory left"),
        }
    }
}
