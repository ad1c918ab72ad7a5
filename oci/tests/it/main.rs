//! The room over real files, processes and registries.
