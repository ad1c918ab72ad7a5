//! `wash up`: the whole platform in one process.

pub mod dirs;
