//! The wire between operator and hosts: messages, subjects, failure reasons, and the [`bus`] they travel on.
//!
//! [`v2`] is the contract of the reference implementation, field for field. [`ext`] is what this implementation adds; it
//! travels on subjects of its own.

pub mod bus;
pub mod event;
pub mod json;
mod messages;
pub mod reason;
mod redact;
pub mod subject;
pub mod time;
mod workload_ports;

pub use messages::runtime::{ext::v1 as ext, v2};
pub use reason::Reason;
pub use workload_ports::{InvalidWorkloadPorts, PortNotAllowed, WorkloadPorts};

/// Level of the extension this code speaks, as announced by a host.
pub const EXTENSION_LEVEL: u32 = 1;
