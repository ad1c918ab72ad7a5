//! The WebAssembly engine: how Wasmtime is configured, where guests run, how components become machine
//! code, and how many instances fit. One [`Engine`] per process, shared by every host in it: a pooling
//! allocator reserves terabytes of address space.

mod cache;
pub mod compile;
mod config;
mod epoch;
mod guest;
mod loaded;
mod permits;

pub use compile::{CompileError, CompileLimits};
pub use loaded::LoadedComponent;
pub use permits::{Exhausted, IdleSlot, Permit, Permits};

use cache::Cache;
use epoch::Epochs;
use guest::GuestRuntime;
use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::sync::Semaphore;

/// Options of the [`Engine`] of a process.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Linear memories (and so, at most, instances) alive at once. Each reserves 4 GiB of address space.
    pub max_instances: u32,
    /// How long a request waits for a free instance before it is refused.
    pub permit_wait: Duration,
    /// Bytes that all memories and tables of one instance may take, unless its workload sets less.
    pub memory_limit: usize,
    /// Threads that run guests.
    pub guest_threads: usize,
    /// Where compiled components are kept between runs of the process. Must belong to this user alone.
    /// `None`: compiled anew in every process.
    pub cache_dir: Option<PathBuf>,
    /// The program run as `<compiler> __compile …`; see [`compile::child_main`].
    pub compiler: PathBuf,
    /// Bounds of one compilation.
    pub compile: CompileLimits,
    /// Compilations at once.
    pub parallel_compilations: usize,
}

impl Default for EngineOptions {
    /// 1,000 instances of at most 256 MiB, as many guest threads as processors, no disk cache, compiled by
    /// this very program.
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            max_instances: 1000,
            permit_wait: Duration::from_secs(1),
            memory_limit: 256 << 20,
            guest_threads: processors,
            cache_dir: None,
            compiler: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe")),
            compile: CompileLimits::default(),
            parallel_compilations: processors.div_ceil(2),
        }
    }
}

/// The engine could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Wasmtime refused its configuration.
    #[error("wasmtime could not be configured: {0:#}")]
    Wasmtime(wasmtime::Error),
    /// The guest runtime's threads could not be started.
    #[error("threads for guests could not be started")]
    Threads(#[source] std::io::Error),
    /// The cache directory is missing, someone else's, or open to others.
    #[error("cache directory {path}: {problem}")]
    CacheDir {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it and what to do.
        problem: String,
    },
}

type Digest = [u8; 32];

/// Runs guests. See the module documentation.
pub struct Engine {
    wasmtime: wasmtime::Engine,
    guests: GuestRuntime,
    epochs: Epochs,
    permits: Permits,
    cache: Option<Cache>,
    compiling: Semaphore,
    loaded: parking_lot::Mutex<HashMap<Digest, Arc<tokio::sync::Mutex<Weak<LoadedComponent>>>>>,
    options: EngineOptions,
}

impl Engine {
    /// Sets up the engine. Call once per process.
    pub fn new(options: EngineOptions) -> Result<Arc<Self>, EngineError> {
        let wasmtime = config::engine(options.max_instances).map_err(EngineError::Wasmtime)?;
        let cache = options
            .cache_dir
            .as_deref()
            .map(|dir| Cache::open(dir, &wasmtime))
            .transpose()?;
        Ok(Arc::new(Self {
            guests: GuestRuntime::start(options.guest_threads).map_err(EngineError::Threads)?,
            epochs: Epochs::start(&wasmtime).map_err(EngineError::Threads)?,
            permits: Permits::new(options.max_instances, options.permit_wait),
            compiling: Semaphore::new(options.parallel_compilations.max(1)),
            loaded: parking_lot::Mutex::default(),
            cache,
            wasmtime,
            options,
        }))
    }

    /// Wasmtime's engine, for linkers and stores.
    pub fn wasmtime(&self) -> &wasmtime::Engine {
        &self.wasmtime
    }

    /// The runtime every store lives on. Nothing else may run there: guests make each of its polls last
    /// as long as an epoch.
    pub fn guests(&self) -> &tokio::runtime::Handle {
        self.guests.handle()
    }

    /// What instances must hold while they live.
    pub fn permits(&self) -> &Permits {
        &self.permits
    }

    /// Bytes one instance may take unless its workload says otherwise.
    pub fn memory_limit(&self) -> usize {
        self.options.memory_limit
    }

    /// A store on this engine: limited in memory, yielding at every epoch. Epochs pass while the returned
    /// store lives.
    pub fn store(&self, ctx: host_api::Ctx) -> wasmtime::Store<host_api::Ctx> {
        let mut store = wasmtime::Store::new(&self.wasmtime, ctx);
        store
            .data_mut()
            .states
            .get_or_insert_with(|| self.epochs.keep());
        store.limiter(host_api::Ctx::limiter);
        epoch::arm(&mut store);
        store
    }

    /// The machine code of a component: from memory, from the disk cache, or compiled now in a process of
    /// its own. Concurrent calls for the same bytes compile once.
    pub async fn load(&self, bytes: bytes::Bytes) -> Result<Arc<LoadedComponent>, CompileError> {
        let digest = loaded::digest(&bytes);
        let slot = self.loaded.lock().entry(digest).or_default().clone();
        let mut slot = slot.lock().await;
        if let Some(loaded) = slot.upgrade() {
            return Ok(loaded);
        }
        let artifact = match self.cached(digest).await {
            Some(artifact) => artifact,
            None => self.compile(digest, bytes).await?,
        };
        let wasmtime = self.wasmtime.clone();
        let loaded = blocking(move || LoadedComponent::new(&wasmtime, &artifact, digest)).await??;
        let loaded = Arc::new(loaded);
        *slot = Arc::downgrade(&loaded);
        drop(slot);
        self.forget_unused();
        Ok(loaded)
    }

    async fn cached(&self, digest: Digest) -> Option<compile::Artifact> {
        let cache = self.cache.clone()?;
        blocking(move || cache.read(digest)).await.ok().flatten()
    }

    async fn compile(
        &self,
        digest: Digest,
        bytes: bytes::Bytes,
    ) -> Result<compile::Artifact, CompileError> {
        compile::precheck(&bytes)?;
        // The semaphore is never closed.
        let _turn = self
            .compiling
            .acquire()
            .await
            .map_err(|_| CompileError::Stopped)?;
        let artifact =
            compile::in_child(&self.options.compiler, self.options.compile, bytes).await?;
        let Some(cache) = self.cache.clone() else {
            return Ok(artifact);
        };
        blocking(move || {
            if let Err(error) = cache.write(digest, &artifact) {
                tracing::warn!(%error, "a compiled component could not be cached on disk");
            }
            artifact
        })
        .await
    }

    /// Drops entries whose component no workload uses any more.
    fn forget_unused(&self) {
        self.loaded.lock().retain(|_, slot| {
            Arc::strong_count(slot) > 1
                || slot
                    .try_lock()
                    .is_ok_and(|component| component.strong_count() > 0)
        });
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CompileError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| CompileError::Stopped)
}
