//! The trait a plugin implements and what it is handed.

use crate::{ComponentIdentity, Ctx, InterfaceName, Served};
use async_trait::async_trait;
use std::{any::Any, collections::BTreeMap, sync::Arc};
use wasmtime::component::LinkerInstance;

/// A capability of the host. See the crate documentation for a complete one.
#[async_trait]
pub trait Plugin: Send + Sync + 'static {
    /// Unique on a host. A host interface declared with this name is served by this plugin and no other.
    fn id(&self) -> &'static str;

    /// The interfaces this plugin serves to components. Always the same answer.
    fn serves(&self) -> &'static [Served];

    /// Prepares serving one component: checks the configuration, opens the backend.
    ///
    /// Called once per component and declared host interface when a workload starts, never per call.
    /// An error ends the start of the workload; bindings made so far are unbound.
    async fn bind(&self, request: BindRequest<'_>) -> Result<Arc<dyn Binding>, BindError>;

    /// Defines the functions and resources of `interface` in the instance that the component the binding
    /// was made for imports. The host has named the instance as the component does.
    ///
    /// Host functions behind `async` WIT functions must be defined in the concurrent form; any other
    /// form would stall every other call of the instance while one waits.
    fn add_to_linker(
        &self,
        instance: &mut LinkerInstance<'_, Ctx>,
        interface: &InterfaceName,
        binding: Arc<dyn Binding>,
    ) -> wasmtime::Result<()>;

    /// The workload stops: release what the binding holds. No guest code runs any more.
    async fn unbind(&self, binding: Arc<dyn Binding>) {
        drop(binding);
    }

    /// Figures to publish, read when they are scraped; must not block. Label values must come from a
    /// bounded set.
    fn metrics(&self) -> Vec<Metric> {
        Vec::new()
    }
}

/// What a plugin keeps for one component's use of its interfaces.
pub trait Binding: Any + Send + Sync {}

/// The plugin's own type behind a binding it made itself.
pub fn downcast<T: Binding>(binding: Arc<dyn Binding>) -> wasmtime::Result<Arc<T>> {
    let any: Arc<dyn Any + Send + Sync> = binding;
    any.downcast()
        .map_err(|_| wasmtime::format_err!("binding of another plugin"))
}

/// One component's use of interfaces a plugin serves.
#[derive(Clone, Copy, Debug)]
pub struct BindRequest<'a> {
    /// The component that imports them.
    pub component: &'a Arc<ComponentIdentity>,
    /// What it imports of what the plugin serves and this declaration covers.
    pub imports: &'a [InterfaceName],
    /// The name of the declaration, where a workload uses several backends of one interface.
    pub name: Option<&'a str>,
    /// `config` of the declared host interface.
    pub config: &'a BTreeMap<String, String>,
    /// `localResources.config` of the component.
    pub component_config: &'a BTreeMap<String, String>,
}

/// Why a component could not be bound. The text reaches the user in the workload's status, so it names
/// what to change and never contains a value that may be secret.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// A key of the configuration is missing or wrong.
    #[error("config `{key}` {problem}: {hint}")]
    Config {
        /// The key.
        key: String,
        /// What is wrong with it.
        problem: String,
        /// What to do.
        hint: String,
    },
    /// The backend could not be reached or refused.
    #[error("backend {backend} is not available: {reason}")]
    Backend {
        /// Which backend, without credentials.
        backend: String,
        /// Why.
        reason: String,
    },
}

impl BindError {
    /// A key of the configuration is missing or wrong.
    pub fn config(
        key: impl Into<String>,
        problem: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self::Config {
            key: key.into(),
            problem: problem.into(),
            hint: hint.into(),
        }
    }
}

/// A figure a plugin publishes.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// In Prometheus' style, without prefix: `keyvalue_operations`.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// How the value behaves.
    pub kind: MetricKind,
    /// Labels and their values.
    pub labels: Vec<(&'static str, String)>,
    /// The value now.
    pub value: f64,
}

/// How the value of a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// Only ever grows.
    Counter,
    /// Goes up and down.
    Gauge,
}
