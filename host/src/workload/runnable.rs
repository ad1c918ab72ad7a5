//! A component that is linked and bound: everything that can be done once per workload is done, so that an
//! instance costs its memory and nothing else.

use super::{
    fault::{Fault, Suspect},
    outgoing::Outgoing,
    output::{Output, Stream},
    sockets,
    volumes::Mount,
};
use crate::{
    engine::Engine,
    net::{AddressPolicy, IpNameLookups},
};
use host_api::{ComponentIdentity, Ctx, CtxParts, LimitBreach, MemoryLimit};
use std::sync::Arc;
use wasmtime::{Store, component::InstancePre};
use wasmtime_wasi::{FsPerms, WasiCtx};

/// What every instance of one component gets: its own environment, volumes, allow-lists and limits, also
/// when another component calls it.
pub struct Template {
    /// Whose it is.
    pub identity: Arc<ComponentIdentity>,
    /// Environment variables.
    pub environment: super::spec::Environment,
    /// Volumes.
    pub mounts: Vec<Mount>,
    /// Outgoing HTTP, and the allow-list sockets are checked against.
    pub outgoing: Outgoing,
    /// Addresses no component of this host may reach by socket, whatever its list says.
    pub addresses: AddressPolicy,
    /// Names it may look up.
    pub lookups: Arc<IpNameLookups>,
    /// Bytes of memory of one instance.
    pub memory_limit: usize,
    /// Where its output goes.
    pub output: Arc<Output>,
}

impl Template {
    fn ctx(&self, breach: LimitBreach) -> wasmtime::Result<Ctx> {
        let mut wasi = WasiCtx::builder();
        for (name, value) in &self.environment.0 {
            wasi.env(name, value);
        }
        wasi.stdout(self.output.stream(Stream::Stdout));
        wasi.stderr(self.output.stream(Stream::Stderr));
        for mount in &self.mounts {
            let permissions = if mount.read_only {
                FsPerms::ReadOnly
            } else {
                FsPerms::ReadWrite
            };
            wasi.preopened_dir(&mount.host, &mount.guest, permissions)?;
        }
        sockets::allow(&mut wasi, &self.outgoing.policy, self.addresses);
        let mut ctx = Ctx::new(CtxParts {
            wasi: wasi.build(),
            hooks: Box::new(self.outgoing.clone()),
            memory: MemoryLimit::new(self.memory_limit, breach),
            identity: self.identity.clone(),
        });
        let lookups = &self.lookups;
        ctx.states
            .get_or_insert_with(|| sockets::AllowedLookups(lookups.clone()));
        Ok(ctx)
    }
}

/// A component ready to be instantiated.
pub struct Runnable {
    /// The engine it runs on.
    pub engine: Arc<Engine>,
    /// What its instances get.
    pub template: Template,
    /// Imports resolved and types checked.
    pub pre: InstancePre<Ctx>,
    /// Permits an instance takes together with all it may call.
    pub weight: u32,
}

impl Runnable {
    /// Its name within the workload.
    pub fn name(&self) -> &str {
        &self.template.identity.component
    }

    /// A store for a new instance. `breach` tells, also after the store is gone, whether it ran into its
    /// memory limit.
    pub fn store(&self, breach: &LimitBreach) -> Result<Store<Ctx>, Fault> {
        let ctx = self
            .template
            .ctx(breach.clone())
            .map_err(|error| Fault::Host {
                component: self.name().to_owned(),
                message: format!("{error:#}"),
            })?;
        Ok(self.engine.store(ctx))
    }

    /// The true name of an error that came out of an instance.
    pub fn fault(&self, breach: &LimitBreach, error: &wasmtime::Error) -> Fault {
        tracing::debug!(component = self.name(), error = ?error, "guest fault");
        let suspect = Suspect {
            component: self.name(),
            memory_limit: self.template.memory_limit,
            breach,
        };
        Fault::classify(suspect, error)
    }
}
