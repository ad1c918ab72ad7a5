//! The servers and clients that tests start, each of one pinned version.
//!
//! [`path`] finds one that is there already: in `KUBEBUILDER_ASSETS`, on PATH, or in the tools
//! folder. [`fetch`] also gets what is missing, into the tools folder, which lies outside the
//! checkout because it costs minutes once per machine. Tests only find: a build inside a test would
//! run into its deadline.

mod archive;
mod debian;
mod fetch;
mod find;
mod go;
mod pins;
mod version;

pub use fetch::{fetch, fetch_missing};
pub use find::{folder, path};
pub use pins::{ALL, Tool};
