//! What a plugin of the host needs, and all it may use.
//!
//! A *plugin* serves host interfaces (WIT interfaces that components import) inside the host process.
//! The host asks a plugin three things, always in this order:
//!
//! 1. [`Plugin::serves`]: which interfaces of which versions.
//! 2. [`Plugin::bind`]: here is a component that imports them, with the configuration its workload
//!    declared; connect to your backend or say why that fails. The answer is a [`Binding`].
//! 3. [`Plugin::add_to_linker`]: define the functions of one imported interface for that binding.
//!
//! Which declaration of a manifest goes to which plugin, and which of several *named* backends of one
//! interface a component means, is settled by the host before it calls a plugin: a plugin is only ever
//! handed one configuration for one component.
//!
//! # A complete plugin
//!
//! ```
//! use std::sync::Arc;
//! use host_api::{
//!     BindError, BindRequest, Binding, Ctx, InterfaceName, Plugin, Served, Versions, async_trait,
//! };
//! use wasmtime::{StoreContextMut, component::LinkerInstance};
//!
//! /// Serves `example:greeting/greeter`: `greet: func(name: string) -> string`.
//! struct Greeter;
//!
//! /// What one component's use of it needs: the word it greets with.
//! struct Greeting(String);
//! impl Binding for Greeting {}
//!
//! #[async_trait]
//! impl Plugin for Greeter {
//!     fn id(&self) -> &'static str {
//!         "example-greeting"
//!     }
//!
//!     fn serves(&self) -> &'static [Served] {
//!         &[Served {
//!             package: "example:greeting",
//!             interfaces: &["greeter"],
//!             versions: Versions::Compatible(&["0.1.0"]),
//!         }]
//!     }
//!
//!     async fn bind(&self, request: BindRequest<'_>) -> Result<Arc<dyn Binding>, BindError> {
//!         let word = request.config.get("greeting").ok_or_else(|| BindError::config(
//!             "greeting", "is missing", "set it to the word to greet with",
//!         ))?;
//!         Ok(Arc::new(Greeting(word.clone())))
//!     }
//!
//!     fn add_to_linker(
//!         &self,
//!         instance: &mut LinkerInstance<'_, Ctx>,
//!         _: &InterfaceName,
//!         binding: Arc<dyn Binding>,
//!     ) -> wasmtime::Result<()> {
//!         let greeting = host_api::downcast::<Greeting>(binding)?;
//!         instance.func_wrap(
//!             "greet",
//!             move |_: StoreContextMut<'_, Ctx>, (name,): (String,)| {
//!                 Ok((format!("{}, {name}!", greeting.0),))
//!             },
//!         )
//!     }
//! }
//!
//! let plugin: Arc<dyn Plugin> = Arc::new(Greeter);
//! let import: InterfaceName = "example:greeting/greeter@0.1.3".parse().unwrap();
//! assert!(plugin.serves()[0].matches(&import));
//! ```
//!
//! An interface whose types need more than closures (resources, variants) generates them with
//! `wasmtime::component::bindgen!` and keeps its resources in [`Ctx::table`].

mod context;
mod identity;
mod interface;
mod limiter;
mod plugin;

pub use async_trait::async_trait;
pub use context::{Ctx, CtxParts, States};
pub use identity::{ComponentIdentity, WorkloadIdentity};
pub use interface::{InterfaceName, ParseInterfaceError, Served, Versions, compatible};
pub use limiter::{LimitBreach, MemoryLimit};
pub use plugin::{BindError, BindRequest, Binding, Metric, MetricKind, Plugin, downcast};
