//! One operator at a time: a Lease says which.

mod elector;
mod evaluate;

pub use elector::{Elector, Held};
pub use evaluate::{Action, Observation, evaluate};
