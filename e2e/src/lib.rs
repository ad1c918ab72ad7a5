//! The platform as a user sees it: one suite (`tests/platform`), run against the embedded control plane
//! and against a real one. It drives built binaries and kubectl, and links none of our crates.
