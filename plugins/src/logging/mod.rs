//! `wasi:logging/logging`: messages of a component become log events of the host with the workload's
//! namespace, name and component as fields.
//!
//! Rate and size are bounded per component, so that no workload can fill the host's log: beyond the rate
//! messages are counted instead, and the count is logged once the component is within its rate again.

mod sink;
mod wit;

use host_api::{
    BindError, BindRequest, Binding, Ctx, InterfaceName, Metric, MetricKind, Plugin, Served,
    Versions, async_trait, downcast,
};
use sink::Sink;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use wasmtime::component::LinkerInstance;

/// Serves `wasi:logging/logging`.
#[derive(Debug, Default)]
pub struct Logging {
    suppressed: Arc<AtomicU64>,
}

impl Binding for Sink {}

#[async_trait]
impl Plugin for Logging {
    fn id(&self) -> &'static str {
        "wasi-logging"
    }

    fn serves(&self) -> &'static [Served] {
        // One function, unchanged in every draft.
        &[Served {
            package: "wasi:logging",
            interfaces: &["logging"],
            versions: Versions::Any,
        }]
    }

    async fn bind(&self, request: BindRequest<'_>) -> Result<Arc<dyn Binding>, BindError> {
        Ok(Arc::new(Sink::new(
            request.component.clone(),
            self.suppressed.clone(),
        )))
    }

    fn add_to_linker(
        &self,
        instance: &mut LinkerInstance<'_, Ctx>,
        _: &InterfaceName,
        binding: Arc<dyn Binding>,
    ) -> wasmtime::Result<()> {
        wit::define(instance, downcast(binding)?)
    }

    fn metrics(&self) -> Vec<Metric> {
        vec![Metric {
            name: "logging_suppressed_messages",
            help: "Messages of components that were dropped because of the rate limit.",
            kind: MetricKind::Counter,
            labels: Vec::new(),
            value: self.suppressed.load(Ordering::Relaxed) as f64,
        }]
    }
}
