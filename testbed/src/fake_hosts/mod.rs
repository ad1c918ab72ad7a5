//! Hosts that speak the wire and run nothing: one, or thousands in one process, over any bus. They accept, report, can
//! be told to fail, hang, die and come back, and remember what they were asked to do.

mod behaviour;
mod fleet;
mod host;
mod options;
mod shelf;
mod voice;
mod wire;

pub use behaviour::{Faults, OnStart, OnStop};
pub use fleet::FakeFleet;
pub use host::FakeHost;
pub use options::{HostOptions, Speaks};
pub use shelf::{Did, Held};
