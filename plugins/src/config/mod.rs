//! `wasi:config/store`: the configuration of a component, as its workload declares it.
//!
//! The view is the interface's `config` overlaid with the component's own `localResources.config`.

mod store;
mod wit;

use host_api::{
    BindError, BindRequest, Binding, Ctx, InterfaceName, Plugin, Served, Versions, async_trait,
    downcast,
};
use std::sync::Arc;
use store::View;
use wasmtime::component::LinkerInstance;

/// Serves `wasi:config/store`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Config;

impl Binding for View {}

#[async_trait]
impl Plugin for Config {
    fn id(&self) -> &'static str {
        "wasi-config"
    }

    fn serves(&self) -> &'static [Served] {
        // The two pre-releases have the same functions and types.
        &[Served {
            package: "wasi:config",
            interfaces: &["store"],
            versions: Versions::Compatible(&["0.2.0-rc.1", "0.2.0-draft"]),
        }]
    }

    async fn bind(&self, request: BindRequest<'_>) -> Result<Arc<dyn Binding>, BindError> {
        Ok(Arc::new(View::new(
            request.config,
            request.component_config,
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
}
