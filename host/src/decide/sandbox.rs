//! The sandbox that policies decide in.
//!
//! A [`Sandbox`] is one engine with its limits; a [`Policy`] is a component that was examined, compiled, compared with
//! the contract and asked for its description. [`Policy::decide`] takes the encoded bytes of a situation and gives
//! back the encoded bytes of a decision, in a store that lives for this one call: nothing passes from one decision to
//! the next but the memo. That it is bytes on both sides is so that this can move into a process of its own.
//!
//! **Fuel** is the limit that counts, because it is the same on every machine and in every replay. The **epoch** only
//! backs it up, for time that passes where no fuel is counted. The **stack** is a
//! host abort although a guest causes it: how deep a guest gets before 512 KiB are gone depends on the frames that this
//! version of the compiler makes for this processor, so the same guest may return on another engine, and a failure
//! that does not repeat there must not fence a policy.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use quarterdeck_core::decision::{Decision, Description};
use quarterdeck_core::digest::Digest;
use quarterdeck_core::encoding;
use quarterdeck_core::ids::Timestamp;
use quarterdeck_core::situation::{SITUATION_BYTES_MAX, Situation};
use quarterdeck_core::upload::Profile;
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Config, Engine, Store};

use super::answer::{Answer, Class, GuestFailure, HostAbort};
use super::apart::Apart;
use super::bindings::exports::quarterdeck::policy::decider::Guest as Decider;
use super::bindings::quarterdeck::policy::types as wit;
use super::bindings::{Policy as Bound, PolicyPre};
use super::guest::{Stay, detail, shorten};
use super::shape::{self, Mismatch};
use super::structure::{self, StructureError};
use super::wasi::Moment;
use super::{backtrace, boundary, engine, limits, wasi};

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
    #[error("ask the component what it is: {}: {}", _0.class.name(), _0.class.detail())]
    Describe(Box<Answer>),
}

/// One engine, with the limits that every policy decides under.
pub struct Sandbox {
    engine: Engine,
    under_way: Arc<AtomicUsize>,
}

/// A component that can decide.
pub struct Policy {
    digest: Digest,
    profile: Profile,
    description: Description,
    way: Way,
}

/// Where a policy is asked.
pub(super) enum Way {
    /// On a thread of this process.
    Here(Ready),
    /// In a process of its own.
    Apart(Apart),
}

/// A component that is compiled and linked and waits to be instantiated.
pub(super) struct Ready {
    engine: Engine,
    pre: PolicyPre<Stay>,
    profile: Profile,
    under_way: Arc<AtomicUsize>,
}

impl Sandbox {
    /// Makes an engine and starts the thread that ticks its epoch.
    ///
    /// # Errors
    /// Where the machine lacks the address space for the pool, or a thread.
    pub fn new() -> Result<Sandbox, SandboxError> {
        Sandbox::of(&engine::engine_config())
    }

    /// A sandbox of a process that asks one policy at a time and may start no thread.
    pub(super) fn alone() -> Result<Sandbox, SandboxError> {
        Sandbox::of(&engine::alone())
    }

    fn of(config: &Config) -> Result<Sandbox, SandboxError> {
        let engine = engine::start(config).map_err(|error| SandboxError(format!("{error:#}")))?;
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
        let profile = shape::compare_names(&outside)?;
        let ready = self.link(&self.compile(bytes)?, profile)?;
        let description = ready.describe().map_err(|failed| LoadError::Describe(Box::new(failed)))?;
        Ok(Policy::of(Digest::of(bytes), profile, description, Way::Here(ready)))
    }

    /// Compiles a component whose structure was examined.
    pub(super) fn compile(&self, bytes: &[u8]) -> Result<Component, LoadError> {
        Component::from_binary(&self.engine, bytes).map_err(|error| LoadError::Compile(detail(&error)))
    }

    /// Compares a component, whose names were compared, with the contract's types, and gives it what its profile has.
    pub(super) fn link(&self, component: &Component, profile: Profile) -> Result<Ready, LoadError> {
        shape::compare_types(&self.engine, component)?;
        let link = |error: wasmtime::Error| LoadError::Link(detail(&error));
        let mut linker = Linker::new(&self.engine);
        Bound::add_to_linker::<_, HasSelf<_>>(&mut linker, |stay| stay).map_err(link)?;
        if profile == Profile::Wasi {
            wasi::link(&mut linker, component).map_err(link)?;
        }
        let pre = PolicyPre::new(linker.instantiate_pre(component).map_err(link)?).map_err(link)?;
        Ok(Ready { engine: self.engine.clone(), pre, profile, under_way: self.under_way.clone() })
    }

    /// The engine that this sandbox compiles for.
    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The decisions that are under way.
    pub(super) fn counter(&self) -> &Arc<AtomicUsize> {
        &self.under_way
    }

    /// How many decisions are under way on threads of their own, those included that were given up.
    pub fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }
}

impl Policy {
    /// A policy that was compiled and asked what it is before.
    pub(super) fn of(digest: Digest, profile: Profile, description: Description, way: Way) -> Policy {
        Policy { digest, profile, description, way }
    }

    /// The digest of the component's bytes: what the policy is called everywhere.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What it may import, by what it does import.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// What it says of itself.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// How large the machine code is that was compiled of it, with what belongs to that, in bytes; nothing of it is in this
    /// process where it decides in one of its own.
    pub fn artifact_bytes(&self) -> usize {
        let Way::Here(ready) = &self.way else { return 0 };
        let image = ready.pre.instance_pre().component().image_range();
        image.end.addr().saturating_sub(image.start.addr())
    }

    /// Asks it to decide, on this thread. Takes the canonical encoding of a [`Situation`] and answers with that of a
    /// [`Decision`](quarterdeck_core::decision::Decision), or says whose doing it is that there is none.
    pub fn decide(&self, situation: &[u8]) -> Answer {
        match &self.way {
            Way::Here(ready) => ready.decide(situation),
            Way::Apart(apart) => apart.decide(situation),
        }
    }

    /// [`Policy::decide`] on a situation that whoever asks has decoded already.
    pub fn decide_on(&self, situation: Situation) -> Answer {
        match &self.way {
            Way::Here(ready) => guarded(|| ready.decide_on(situation)),
            Way::Apart(apart) => apart.decide(&encoding::encode(&situation)),
        }
    }

    /// [`Policy::decide`] from the moment when the situation has been decoded and lowered: what the benchmark compares
    /// with its floor. A policy with WASI draws other random bytes here, since the situation's own bytes are
    /// not at hand. Only bytes go to a process of its own.
    pub fn ask(&self, situation: &wit::Situation) -> Answer {
        match &self.way {
            Way::Here(ready) => ready.ask(situation, Moment { now: Timestamp(situation.now), seed: Digest::ZERO }),
            Way::Apart(_) => aborted(HostAbort::Situation, "a process of its own is shown bytes".to_owned()),
        }
    }

    /// Counts the decisions that are under way in this policy's sandbox.
    pub(super) fn under_way(&self) -> &Arc<AtomicUsize> {
        match &self.way {
            Way::Here(ready) => &ready.under_way,
            Way::Apart(apart) => apart.under_way(),
        }
    }
}

fn guarded(ask: impl FnOnce() -> Answer) -> Answer {
    catch_unwind(AssertUnwindSafe(ask)).unwrap_or_else(|panic| aborted(HostAbort::Panic, said(&*panic)))
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<&str>().copied();
    shorten(said.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no words"))
}

pub(super) fn aborted(kind: HostAbort, detail: String) -> Answer {
    let class = Class::HostAbort { kind, detail };
    Answer { class, logs: vec![], logs_dropped: 0, fuel: 0, memory_bytes: 0, backtrace: vec![] }
}

/// What came of a call, once its store has nothing more to do.
fn answer(store: Store<Stay>, class: Class) -> Answer {
    let fuel = limits::FUEL - store.get_fuel().unwrap_or(0);
    let mut stay = store.into_data();
    stay.end_lines();
    let Stay { memory_bytes, logs, logs_dropped, backtrace, .. } = stay;
    Answer { class, logs, logs_dropped, fuel, memory_bytes: memory_bytes as u64, backtrace }
}

impl Ready {
    /// Asks it to decide, on this thread.
    pub(super) fn decide(&self, situation: &[u8]) -> Answer {
        guarded(|| self.decide_unguarded(situation))
    }

    fn decide_unguarded(&self, bytes: &[u8]) -> Answer {
        if bytes.len() > SITUATION_BYTES_MAX {
            let detail = format!("the situation has {} bytes, of {SITUATION_BYTES_MAX} at most", bytes.len());
            return aborted(HostAbort::Situation, detail);
        }
        // That the bytes are canonical was proved when they were journaled.
        let situation: Situation = match encoding::decode_ours(bytes) {
            Ok(situation) => situation,
            Err(error) => return aborted(HostAbort::Situation, error.to_string()),
        };
        let moment = self.moment(situation.now, || Digest::of(bytes));
        self.ask(&boundary::lower(situation), moment)
    }

    /// The moment of a situation. Its digest takes as long as a small decision, so it is made only where it is drawn from.
    fn moment(&self, now: Timestamp, digest: impl FnOnce() -> Digest) -> Moment {
        match self.profile {
            Profile::Pure => Moment::default(),
            Profile::Wasi => Moment { now, seed: digest() },
        }
    }

    /// Asks it to decide on a situation that was decoded already.
    fn decide_on(&self, situation: Situation) -> Answer {
        let moment = self.moment(situation.now, || Digest::of(&encoding::encode(&situation)));
        self.ask(&boundary::lower(situation), moment)
    }

    fn ask(&self, situation: &wit::Situation, moment: Moment) -> Answer {
        let mut store = self.store(moment);
        let said = self.call(&mut store, |policy, store| policy.call_decide(store, situation));
        let class = said.map(|said| match said {
            Ok(decision) => match boundary::lift(decision) {
                Ok(decision) => Class::Decided(encoding::encode(&decision)),
                Err(refused) => malformed(&refused),
            },
            Err(said) => Class::GuestFailure { kind: GuestFailure::Error, detail: shorten(&said) },
        });
        answer(store, class.unwrap_or_else(|failed| failed))
    }

    /// Asks it what it is.
    pub(super) fn describe(&self) -> Result<Description, Answer> {
        let mut store = self.store(Moment::default());
        let said = self.call(&mut store, |policy, store| policy.call_describe(store));
        let lifted = said.and_then(|said| boundary::lift_description(said).map_err(|refused| malformed(&refused)));
        lifted.map_err(|failed| answer(store, failed))
    }

    /// Instantiates it and asks nothing; it decides nothing then.
    pub(super) fn come_to_life(&self) -> Answer {
        let mut store = self.store(Moment::default());
        let lived = self.call(&mut store, |_, _| Ok(()));
        let nothing = || Class::Decided(encoding::encode(&Decision::default()));
        answer(store, lived.map_or_else(|failed| failed, |()| nothing()))
    }

    /// Instantiates the component and calls it once. Start functions run in here too, so the limits hold for them.
    fn call<T>(
        &self,
        store: &mut Store<Stay>,
        call: impl FnOnce(&Decider, &mut Store<Stay>) -> wasmtime::Result<T>,
    ) -> Result<T, Class> {
        let called = self.pre.instantiate(&mut *store);
        let called = called.and_then(|policy| call(policy.quarterdeck_policy_decider(), store));
        called.map_err(|error| {
            let stay = store.data_mut();
            stay.backtrace = backtrace::backtrace(&error);
            stay.classify(&error)
        })
    }

    fn store(&self, moment: Moment) -> Store<Stay> {
        let mut store = Store::new(&self.engine, Stay::in_moment(moment));
        store.limiter(|stay| stay);
        store.set_fuel(limits::FUEL).expect("the engine counts fuel");
        let ticks = limits::EPOCH.as_millis() / limits::EPOCH_TICK.as_millis();
        store.set_epoch_deadline(u64::try_from(ticks).expect("the epoch is seconds, not ages"));
        store.epoch_deadline_trap();
        store.set_hostcall_fuel(limits::HOSTCALL_BYTES_MAX);
        store.set_max_component_handles(limits::HANDLES_MAX);
        store
    }
}

fn malformed(refused: &boundary::Malformed) -> Class {
    Class::GuestFailure { kind: GuestFailure::Malformed, detail: shorten(&refused.to_string()) }
}
