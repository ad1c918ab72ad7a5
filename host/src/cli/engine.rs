//! How guests run.

use std::path::PathBuf;

use super::{FlagError, images::user_folder, values::bytes};
use crate::engine::EngineOptions;

#[derive(clap::Args)]
#[command(next_help_heading = "Engine")]
pub(super) struct EngineArgs {
    /// Most component instances alive at once.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    max_instances: u32,
    /// Memory of one instance, unless its workload sets less.
    #[arg(long, value_name = "BYTES", default_value = "256Mi", value_parser = bytes)]
    instance_memory: u64,
    /// Threads that run guests [default: one per processor].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    guest_threads: Option<u16>,
    /// Folder for compiled components, which must belong to this user alone [default: wasmcloud/compiled
    /// in the user's cache folder; none without a home].
    #[arg(long, value_name = "DIR", env = "WASMCLOUD_COMPILE_CACHE")]
    compile_cache: Option<PathBuf>,
}

impl EngineArgs {
    pub(super) fn options(&self) -> Result<EngineOptions, FlagError> {
        let memory_limit = usize::try_from(self.instance_memory)
            .ok()
            .filter(|bytes| *bytes >= 64 << 10)
            .ok_or_else(|| {
                FlagError::new("--instance-memory", "must be at least 64Ki, one page")
            })?;
        let default = EngineOptions::default();
        Ok(EngineOptions {
            max_instances: self.max_instances,
            memory_limit,
            guest_threads: self
                .guest_threads
                .map_or(default.guest_threads, usize::from),
            cache_dir: self.compile_cache.clone().or_else(|| {
                user_folder("XDG_CACHE_HOME", ".cache")
                    .map(|cache| cache.join("wasmcloud/compiled"))
            }),
            ..default
        })
    }
}
