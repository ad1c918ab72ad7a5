//! The generated messages, in modules that mirror their packages.

#![allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    reason = "generated from protocol/proto by `cargo xtask protos`"
)]

pub mod runtime {
    pub mod v2 {
        include!("generated/wasmcloud.runtime.v2.rs");
        include!("generated/wasmcloud.runtime.v2.serde.rs");
    }

    pub mod ext {
        pub mod v1 {
            include!("generated/wasmcloud.runtime.ext.v1.rs");
            include!("generated/wasmcloud.runtime.ext.v1.serde.rs");
        }
    }
}
