//! From `wasi:logging/logging` to a [`Sink`].

use super::sink::{Severity, Sink};
use host_api::Ctx;
use std::{sync::Arc, time::Instant};
use wasmtime::{StoreContextMut, component::LinkerInstance};

wasmtime::component::bindgen!({ path: "../wit/wasi-logging", world: "imports" });

use wasi::logging::logging::Level;

/// Defines the functions.
pub(super) fn define(
    instance: &mut LinkerInstance<'_, Ctx>,
    sink: Arc<Sink>,
) -> wasmtime::Result<()> {
    instance.func_wrap(
        "log",
        move |_: StoreContextMut<'_, Ctx>, (level, context, message): (Level, String, String)| {
            let severity = match level {
                Level::Trace => Severity::Trace,
                Level::Debug => Severity::Debug,
                Level::Info => Severity::Info,
                Level::Warn => Severity::Warn,
                Level::Error => Severity::Error,
                Level::Critical => Severity::Critical,
            };
            sink.log(severity, &context, &message, Instant::now());
            Ok(())
        },
    )
}
