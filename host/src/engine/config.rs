//! How Wasmtime is configured: one part decides the machine code and is shared with the compiler process,
//! the other decides how instances get their memory.

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, Memory, MemoryType,
    PoolingAllocationConfig, Result, Store,
};

/// Core instances per instance of the pool: a component is made of many (a Python one of 14).
const CORE_INSTANCES_PER_SLOT: u32 = 32;
/// Tables per instance of the pool; [`super::LoadedComponent`] counts components with more as several.
pub(super) const TABLES_PER_SLOT: u32 = 4;
/// Bytes of a used memory that are cleared and kept rather than returned to the system.
const MEMORY_KEEP_RESIDENT: usize = 2 << 20;
/// The same for tables.
const TABLE_KEEP_RESIDENT: usize = 512 << 10;
/// Elements of one table; interpreters compiled to WebAssembly have large ones.
const TABLE_ELEMENTS: usize = 1 << 16;
/// What the pool of the default size reserves, in bits; some processors have less address space.
const PROBE_BITS: u32 = 42;

/// What decides the machine code. Compiler and runtime must agree on all of it.
pub(super) fn code() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model_async(true)
        .wasm_component_model_map(true)
        .wasm_component_model_implements(true)
        .epoch_interruption(true);
    config
}

/// The engine that runs guests.
pub(super) fn engine(max_instances: u32) -> Result<Engine> {
    let mut config = code();
    if address_space_suffices()? {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(max_instances)));
    } else {
        tracing::warn!(
            "less than 2^{PROBE_BITS} bytes of address space: instances are allocated on demand, which is slower"
        );
    }
    Engine::new(&config)
}

fn pool(instances: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_memories(instances)
        .total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES_PER_SLOT))
        .total_tables(instances.saturating_mul(TABLES_PER_SLOT))
        // Besides the stack of the call itself, one for work that a guest does between calls.
        .total_stacks(instances.saturating_mul(2))
        .total_gc_heaps(instances)
        .max_tables_per_module(TABLES_PER_SLOT)
        .table_elements(TABLE_ELEMENTS)
        .linear_memory_keep_resident(MEMORY_KEEP_RESIDENT)
        .table_keep_resident(TABLE_KEEP_RESIDENT)
        .pagemap_scan(Enabled::Auto);
    pool
}

/// Whether 2^42 bytes can be reserved, by reserving them.
fn address_space_suffices() -> Result<bool> {
    let mut config = Config::new();
    config
        .wasm_memory64(true)
        .memory_reservation(1 << PROBE_BITS);
    let mut store = Store::new(&Engine::new(&config)?, ());
    const PAGE_BITS: u32 = 16;
    let whole = MemoryType::new64(0, Some(1 << (PROBE_BITS - PAGE_BITS)));
    Ok(Memory::new(&mut store, whole).is_ok())
}
