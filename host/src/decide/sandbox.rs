//! The sandbox that policies decide in.
//!
//! A [`Sandbox`] is one engine with its limits; a [`Policy`] is a component that was examined, compiled, compared with
//! the contract and asked for its description. [`Policy::decide`] takes the encoded bytes of a situation and gives
//! back the encoded bytes of a decision, in a store that lives for this one call: nothing passes from one decision to
//! the next but the memo. That it is bytes on both sides is so that this can move into a process of its own.
//!
//! **Fuel** is the limit that counts, because it is the same on every machine and in every replay. The **epoch** only
//! backs it up, for time that passes where no fuel is counted; its thread ends with the engine. The **stack** is a
//! host abort although a guest causes it: how deep a guest gets before 512 KiB are gone depends on the frames that this
//! version of the compiler makes for this processor, so the same guest may return on another engine, and a failure
//! that does not repeat there must not fence a policy.
//!
//! Instances come from a pool that wipes what was written and keeps it resident. The pool is a matter of speed and no
//! wall of trust: before Linux 6.7 it wipes without looking which pages were written, and all else is the same.

use std::any::Any;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use quarterdeck_core::decision::Description;
use quarterdeck_core::digest::Digest;
use quarterdeck_core::encoding;
use quarterdeck_core::situation::{SITUATION_BYTES_MAX, Situation};
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

use super::answer::{Answer, Class, GuestFailure, HostAbort};
use super::bindings::exports::quarterdeck::policy::decider::Guest as Decider;
use super::bindings::quarterdeck::policy::types as wit;
use super::bindings::{Policy as Bound, PolicyPre};
use super::guest::{Stay, detail, shorten};
use super::shape::{self, Mismatch};
use super::structure::{self, StructureError};
use super::{boundary, limits};

/// The engine could not be made.
#[derive(Debug, thiserror::Error)]
#[error("set up the sandbox for policies: {0}")]
pub struct SandboxError(String);

/// Why a file did not become a policy.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It is no component, or one that it would be dangerous to compile.
    #[error("look at how the component is built")]
    Structure(#[from] StructureError),
    /// The host's own code failed over it.
    #[error("look at the component: the host panicked: {0}")]
    Panic(String),
    /// The compiler refused it.
    #[error("compile the component: {0}")]
    Compile(String),
    /// It does not have the shape of the contract.
    #[error("compare the component with the contract")]
    Shape(#[from] Mismatch),
    /// The engine refused to link it, though its shape is right.
    #[error("link the component: {0}")]
    Link(String),
    /// Asked what it is, it did not answer.
    #[error("ask the component what it is: {}: {detail}", class.name())]
    Describe {
        /// The class of what came instead of a description.
        class: Class,
        /// More, for people.
        detail: String,
    },
}

/// One engine, with the limits that every policy decides under.
pub struct Sandbox {
    engine: Engine,
    under_way: Arc<AtomicUsize>,
}

/// A component that can decide.
pub struct Policy {
    digest: Digest,
    description: Description,
    ready: Ready,
}

/// A component that is compiled and linked and waits to be instantiated.
struct Ready {
    engine: Engine,
    pre: PolicyPre<Stay>,
    under_way: Arc<AtomicUsize>,
}

impl Sandbox {
    /// Makes an engine and starts the thread that ticks its epoch.
    ///
    /// # Errors
    /// Where the machine lacks the address space for the pool, or a thread.
    pub fn new() -> Result<Sandbox, SandboxError> {
        let engine = Engine::new(&engine_config()).map_err(|error| SandboxError(format!("{error:#}")))?;
        let weak = engine.weak();
        let tick = move || {
            while let Some(engine) = weak.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(limits::EPOCH_TICK);
            }
        };
        let named = std::thread::Builder::new().name("policy-epoch".into());
        named.spawn(tick).map_err(|error| SandboxError(format!("start the epoch's thread: {error}")))?;
        Ok(Sandbox { engine, under_way: Arc::default() })
    }

    /// Makes a policy of a component's bytes. Compiling takes from 0.1 s (Rust) to 15 s (JavaScript), so this is no
    /// step of a turn; and a component from outside may make the compiler hungry, so it belongs behind a limit of its
    /// own.
    ///
    /// # Errors
    /// Where the bytes are no component, exceed a limit, differ from the contract, or do not describe themselves.
    pub fn load(&self, bytes: &[u8]) -> Result<Policy, LoadError> {
        catch_unwind(AssertUnwindSafe(|| self.make(bytes))).unwrap_or_else(|panic| Err(LoadError::Panic(said(&*panic))))
    }

    fn make(&self, bytes: &[u8]) -> Result<Policy, LoadError> {
        let outside = structure::examine(bytes)?;
        shape::compare_names(&outside)?;
        let component = Component::from_binary(&self.engine, bytes).map_err(|e| LoadError::Compile(detail(&e)))?;
        shape::compare_types(&self.engine, &component)?;
        let link = |error: wasmtime::Error| LoadError::Link(detail(&error));
        let mut linker = Linker::new(&self.engine);
        Bound::add_to_linker::<_, HasSelf<_>>(&mut linker, |stay| stay).map_err(link)?;
        let pre = PolicyPre::new(linker.instantiate_pre(&component).map_err(link)?).map_err(link)?;
        let ready = Ready { engine: self.engine.clone(), pre, under_way: self.under_way.clone() };
        let description = ready.describe().map_err(|class| {
            let detail = match &class {
                Class::Decided(_) => String::new(),
                Class::GuestFailure { detail, .. } | Class::HostAbort { detail, .. } => detail.clone(),
            };
            LoadError::Describe { class, detail }
        })?;
        Ok(Policy { digest: Digest::of(bytes), description, ready })
    }

    /// How many decisions are under way on threads of their own, those included that were given up.
    pub fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }
}

impl Policy {
    /// The digest of the component's bytes: what the policy is called everywhere.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What it says of itself.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Asks it to decide, on this thread. Takes the canonical encoding of a [`Situation`] and answers with that of a
    /// [`Decision`](quarterdeck_core::decision::Decision), or says whose doing it is that there is none.
    pub fn decide(&self, situation: &[u8]) -> Answer {
        catch_unwind(AssertUnwindSafe(|| self.ready.decide(situation)))
            .unwrap_or_else(|panic| aborted(HostAbort::Panic, said(&*panic)))
    }

    /// [`Policy::decide`] from the moment when the situation has been decoded and lowered: what the benchmark compares
    /// with its floor.
    pub fn ask(&self, situation: &wit::Situation) -> Answer {
        self.ready.ask(situation)
    }
}

/// Asks a policy to decide, on a thread of its own, and waits for it no longer than the deadline.
///
/// Not on the runtime's threads: a guest that spins there can freeze the timer that should end it. A thread that does
/// not come back is abandoned; it goes on counting as under way, and when too many hang nothing more is started.
pub async fn decide(policy: Arc<Policy>, situation: Arc<[u8]>) -> Answer {
    decide_within(limits::DEADLINE, policy, situation).await
}

/// [`decide`] with another deadline.
pub async fn decide_within(deadline: Duration, policy: Arc<Policy>, situation: Arc<[u8]>) -> Answer {
    let under_way = UnderWay::enter(&policy.ready.under_way);
    if under_way.count > limits::THREADS_MAX {
        return aborted(HostAbort::Pool, format!("{} earlier decisions have not come back", under_way.count - 1));
    }
    let (answer, answered) = tokio::sync::oneshot::channel();
    let named = std::thread::Builder::new().name("policy-decide".into()).stack_size(limits::THREAD_STACK_BYTES);
    let started = named.spawn(move || {
        let decided = policy.decide(&situation);
        // The policy and its slot are let go before anyone hears of the answer.
        drop((policy, situation, under_way));
        // Nobody waits any more where the deadline has passed: then the answer comes too late to be one.
        let _too_late = answer.send(decided).is_err();
    });
    if let Err(error) = started {
        return aborted(HostAbort::Pool, format!("start a thread to decide on: {error}"));
    }
    match tokio::time::timeout(deadline, answered).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => aborted(HostAbort::Panic, "the deciding thread ended without an answer".to_owned()),
        Err(_) => aborted(HostAbort::Deadline, format!("no answer within {} ms", deadline.as_millis())),
    }
}

/// One decision that is under way, counted until it ends.
struct UnderWay {
    all: Arc<AtomicUsize>,
    count: usize,
}

impl UnderWay {
    fn enter(all: &Arc<AtomicUsize>) -> UnderWay {
        UnderWay { all: all.clone(), count: all.fetch_add(1, Ordering::Relaxed) + 1 }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<&str>().copied();
    shorten(said.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no words"))
}

fn aborted(kind: HostAbort, detail: String) -> Answer {
    Answer { class: Class::HostAbort { kind, detail }, logs: vec![], logs_dropped: 0, fuel: 0 }
}

impl Ready {
    fn decide(&self, situation: &[u8]) -> Answer {
        if situation.len() > SITUATION_BYTES_MAX {
            let detail = format!("the situation has {} bytes, of {SITUATION_BYTES_MAX} at most", situation.len());
            return aborted(HostAbort::Situation, detail);
        }
        // That the bytes are canonical was proved when they were journaled.
        let situation: Situation = match encoding::decode_ours(situation) {
            Ok(situation) => situation,
            Err(error) => return aborted(HostAbort::Situation, error.to_string()),
        };
        self.ask(&boundary::lower(situation))
    }

    fn ask(&self, situation: &wit::Situation) -> Answer {
        let mut store = self.store();
        let said = self.call(&mut store, |policy, store| policy.call_decide(store, situation));
        let class = said.map(|said| match said {
            Ok(decision) => match boundary::lift(decision) {
                Ok(decision) => Class::Decided(encoding::encode(&decision)),
                Err(refused) => malformed(&refused),
            },
            Err(said) => Class::GuestFailure { kind: GuestFailure::Error, detail: shorten(&said) },
        });
        let fuel = limits::FUEL - store.get_fuel().unwrap_or(0);
        let stay = store.into_data();
        Answer { class: class.unwrap_or_else(|failed| failed), logs: stay.logs, logs_dropped: stay.logs_dropped, fuel }
    }

    fn describe(&self) -> Result<Description, Class> {
        let mut store = self.store();
        let said = self.call(&mut store, |policy, store| policy.call_describe(store))?;
        boundary::lift_description(said).map_err(|refused| malformed(&refused))
    }

    /// Instantiates the component and calls it once. Start functions run in here too, so the limits hold for them.
    fn call<T>(
        &self,
        store: &mut Store<Stay>,
        call: impl FnOnce(&Decider, &mut Store<Stay>) -> wasmtime::Result<T>,
    ) -> Result<T, Class> {
        let called = self.pre.instantiate(&mut *store);
        let called = called.and_then(|policy| call(policy.quarterdeck_policy_decider(), store));
        called.map_err(|error| store.data().classify(&error))
    }

    fn store(&self) -> Store<Stay> {
        let mut store = Store::new(&self.engine, Stay::default());
        store.limiter(|stay| stay);
        store.set_fuel(limits::FUEL).expect("the engine counts fuel");
        let ticks = limits::EPOCH.as_millis() / limits::EPOCH_TICK.as_millis();
        store.set_epoch_deadline(u64::try_from(ticks).expect("the epoch is seconds, not ages"));
        store.epoch_deadline_trap();
        store.set_hostcall_fuel(limits::HOSTCALL_BYTES_MAX);
        store
    }
}

fn malformed(refused: &boundary::Malformed) -> Class {
    Class::GuestFailure { kind: GuestFailure::Malformed, detail: shorten(&refused.to_string()) }
}

/// The engine's settings; the benchmark measures its floor under the same ones.
pub fn engine_config() -> Config {
    let components = u32::try_from(limits::THREADS_MAX).expect("a handful") + 2;
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(components)
        .max_memories_per_module(limits::MEMORIES_MAX)
        .max_tables_per_module(limits::MEMORIES_MAX)
        .total_core_instances(limits::CORE_INSTANCES_MAX * components)
        .total_memories(limits::MEMORIES_MAX * components)
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
    config
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(limits::GUEST_STACK_BYTES_MAX)
        // Replays must agree on every machine: no instruction whose result is left to the processor, one NaN.
        .wasm_relaxed_simd(false)
        .cranelift_nan_canonicalization(true)
        .wasm_memory64(false)
        // Enough to find the place; a guest that recurses has 16,000 frames.
        .wasm_backtrace_max_frames(NonZeroUsize::new(8))
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}
