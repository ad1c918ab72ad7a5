//! The host interfaces that come with the host, each behind a cargo feature.
//!
//! A plugin is a folder of three parts: `mod.rs` (which interfaces it serves and how a component is
//! bound to them), `wit.rs` (from the WIT functions to the backend, without logic) and the backend.
//! Plugins use `host-api` and nothing else of this workspace.

#[cfg(feature = "config")]
pub mod config;
#[cfg(feature = "logging")]
pub mod logging;

use host_api::Plugin;
use std::sync::Arc;

/// Every plugin this build contains.
pub fn all() -> Vec<Arc<dyn Plugin>> {
    vec![
        #[cfg(feature = "config")]
        Arc::new(config::Config),
        #[cfg(feature = "logging")]
        Arc::new(logging::Logging::default()),
    ]
}
