//! From compiled components to [`Runnable`]s: plugins are bound, components linked, everything defined.

use super::{
    callee::Callee,
    link::{Link, LinkError},
    outgoing::Outgoing,
    output::Output,
    resolve::{self, Plan, ResolveError, Shape, Source},
    runnable::{Runnable, Template},
    shape, sockets,
    spec::{HostInterface, LocalResources},
    volumes::{VolumeError, Volumes},
    warm::WarmLimits,
};
use crate::{
    engine::{Engine, LoadedComponent},
    net::{AddressPolicy, Egress},
};
use host_api::{BindError, BindRequest, Binding, ComponentIdentity, Ctx, InterfaceName, Plugin};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::runtime::Handle;
use wasmtime::component::{Linker, types::ComponentItem};

/// How long a warm instance may be idle.
pub(super) const WARM_IDLE: Duration = Duration::from_mins(5);

/// A component before it is linked.
pub(super) struct Part {
    pub identity: Arc<ComponentIdentity>,
    pub loaded: Arc<LoadedComponent>,
    pub resources: LocalResources,
    pub pool_size: u32,
    pub max_invocations: Option<u32>,
}

/// What parts are connected with.
pub(super) struct Surroundings<'a> {
    pub engine: &'a Arc<Engine>,
    pub plugins: &'a [Arc<dyn Plugin>],
    pub declared: &'a [HostInterface],
    pub volumes: &'a Volumes,
    pub egress: Arc<dyn Egress>,
    pub addresses: AddressPolicy,
    pub front: Handle,
}

/// The components cannot be made to run.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// An import that is no interface.
    #[error("{0}")]
    Shape(String),
    /// Nobody serves an import, or it is unclear who.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// Two components do not fit.
    #[error(transparent)]
    Link(#[from] Box<LinkError>),
    /// A volume cannot be provided.
    #[error(transparent)]
    Volume(#[from] VolumeError),
    /// A plugin refused.
    #[error("host interface `{interface}` for component `{component}`: {source}")]
    Bind {
        /// Which component.
        component: String,
        /// What it asked for.
        interface: String,
        /// Why it was refused.
        #[source]
        source: Box<BindError>,
    },
    /// Wasmtime refused to link.
    #[error("component `{component}` cannot be linked: {message}")]
    Instantiate {
        /// Which component.
        component: String,
        /// Why.
        message: String,
    },
    /// It is larger than the whole host.
    #[error(
        "component `{component}` with all it calls needs {weight} memories at once, and this host has {total}"
    )]
    TooLarge {
        /// Which component.
        component: String,
        /// What it needs.
        weight: u32,
        /// What there is.
        total: u32,
    },
}

/// Components ready to run, and what must be given back when they stop.
pub(super) struct Prepared {
    /// Indexed like the parts.
    pub components: Vec<Arc<Runnable>>,
    pub callees: Vec<Arc<Callee>>,
    pub bindings: Bindings,
    shapes: Vec<Shape>,
    plan: Plan,
}

impl Prepared {
    /// Whether another component imports an interface of this package from the component `index`.
    pub(super) fn is_imported(&self, index: usize, namespace: &str, package: &str) -> bool {
        self.plan
            .sources
            .iter()
            .flatten()
            .any(|source| match *source {
                Source::Component { component, export } if component == index => {
                    let export = &self.shapes[index].exports[export];
                    export.namespace == namespace && export.package == package
                }
                _ => false,
            })
    }
}

/// Bindings of a workload. [`Bindings::release`] must be awaited before the last clone of a plugin goes.
#[derive(Default)]
pub(super) struct Bindings(Vec<(Arc<dyn Plugin>, Arc<dyn Binding>)>);

impl Bindings {
    /// Unbinds everything, in reverse order.
    pub(super) async fn release(&mut self) {
        while let Some((plugin, binding)) = self.0.pop() {
            plugin.unbind(binding).await;
        }
    }
}

/// Connects the parts. After an error nothing stays bound.
pub(super) async fn prepare(
    parts: Vec<Part>,
    around: &Surroundings<'_>,
) -> Result<Prepared, PrepareError> {
    let engine = around.engine.wasmtime();
    let shapes = parts
        .iter()
        .map(|part| shape::of(engine, &part.identity.component, part.loaded.component()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(PrepareError::Shape)?;
    let plan = resolve::resolve(&shapes, around.declared, around.plugins)?;
    let mut bindings = Bindings::default();
    match connect(parts, around, &shapes, &plan, &mut bindings).await {
        Ok(callees) => Ok(Prepared {
            components: callees
                .iter()
                .map(|callee| callee.runnable.clone())
                .collect(),
            callees,
            bindings,
            shapes,
            plan,
        }),
        Err(error) => {
            bindings.release().await;
            Err(error)
        }
    }
}

async fn connect(
    parts: Vec<Part>,
    around: &Surroundings<'_>,
    shapes: &[Shape],
    plan: &Plan,
    bindings: &mut Bindings,
) -> Result<Vec<Arc<Callee>>, PrepareError> {
    let mut parts: Vec<Option<Part>> = parts.into_iter().map(Some).collect();
    let mut done: HashMap<usize, Arc<Callee>> = HashMap::new();
    for &index in &plan.order {
        let Some(part) = parts[index].take() else {
            continue;
        };
        let sources = &plan.sources[index];
        let mut linker = base_linker(around.engine).map_err(|error| unlinkable(&part, &error))?;
        bind(
            &part,
            around,
            &shapes[index],
            sources,
            &mut linker,
            bindings,
        )
        .await?;
        let weight =
            part.loaded.weight() + link(&part, around, shapes, index, sources, &mut linker, &done)?;
        let total = around.engine.permits().total();
        if weight > total {
            let component = part.identity.component.clone();
            return Err(PrepareError::TooLarge {
                component,
                weight,
                total,
            });
        }
        let pre = linker
            .instantiate_pre(part.loaded.component())
            .map_err(|error| unlinkable(&part, &error))?;
        let limits = WarmLimits {
            size: part.pool_size as usize,
            max_invocations: part.max_invocations,
            idle: WARM_IDLE,
        };
        let template = template(&part, around)?;
        let engine = around.engine.clone();
        let runnable = Arc::new(Runnable {
            engine,
            template,
            pre,
            weight,
        });
        done.insert(index, Callee::new(runnable, limits));
    }
    // The order holds every index.
    Ok((0..parts.len())
        .filter_map(|index| done.remove(&index))
        .collect())
}

/// Everything a component may import without asking.
fn base_linker(engine: &Engine) -> wasmtime::Result<Linker<Ctx>> {
    let mut linker = Linker::new(engine.wasmtime());
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    sockets::check_lookups(&mut linker)?;
    Ok(linker)
}

/// Binds the component to each plugin and declaration it uses, once, and defines the interfaces.
async fn bind(
    part: &Part,
    around: &Surroundings<'_>,
    shape: &Shape,
    sources: &[Source],
    linker: &mut Linker<Ctx>,
    bindings: &mut Bindings,
) -> Result<(), PrepareError> {
    let mut uses: Vec<((usize, usize), Vec<usize>)> = Vec::new();
    for (import, source) in sources.iter().enumerate() {
        if let Source::Plugin {
            plugin,
            declaration,
        } = *source
        {
            match uses
                .iter_mut()
                .find(|(key, _)| *key == (plugin, declaration))
            {
                Some((_, imports)) => imports.push(import),
                None => uses.push(((plugin, declaration), vec![import])),
            }
        }
    }
    for ((plugin, declaration), imports) in uses {
        let plugin = &around.plugins[plugin];
        let declaration = &around.declared[declaration];
        let interfaces: Vec<InterfaceName> = imports
            .iter()
            .map(|import| shape.imports[*import].interface.clone())
            .collect();
        let request = BindRequest {
            component: &part.identity,
            imports: &interfaces,
            name: declaration.name.as_deref(),
            config: &declaration.config,
            component_config: &part.resources.config,
        };
        let binding = plugin
            .bind(request)
            .await
            .map_err(|source| PrepareError::Bind {
                component: part.identity.component.clone(),
                interface: declaration.to_string(),
                source: Box::new(source),
            })?;
        bindings.0.push((plugin.clone(), binding.clone()));
        for import in imports.iter().map(|import| &shape.imports[*import]) {
            linker
                .instance(&import.instance)
                .and_then(|mut instance| {
                    plugin.add_to_linker(&mut instance, &import.interface, binding.clone())
                })
                .map_err(|error| unlinkable(part, &error))?;
        }
    }
    Ok(())
}

/// Links the component to those it imports from. Returns what one instance of each of them weighs.
fn link(
    part: &Part,
    around: &Surroundings<'_>,
    shapes: &[Shape],
    index: usize,
    sources: &[Source],
    linker: &mut Linker<Ctx>,
    done: &HashMap<usize, Arc<Callee>>,
) -> Result<u32, PrepareError> {
    let engine = around.engine.wasmtime();
    let ty = part.loaded.component().component_type();
    let mut called: Vec<usize> = Vec::new();
    let mut weight = 0;
    for (import, source) in shapes[index].imports.iter().zip(sources) {
        let Source::Component { component, export } = *source else {
            continue;
        };
        // Callees come first in the plan's order, and the import was read from this very type.
        let (Some(callee), Some(ComponentItem::ComponentInstance(imported))) = (
            done.get(&component),
            ty.get_import(engine, &import.instance).map(|item| item.ty),
        ) else {
            continue;
        };
        let link = Link {
            engine,
            caller: &part.identity.component,
            callee,
            import: &import.instance,
            imported: &imported,
            export: &shapes[component].exports[export],
        };
        link.define(linker)?;
        if !called.contains(&component) {
            called.push(component);
            weight += callee.runnable.weight;
        }
    }
    Ok(weight)
}

fn template(part: &Part, around: &Surroundings<'_>) -> Result<Template, PrepareError> {
    let resources = &part.resources;
    let output = Output::new(part.identity.clone());
    let host_limit = around.engine.memory_limit();
    Ok(Template {
        identity: part.identity.clone(),
        environment: resources.environment.clone(),
        mounts: around
            .volumes
            .mounts(&part.identity.component, &resources.mounts)?,
        outgoing: Outgoing {
            policy: Arc::new(resources.allowed_hosts.clone()),
            egress: around.egress.clone(),
            front: around.front.clone(),
            output: output.clone(),
        },
        addresses: around.addresses,
        lookups: Arc::new(resources.allowed_lookups.clone()),
        memory_limit: resources.memory_limit.unwrap_or(host_limit),
        output,
    })
}

fn unlinkable(part: &Part, error: &wasmtime::Error) -> PrepareError {
    PrepareError::Instantiate {
        component: part.identity.component.clone(),
        message: format!("{error:#}"),
    }
}
