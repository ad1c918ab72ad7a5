//! How a change becomes an object: server-side apply with field ownership, ownership tracking of every
//! other write, and the three patch formats. Pure functions on JSON values.
//!
//! Rules follow the Kubernetes API reference (server-side apply, strategic merge patch), RFC 6902 and
//! RFC 7386; what they leave open is recorded from a real kube-apiserver in `tests/fixtures/`.

#[cfg(test)]
pub(crate) mod arbitrary;
pub mod builtin;
mod compact;
mod compare;
mod field_set;
mod ignored;
mod managers;
mod merge;
mod patch;
mod prune;
mod server_side_apply;
pub(crate) mod topology;
mod track_update;
mod typed;

pub use field_set::FieldSet;
pub use patch::{PatchError, json_patch, merge_patch, strategic_merge_patch};
pub use server_side_apply::{ApplyError, Conflict, server_side_apply};
pub use topology::{Topology, TopologyError};
pub use track_update::track_update;
