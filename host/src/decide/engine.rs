//! The engine: its settings, and the thread that ticks its epoch.
//!
//! Instances come from a pool that wipes what was written and keeps it resident. The pool is a matter of speed and no
//! wall of trust: before Linux 6.7 it wipes without looking which pages were written, and all else is the same.

use std::num::NonZeroUsize;
use std::sync::mpsc;

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OperatorCost, PoolingAllocationConfig, WasmFeatures,
};

use super::limits;

/// What WebAssembly has and a policy may not. Some of it this build of the engine lacks anyway; that it is refused shall
/// not hang on which features some other crate turns on.
const REFUSED: WasmFeatures = WasmFeatures::empty()
    // Left to the processor, or to chance.
    .union(WasmFeatures::RELAXED_SIMD)
    .union(WasmFeatures::THREADS)
    .union(WasmFeatures::SHARED_EVERYTHING_THREADS)
    // Memory that the limits do not see: a collector's heap, other stacks.
    .union(WasmFeatures::GC)
    .union(WasmFeatures::GC_TYPES)
    .union(WasmFeatures::EXCEPTIONS)
    .union(WasmFeatures::LEGACY_EXCEPTIONS)
    .union(WasmFeatures::STACK_SWITCHING)
    // The budget of memory is far below 4 GiB, and counts pages of 64 KiB.
    .union(WasmFeatures::MEMORY64)
    .union(WasmFeatures::CUSTOM_PAGE_SIZES)
    // No language that was tried needs these, and what is young has faults.
    .union(WasmFeatures::WIDE_ARITHMETIC)
    // A decision is one call that returns: nothing goes on beside or after it.
    .union(WasmFeatures::CM_ASYNC)
    .union(WasmFeatures::CM_ASYNC_STACKFUL)
    .union(WasmFeatures::CM_MORE_ASYNC_BUILTINS)
    .union(WasmFeatures::CM_THREADING)
    .union(WasmFeatures::CM_ERROR_CONTEXT)
    // Types that the contract does not have.
    .union(WasmFeatures::CM_GC)
    .union(WasmFeatures::CM_MAP)
    .union(WasmFeatures::CM64)
    .union(WasmFeatures::CM_FIXED_LENGTH_LISTS)
    .union(WasmFeatures::CM_IMPLEMENTS);

/// Makes an engine and starts the thread that ticks its epoch, which ends with the engine. It ticks when this returns:
/// whoever gives up his rights next could not let a thread begin any more.
pub(super) fn start(config: &Config) -> wasmtime::Result<Engine> {
    let engine = Engine::new(config)?;
    let weak = engine.weak();
    let (ticks, begins) = mpsc::sync_channel(1);
    let tick = move || {
        // Whoever started it waits for this.
        let _waits = ticks.send(());
        while let Some(engine) = weak.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(limits::EPOCH_TICK);
        }
    };
    std::thread::Builder::new().name("policy-epoch".into()).spawn(tick)?;
    begins.recv().map_err(|_| wasmtime::Error::msg("the thread that ticks the epoch did not begin"))?;
    Ok(engine)
}

/// The engine's settings; the benchmark measures its floor under the same ones.
pub fn engine_config() -> Config {
    config(PoolingAllocationConfig::default(), limits::AT_ONCE_MAX)
}

/// The settings of a process that asks one policy at a time and may start no thread. What it compiles is the same. Its pool
/// is small: tables and stacks count as data from the beginning, whether they are used or not (3.4 GiB of a host's).
pub(super) fn alone() -> Config {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_stacks(1);
    let mut config = config(pool, 1);
    config.parallel_compilation(false);
    config
}

fn config(mut pool: PoolingAllocationConfig, components: u32) -> Config {
    pool.total_component_instances(components)
        .max_memories_per_module(limits::MEMORIES_MAX)
        .max_tables_per_module(limits::MEMORIES_MAX)
        .total_core_instances(limits::CORE_INSTANCES_MAX * components)
        .total_memories((2 * components).max(limits::MEMORIES_MAX))
        .total_tables(limits::TABLES_MAX * components)
        .table_elements(limits::TABLE_ELEMENTS_MAX)
        .max_memory_size(limits::MEMORY_BYTES_MAX)
        .max_memories_per_component(limits::MEMORIES_MAX)
        .max_tables_per_component(limits::TABLES_MAX)
        .max_core_instances_per_component(limits::CORE_INSTANCES_MAX)
        .max_core_instance_size(limits::INSTANCE_BYTES_MAX)
        .max_component_instance_size(limits::INSTANCE_BYTES_MAX)
        .pagemap_scan(Enabled::Auto);
    // Where the kernel cannot tell which pages were written (before Linux 6.7), keeping them means to wipe them all,
    // and a guest with a stack of 1 MiB gets slower by it.
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.linear_memory_keep_resident(limits::KEEP_RESIDENT_BYTES).table_keep_resident(limits::KEEP_RESIDENT_BYTES);
    }
    let mut config = Config::new();
    // Replays must agree on every machine: no instruction whose result is left to the processor, and one NaN.
    config.wasm_features(REFUSED, false);
    config
        .consume_fuel(true)
        .operator_cost(costs())
        .epoch_interruption(true)
        .max_wasm_stack(limits::GUEST_STACK_BYTES_MAX)
        .cranelift_nan_canonicalization(true)
        .wasm_backtrace_max_frames(NonZeroUsize::new(limits::BACKTRACE_FRAMES_MAX))
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

/// What an instruction costs: one, but for those that call into the engine's own code and may have nothing to do there.
/// At the price of an instruction a loop of them would outlast its fuel by the clock.
fn costs() -> OperatorCost {
    let called = limits::ENGINE_CALL_FUEL;
    OperatorCost {
        MemoryGrow: called,
        MemoryFill: called,
        MemoryCopy: called,
        MemoryInit: called,
        TableGrow: called,
        TableFill: called,
        TableCopy: called,
        TableInit: called,
        ..OperatorCost::new()
    }
}
