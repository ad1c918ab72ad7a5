//! From `wasi:logging/logging` to a [`Sink`].

use super::sink::{Severity, Sink};
use host_api::{Ctx, InterfaceName};
use std::{sync::Arc, time::Instant};
use wasmtime::{StoreContextMut, component::Linker};

wasmtime::component::bindgen!({ path: "../wit/wasi-logging", world: "imports" });

use wasi::logging::logging::Level;

/// Defines the interface under the name the component imports it by.
pub(super) fn define(
    linker: &mut Linker<Ctx>,
    import: &InterfaceName,
    sink: Arc<Sink>,
) -> wasmtime::Result<()> {
    linker.instance(&import.to_string())?.func_wrap(
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
