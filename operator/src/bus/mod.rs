//! The operator's side of the bus: commands to hosts, and what hosts say of themselves.

mod client;
mod fleet;
mod host;
mod intake;
mod inventory;
mod observed;
mod probe;

pub use client::{CallError, HostClient, Report, RunState, Waits};
pub use fleet::{Fleet, Heard, Standing};
pub use host::{Announced, Beat, HostView};
pub use intake::{Gates, Said, listen};
pub use observed::Observed;
pub use probe::watch_over;
