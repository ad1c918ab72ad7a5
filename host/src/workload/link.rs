//! The calling side of a call between components: host functions in the caller's linker that capture the
//! called component and one of its functions, and nothing of any instance, so that everything is built once
//! per workload.

use super::{
    callee::{Callee, Function, Hold, Session},
    crossing::{self, Resources, each_resource, holds_resource},
    fault::Fault,
};
use crate::engine::Permits;
use host_api::{Ctx, InterfaceName};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};
use tokio::sync::Semaphore;
use wasmtime::{
    AsContextMut as _, Result, StoreContextMut,
    component::{
        ComponentExportIndex, Linker, ResourceDynamic, ResourceType, Val,
        types::{ComponentFunc, ComponentInstance, ComponentItem},
    },
};

/// Dynamic resource types are told apart by number; each link makes its own.
static NEXT_RESOURCE: AtomicU32 = AtomicU32::new(1);

/// Two components cannot be linked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The interfaces differ.
    #[error("component `{caller}` imports `{interface}` from `{callee}`, but {problem}")]
    Mismatch {
        /// Who imports.
        caller: String,
        /// Who exports.
        callee: String,
        /// What.
        interface: String,
        /// The difference.
        problem: String,
    },
    /// A value cannot be passed between components.
    #[error(
        "function `{function}` of `{interface}` cannot be called between components `{caller}` and \
         `{callee}`: {problem}"
    )]
    Uncrossable {
        /// Who imports.
        caller: String,
        /// Who exports.
        callee: String,
        /// What.
        interface: String,
        /// The function.
        function: String,
        /// Parameter and type.
        problem: String,
    },
}

/// What connects one import of a caller with one export of a callee.
pub(super) struct Link<'a> {
    pub engine: &'a wasmtime::Engine,
    pub caller: &'a str,
    pub callee: &'a Arc<Callee>,
    /// Name of the instance in the caller.
    pub import: &'a str,
    pub imported: &'a ComponentInstance,
    /// The callee's export.
    pub export: &'a InterfaceName,
}

impl Link<'_> {
    /// Defines everything the caller imports.
    pub(super) fn define(&self, linker: &mut Linker<Ctx>) -> Result<(), Box<LinkError>> {
        let component = self.callee.runnable.pre.component();
        let name = self.export.to_string();
        let (Some((_, interface)), Some(ty)) = (
            component.get_export(None, &name),
            component
                .component_type()
                .get_export(self.engine, &name)
                .map(|item| item.ty),
        ) else {
            return Err(self.mismatch("it is not exported".to_owned()));
        };
        let ComponentItem::ComponentInstance(exported) = ty else {
            return Err(self.mismatch("the export is not an interface".to_owned()));
        };
        let mut resources = Resources::default();
        for (name, item) in exported.exports(self.engine) {
            if let ComponentItem::Resource(ty) = item.ty {
                resources.push(name, ty);
            }
        }
        let target = Target {
            callee: self.callee.clone(),
            first_type: NEXT_RESOURCE
                .fetch_add(resources.names().count() as u32, Ordering::Relaxed),
            resources,
        };
        let mut instance = linker
            .instance(self.import)
            .map_err(|error| self.mismatch(format!("{error:#}")))?;
        for (name, item) in self.imported.exports(self.engine) {
            let defined = match item.ty {
                ComponentItem::ComponentFunc(wanted) => {
                    let function = self.function(interface, &exported, &target, name, &wanted)?;
                    target
                        .clone()
                        .define(&mut instance, function, wanted.async_())
                }
                ComponentItem::Resource(_) => target.define_resource(&mut instance, name),
                _ => Ok(()),
            };
            defined.map_err(|error| self.mismatch(format!("`{name}`: {error:#}")))?;
        }
        Ok(())
    }

    fn function(
        &self,
        interface: ComponentExportIndex,
        exported: &ComponentInstance,
        target: &Target,
        name: &str,
        wanted: &ComponentFunc,
    ) -> Result<Arc<Function>, Box<LinkError>> {
        let component = self.callee.runnable.pre.component();
        let Some(ComponentItem::ComponentFunc(offered)) =
            exported.get_export(self.engine, name).map(|item| item.ty)
        else {
            return Err(self.mismatch(format!("function `{name}` is not exported")));
        };
        let own = &target.resources;
        crossing::check(self.engine, &component.component_type(), own, &offered).map_err(
            |problem| {
                Box::new(LinkError::Uncrossable {
                    caller: self.caller.to_owned(),
                    callee: self.callee.runnable.name().to_owned(),
                    interface: self.export.to_string(),
                    function: name.to_owned(),
                    problem,
                })
            },
        )?;
        // Resource types are never equal across components; what holds none must be.
        let same = wanted.params().len() == offered.params().len()
            && wanted.results().len() == offered.results().len()
            && wanted
                .params()
                .map(|(_, ty)| ty)
                .chain(wanted.results())
                .zip(offered.params().map(|(_, ty)| ty).chain(offered.results()))
                .all(|(wanted, offered)| holds_resource(&offered) || wanted == offered);
        if !same || wanted.async_() != offered.async_() {
            return Err(self.mismatch(format!("function `{name}` has another type there")));
        }
        let index = component
            .get_export_index(Some(&interface), name)
            .ok_or_else(|| self.mismatch(format!("function `{name}` is not exported")))?;
        Ok(Arc::new(Function {
            name: name.to_owned(),
            index,
            params: offered.params().map(|(_, ty)| ty).collect(),
            results: offered.results().collect(),
        }))
    }

    #[expect(
        clippy::unnecessary_box_returns,
        reason = "every caller returns it, boxed because errors of a start are kept small"
    )]
    fn mismatch(&self, problem: String) -> Box<LinkError> {
        Box::new(LinkError::Mismatch {
            caller: self.caller.to_owned(),
            callee: self.callee.runnable.name().to_owned(),
            interface: self.import.to_owned(),
            problem,
        })
    }
}

/// A called interface, as the host functions in the caller's linker see it.
#[derive(Clone)]
struct Target {
    callee: Arc<Callee>,
    resources: Resources,
    /// Number of the dynamic type of the first resource; the others follow.
    first_type: u32,
}

/// What one caller instance keeps per component it calls.
#[derive(Default)]
struct Links(HashMap<usize, Slot>);

struct Slot {
    /// The caller's permit covers one instance of each component it calls.
    share: Arc<Semaphore>,
    session: Option<Session>,
}

impl Target {
    fn define(
        self,
        instance: &mut wasmtime::component::LinkerInstance<'_, Ctx>,
        function: Arc<Function>,
        concurrent: bool,
    ) -> Result<()> {
        let name = function.name.clone();
        if concurrent {
            instance.func_new_concurrent(&name, move |accessor, _, args, results| {
                let (target, function) = (self.clone(), function.clone());
                Box::pin(async move {
                    let call = accessor.with(|mut access| {
                        target.prepare(&mut access.as_context_mut(), &function, args)
                    })?;
                    let values = target.run(call, function.clone()).await?;
                    accessor.with(|mut access| {
                        target.finish(&mut access.as_context_mut(), &function, values, results)
                    })
                })
            })
        } else {
            instance.func_new_async(&name, move |mut store, _, args, results| {
                let (target, function) = (self.clone(), function.clone());
                Box::new(async move {
                    let call = target.prepare(&mut store, &function, args)?;
                    let values = target.run(call, function.clone()).await?;
                    target.finish(&mut store, &function, values, results)
                })
            })
        }
    }

    fn define_resource(
        &self,
        instance: &mut wasmtime::component::LinkerInstance<'_, Ctx>,
        name: &str,
    ) -> Result<()> {
        let Some(position) = self.resources.names().position(|own| own == name) else {
            wasmtime::bail!("resource is not exported");
        };
        let ty = ResourceType::host_dynamic(self.first_type + position as u32);
        let key = self.key();
        instance.resource(name, ty, move |mut store, number| {
            let links = store.data_mut().states.get_or_insert_with(Links::default);
            if let Some(session) = links.0.get(&key).and_then(|slot| slot.session.as_ref()) {
                session.drop_resource(number);
            }
            Ok(())
        })
    }

    fn key(&self) -> usize {
        Arc::as_ptr(&self.callee).addr()
    }

    /// Takes what the call needs out of the caller's store.
    fn prepare(
        &self,
        store: &mut StoreContextMut<'_, Ctx>,
        function: &Function,
        args: &[Val],
    ) -> Result<Call> {
        let mut args = args.to_vec();
        for (arg, ty) in args.iter_mut().zip(&function.params) {
            each_resource(arg, ty, &mut |place| {
                let Val::Resource(handle) = *place.value else {
                    wasmtime::bail!("a resource is missing in an argument");
                };
                let number = handle.try_into_resource_dynamic(&mut *store)?.rep();
                *place.value = Val::U32(number);
                Ok(())
            })?;
        }
        let links = store.data_mut().states.get_or_insert_with(Links::default);
        let slot = links.0.entry(self.key()).or_insert_with(|| Slot {
            share: Arc::new(Semaphore::new(1)),
            session: None,
        });
        if !self.resources.is_empty() && slot.session.is_none() {
            let permits = self.callee.runnable.engine.permits();
            let hold = hold_now(&slot.share, permits, self.callee.runnable.weight).ok_or(
                Fault::Exhausted {
                    waited: std::time::Duration::ZERO,
                },
            )?;
            slot.session = Some(self.callee.session(self.resources.clone(), hold));
        }
        let session = slot.session.clone();
        Ok(Call {
            args,
            session,
            share: slot.share.clone(),
        })
    }

    async fn run(&self, call: Call, function: Arc<Function>) -> Result<Vec<Val>, Fault> {
        let Call {
            args,
            session,
            share,
        } = call;
        let runnable = &self.callee.runnable;
        if let Some(session) = session {
            // Where resources are, calls go. Others go there too when the host is full: the session has
            // the share, and keeps it as long as the caller lives.
            if !self.resources.is_empty() {
                return session.call(function, args).await;
            }
            return match runnable.engine.permits().try_acquire(runnable.weight) {
                Some(permit) => {
                    self.callee
                        .call(function, args, async { Ok(Hold::Own(permit)) })
                        .await
                }
                None => session.call(function, args).await,
            };
        }
        let hold = async {
            match hold_now(&share, runnable.engine.permits(), runnable.weight) {
                Some(hold) => Ok(hold),
                // The instance that has the share ends without needing anything from this call.
                None => share
                    .clone()
                    .acquire_owned()
                    .await
                    .map(Hold::Share)
                    .map_err(|_| Fault::Host {
                        component: runnable.name().to_owned(),
                        message: "the workload is stopping".to_owned(),
                    }),
            }
        };
        self.callee.call(function, args, hold).await
    }

    /// Puts the results into the caller's store.
    fn finish(
        &self,
        store: &mut StoreContextMut<'_, Ctx>,
        function: &Function,
        values: Vec<Val>,
        results: &mut [Val],
    ) -> Result<()> {
        for ((slot, mut value), ty) in results.iter_mut().zip(values).zip(&function.results) {
            each_resource(&mut value, ty, &mut |place| {
                let (Val::U32(number), Some(position)) =
                    (&*place.value, self.resources.index(&place.ty))
                else {
                    wasmtime::bail!("a resource of an unknown type was returned");
                };
                let ty = self.first_type + position as u32;
                let handle =
                    ResourceDynamic::new_own(*number, ty).try_into_resource_any(&mut *store)?;
                *place.value = Val::Resource(handle);
                Ok(())
            })?;
            *slot = value;
        }
        Ok(())
    }
}

/// A call on its way.
struct Call {
    args: Vec<Val>,
    session: Option<Session>,
    share: Arc<Semaphore>,
}

/// The caller's share, or else a permit that is free right now. Never waits for a permit: a caller that
/// holds some and waits for more may wait for itself.
fn hold_now(share: &Arc<Semaphore>, permits: &Permits, weight: u32) -> Option<Hold> {
    match share.clone().try_acquire_owned() {
        Ok(share) => Some(Hold::Share(share)),
        Err(_) => permits.try_acquire(weight).map(Hold::Own),
    }
}
