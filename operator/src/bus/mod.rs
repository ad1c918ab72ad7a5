//! The operator's side of the bus: commands to hosts, and what hosts say of themselves.

mod client;
mod fleet;
mod intake;
mod observed;
mod probe;

pub use client::{CallError, HostClient, Report, RunState};
pub use fleet::{Announced, Beat, Fleet, Heard, HostView, OwnedOffer, Standing};
pub use intake::{Said, listen};
pub use observed::Observed;
pub use probe::watch_over;
