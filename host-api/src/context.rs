//! The data of a store: everything host functions can reach from a call.

use crate::{ComponentIdentity, MemoryLimit};
use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::Arc,
};
use wasmtime::{ResourceLimiter, component::ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView};

/// The data of the store of one component instance.
///
/// There is one store per component instance, always: nothing in here is ever seen by another
/// component, also not by one that this one calls.
pub struct Ctx {
    /// WASI as this component may use it: its own environment, volumes and sockets.
    pub wasi: WasiCtx,
    /// Host resources that the guest holds handles to.
    pub table: ResourceTable,
    /// State of `wasi:http`.
    pub http: WasiHttpCtx,
    /// State that plugins keep per instance.
    pub states: States,
    /// Memory limit of the instance.
    pub memory: MemoryLimit,
    hooks: Box<dyn WasiHttpHooks>,
    identity: Arc<ComponentIdentity>,
}

/// What a [`Ctx`] is made of.
pub struct CtxParts {
    /// WASI as the component may use it.
    pub wasi: WasiCtx,
    /// How outgoing HTTP of the component is sent.
    pub hooks: Box<dyn WasiHttpHooks>,
    /// Memory limit of the instance.
    pub memory: MemoryLimit,
    /// Whose instance it is.
    pub identity: Arc<ComponentIdentity>,
}

impl Ctx {
    /// The data of a new store.
    pub fn new(parts: CtxParts) -> Self {
        Self {
            wasi: parts.wasi,
            table: ResourceTable::new(),
            http: WasiHttpCtx::new(),
            states: States::default(),
            memory: parts.memory,
            hooks: parts.hooks,
            identity: parts.identity,
        }
    }

    /// The component whose instance this is.
    pub fn identity(&self) -> &Arc<ComponentIdentity> {
        &self.identity
    }

    /// For [`wasmtime::Store::limiter`].
    pub fn limiter(&mut self) -> &mut dyn ResourceLimiter {
        &mut self.memory
    }
}

impl WasiView for Ctx {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Ctx {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut *self.hooks,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}

/// Values kept per instance, one per type. An instance that keeps none pays nothing for it.
#[derive(Default)]
pub struct States(HashMap<TypeId, Box<dyn Any + Send>>);

impl States {
    /// The value of this type, made on first use.
    pub fn get_or_insert_with<T: Any + Send>(&mut self, make: impl FnOnce() -> T) -> &mut T {
        let slot = self
            .0
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Box::new(make()));
        match slot.downcast_mut() {
            Some(state) => state,
            // The key is the type, so the value has that type.
            None => unreachable!("state stored under another type's id"),
        }
    }

    /// The value of this type, if there is one.
    pub fn get<T: Any + Send>(&self) -> Option<&T> {
        self.0.get(&TypeId::of::<T>())?.downcast_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_kept_by_type() {
        #[derive(Debug, PartialEq)]
        struct A(u32);
        #[derive(Debug, PartialEq)]
        struct B(u32);
        let mut states = States::default();
        states.get_or_insert_with(|| A(1)).0 += 1;
        states.get_or_insert_with(|| B(10));
        assert_eq!(states.get_or_insert_with(|| A(100)), &mut A(2));
        assert_eq!(states.get::<B>(), Some(&B(10)));
        assert_eq!(states.get::<u8>(), None);
    }
}
